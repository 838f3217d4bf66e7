import { describe, expect, it, vi } from 'vitest'
import { checkBudget } from './budget-port.ts'
import { listenerErrors } from './events.ts'

const working = () => ({ noteCall: vi.fn(), reserve: vi.fn(() => true), refund: vi.fn() })

describe('a budget that a policy was given', () => {
  it('is asked as it is', () => {
    const given = working()
    const budget = checkBudget(given, 'retry.budget')
    budget.noteCall(5)
    budget.refund()
    expect([budget.reserve(7), given.noteCall.mock.calls, given.reserve.mock.calls]).toEqual([true, [[5]], [[7]]])
    expect(given.refund).toHaveBeenCalledOnce()
  })

  it('has all three methods', () => {
    for (const value of [undefined, null, 5, { ...working(), reserve: 1 }, { noteCall: () => {}, refund: () => {} }])
      expect(() => checkBudget(value as never, 'retry.budget')).toThrow(
        "'retry.budget' must be a budget, such as 'budget()' makes: got",
      )
  })

  it('grants nothing when it throws, and is reported by the name of its option', () => {
    const { report } = listenerErrors
    const reported: string[] = []
    listenerErrors.report = (_error, where) => reported.push(where)
    const broken = () => {
      throw new Error('broken')
    }
    const budget = checkBudget({ noteCall: broken, reserve: broken, refund: broken }, 'a broken one')
    expect([budget.reserve(0), budget.refund()]).toEqual([false, undefined])
    listenerErrors.report = report
    expect(reported).toEqual(['a broken one.reserve', 'a broken one.refund'])
  })
})
