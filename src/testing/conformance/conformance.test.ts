import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listenerErrors } from '../../core/events.ts'
import { conformanceScenarios, judge, TRAPS } from './index.ts'
import { holdfastAdapter } from './testing/holdfast-adapter.ts'

// T: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33
describe('Holdfast in the traps of its peers', () => {
  const { report } = listenerErrors
  beforeAll(() => {
    listenerErrors.report = () => {}
  })
  afterAll(() => {
    listenerErrors.report = report
  })
  for (const scenario of conformanceScenarios) {
    it(`${scenario.trap}: ${scenario.name}`, async (context) => {
      const { verdict, reason } = await judge(scenario, holdfastAdapter)
      if (verdict === 'does not apply') return context.skip()
      expect(reason).toBeUndefined()
    })
  }
})

describe('the scenarios', () => {
  it('cover every trap', () => {
    const covered = [...new Set(conformanceScenarios.map(({ trap }) => trap))]
    expect(covered).toEqual(Array.from({ length: 33 }, (_, index) => index + 1))
    expect(Object.keys(TRAPS).map(Number)).toEqual(covered)
  })

  it('all have sentences of their own', () => {
    const names = conformanceScenarios.map(({ trap, name }) => `${trap}: ${name}`)
    expect(new Set(names).size).toBe(names.length)
  })
})
