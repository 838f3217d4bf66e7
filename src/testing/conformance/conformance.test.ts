import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listenerErrors } from '../../core/events.ts'
import { type Adapter, applies, type ConformanceTime, conformanceScenarios, judge, RefusedOptions, TRAPS } from './index.ts'
import { carelessAdapter } from './testing/careless-adapter.ts'
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
  it('of every trap apply to Holdfast', () => {
    const adapter = holdfastAdapter()
    const applying = conformanceScenarios.filter((scenario) => applies(scenario, adapter)).map(({ trap }) => trap)
    expect(new Set(applying).size).toBe(33)
  })

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

describe('a library that steps into a trap', () => {
  const careless = conformanceScenarios.filter((scenario) => applies(scenario, carelessAdapter()))
  for (const scenario of careless)
    it(`fails in ${scenario.trap}: ${scenario.name}`, async () => {
      expect(await judge(scenario, carelessAdapter)).toMatchObject({ verdict: 'fails' })
    })

  const time: ConformanceTime = { ...holdfastAdapter().time }
  const unbounded: Adapter = { name: 'careless', time, bulkhead: () => ({ call: async (work) => work({}) }) }
  const waiting = conformanceScenarios.find(({ trap }) => trap === 18)!

  it('is told what went wrong', async () => {
    const verdict = await judge(waiting, () => unbounded)
    expect(verdict).toMatchObject({ verdict: 'fails', reason: expect.stringContaining('one may run at once') })
  })

  it('is let off where it does not have the part', async () => {
    expect(await judge(waiting, () => ({ name: 'small', time }))).toMatchObject({ verdict: 'does not apply' })
    await expect(waiting.run({ name: 'small', time })).rejects.toThrow('small does not have what this scenario needs: bulkhead')
  })

  it('passes where it refuses the options itself', async () => {
    const refusing: Adapter = {
      name: 'strict',
      time,
      bulkhead: () => {
        throw new RefusedOptions('no queues here')
      },
    }
    expect(await judge(waiting, () => refusing)).toMatchObject({ verdict: 'passes', note: 'refuses it: no queues here' })
  })
})
