import { describe, expect, it } from 'vitest'
import { bulkhead, coalesce, hedge } from '../policies/index.ts'
import { scripted } from '../testing/scripted-operation.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { type ExplainOptions, explain, explainSync } from './explain.ts'
import type { Operation } from './operation.ts'
import { compose, type Policy, policy } from './policy.ts'
import type { Decision } from './trace.ts'

const make = () => {
  // Not from zero on, so that a moment is not mistaken for a span.
  const clock = new VirtualClock({ now: 5000 })
  const account = async (stack: Policy, operation: Operation<unknown>, options?: ExplainOptions) => {
    const end = explain(stack, operation, options)
    await clock.advance(60_000)
    return end
  }
  return { clock, account, failing: () => Promise.reject(new Error('down')) }
}
const of = (decisions: readonly Decision[], verdict: string) => decisions.filter((one) => one.verdict === verdict)

describe('what a layer did', () => {
  const layers: Record<string, (next: Operation<never>) => Operation<never>> = {
    passed: (next) => (execution) => next(execution),
    repeated: (next) => async (execution) => {
      await next(execution)
      return next(execution)
    },
    answered: () => () => 'own' as never,
    replaced: (next) => async (execution) => [await next(execution)] as never,
  }
  it.each(Object.entries(layers))('is seen from the outside: %s', async (verdict, layer) => {
    const { account } = make()
    const calls = { answered: 0, repeated: 2 }[verdict] ?? 1
    const mine = policy('mine', layer as Parameters<typeof policy>[1])
    const { decisions, decidedBy } = await account(mine, () => 'value')
    expect(decisions.at(-1)).toMatchObject({ policy: 'mine', type: 'custom', verdict, numbers: { calls } })
    expect('error' in decisions.at(-1)!).toBe(false)
    expect(decidedBy).toBe(verdict === 'answered' || verdict === 'replaced' ? 'mine' : 'operation')
  })

  it('is seen of a call that fails too, sync or not, with its error', async () => {
    const { account, failing } = make()
    const through = policy('through', (next) => (execution) => next(execution))
    const failed = await account(through, failing)
    expect(failed.decisions.at(-1)).toMatchObject({ verdict: 'passed', numbers: { calls: 1 }, error: { message: 'down' } })
    expect(failed.decidedBy).toBe('operation')
    const sync = explainSync(through, () => {
      throw new Error('at once')
    })
    expect(sync.decisions.map(({ policy: who, verdict }) => [who, verdict])).toEqual([
      ['operation', 'failed'],
      ['through', 'passed'],
    ])
    expect(explainSync(through, () => 7)).toMatchObject({ value: 7, decidedBy: 'operation' })
    const other = policy('other', (next) => async (execution) => {
      await (next(execution) as Promise<unknown>).catch(() => {})
      throw new Error('instead')
    })
    expect(await account(other, failing)).toMatchObject({ decidedBy: 'other', summary: { message: 'instead' } })
  })

  it('is told apart for calls of one execution too: one that has ended calls no more', async () => {
    const { clock, account } = make()
    const both = policy('both', (next) => async (execution) => {
      const [first] = await Promise.all([next(execution), next(execution)])
      return first
    })
    let entered = 0
    const firstWaits = policy('first waits', (next) => async (execution) => {
      if (++entered === 1) await new Promise<void>((resolve) => clock.setTimer(10, resolve))
      return next(execution)
    })
    const { decisions } = await account(compose(both, firstWaits, bulkhead({ limit: 2, clock })), () => 1)
    const visits = decisions.filter(({ policy: who }) => who === 'first waits')
    expect(visits.map(({ atMs, verdict, numbers }) => [atMs, verdict, numbers.calls])).toEqual([
      [0, 'passed', 1],
      [10, 'passed', 1],
    ])
  })

  it('may go on after it has answered, unseen', async () => {
    const { clock, account } = make()
    let refreshed: unknown
    const stale = policy('stale', (next) => (execution) => {
      clock.setTimer(10, () => (refreshed = next(execution)))
      return 'stale' as never
    })
    expect(await account(stale, () => 'fresh')).toMatchObject({ value: 'stale', decidedBy: 'stale', calls: 0 })
    expect(refreshed).toBe('fresh')
  })

  it('and an error that it throws keeps its source, whoever throws it again', async () => {
    const { account, failing } = make()
    const inner = policy('inner', (next) => async (execution) => {
      await Promise.resolve(next(execution)).catch(() => {})
      throw new Error('instead')
    })
    const outer = policy('outer', (next) => async (execution) => {
      const answers = await Promise.allSettled([next(execution), next(execution)])
      throw (answers[0] as PromiseRejectedResult).reason
    })
    expect(await account(compose(outer, inner), failing)).toMatchObject({ decidedBy: 'inner' })
  })

  it('reads no thenable where it could not wait for it', () => {
    let read = 0
    const lazy = { then: () => read++ }
    const through = policy('through', (next) => (execution) => next(execution))
    expect(() => explainSync(through, () => lazy as never)).toThrow("'executeSync' needs policies and an operation")
    expect(read).toBe(0)
  })

  it('is told apart for calls that pass it side by side', async () => {
    const { clock, account } = make()
    const twice = policy('twice', (next) => async (execution) => {
      await next(execution)
      return next(execution)
    })
    const slow = scripted({ clock }).resolvesAfter(30, 'slow')
    const { decisions } = await account(compose(hedge({ delay: 10, clock }), twice), slow)
    expect(of(decisions, 'repeated').map(({ policy: who, atMs, numbers }) => [who, atMs, numbers])).toEqual([
      ['twice', 60, { calls: 2 }],
      ['hedge', 60, { calls: 2 }],
    ])
    const thenable = { then: (resolve: (value: string) => void) => resolve('read once') }
    expect(await account(twice, () => thenable as never)).toMatchObject({ value: 'read once' })
  })
})

it('a layer is seen to pass a call on under an execution that is not its own', async () => {
  const { clock, account } = make()
  const { decisions } = await account(coalesce({ key: () => 'one', clock }), () => 1)
  expect(decisions.at(-1)).toMatchObject({ policy: 'coalesce', verdict: 'passed', numbers: { calls: 1 } })
})
