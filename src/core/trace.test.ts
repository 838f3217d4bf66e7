import { describe, expect, it, vi } from 'vitest'
import { bulkhead, circuitBreaker, hedge, type RateLimiterOptions, rateLimiter, retry, timeout } from '../policies/index.ts'
import { scripted } from '../testing/scripted-operation.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { listenerErrors } from './events.ts'
import { type ExplainOptions, explain, explainSync } from './explain.ts'
import type { Operation } from './operation.ts'
import { compose, noop, type Policy, policy } from './policy.ts'
import type { Decision } from './trace.ts'

const backoff = { type: 'constant', initial: 10, jitter: 'none' } as const
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

describe('what a gate decided', () => {
  it('is a refusal in the words of its error, also when its rule throws, whatever it throws', async () => {
    const said = async (thrown: unknown) => {
      const { clock, account } = make()
      const cost: RateLimiterOptions['cost'] = () => {
        throw thrown
      }
      const { decisions, decidedBy, outcome } = await account(rateLimiter({ limit: 1, per: 1000, cost, clock }), () => 1)
      expect(decisions.map(({ verdict }) => verdict)).toEqual(['rejected'])
      return [outcome, decidedBy, decisions[0]!.reason]
    }
    expect(await said(new Error('no cost'))).toEqual(['failed', 'rate-limiter', 'no cost'])
    expect(await said('text')).toEqual(['failed', 'rate-limiter', 'refused: text'])
    expect(await said(new Error(''))).toEqual(['failed', 'rate-limiter', 'refused: Error'])
  })

  it('after it had made the call wait is told when that ends: in vain, or because the caller left', async () => {
    const { clock, account } = make()
    const places = bulkhead({ limit: 1, queue: 1, maxWait: 100, clock })
    places.acquire()
    const late = await account(places, () => 1)
    expect(late.decisions.map(({ verdict, atMs }) => [verdict, atMs])).toEqual([
      ['waiting', 0],
      ['rejected', 100],
    ])
    expect(late).toMatchObject({ outcome: 'rejected', decidedBy: 'bulkhead' })
    expect(late.decisions[1]).toMatchObject({ numbers: { inFlight: 1, queued: 0 }, error: { code: 'ERR_BULKHEAD_FULL' } })
    const bounded = compose(retry({ maxAttempts: 2, backoff, clock }), timeout({ limit: 50, clock }), places)
    const left = of((await account(bounded, () => 1)).decisions, 'left')
    expect(left[0]).toMatchObject({ atMs: 50, attempt: 1, numbers: { inFlight: 1, queued: 0 }, error: { name: 'TimeoutError' } })
  })

  it('is told in its own numbers, not in those of a call that it put out for this one', async () => {
    const { clock, account } = make()
    const places = bulkhead({ limit: 1, queue: 1, overflow: 'drop-oldest', clock })
    const held = places.acquire()
    const other = places.execute(() => 1).catch((error: Error) => error.message)
    clock.setTimer(20, () => held.succeed())
    const { decisions, outcome } = await account(places, () => 1)
    expect(await other).toMatch(/took the place in the queue/)
    expect([outcome, decisions[0]]).toMatchObject(['succeeded', { verdict: 'waiting' }])
    expect(Object.keys(decisions[0]!.numbers)).not.toContain('reason')
  })

  it('and what it learnt is told from what to what, in round numbers, and not where nothing changed', async () => {
    const { clock, account, failing } = make()
    const breaker = circuitBreaker({ trip: { consecutive: 2 }, openFor: 5000, clock })
    const learnt = async (stack: Policy, operation: Operation<unknown>) =>
      of((await account(stack, operation)).decisions, 'learnt').map(({ policy: who, reason, numbers }) => [who, reason, numbers])
    const grown = (what: string) => `${what} 0 → 1`
    const counted = { state: 'closed', consecutiveFailures: 1, calls: 1, failures: 1 }
    expect(await learnt(bulkhead({ limit: 1, clock }), () => 1)).toMatchObject([['bulkhead', 'inFlight 1 → 0', { inFlight: 0 }]])
    expect(await learnt(circuitBreaker({ trip: { consecutive: 2 }, clock }), () => 1)).toEqual([])
    expect(await learnt(breaker, failing)).toEqual([
      ['circuit-breaker', `${grown('consecutiveFailures')}, ${grown('calls')}, ${grown('failures')}`, counted],
    ])
    const [[, opened]] = (await learnt(breaker, failing)) as [[string, string]]
    expect(opened).toBe(
      'state closed → open, consecutiveFailures 1 → 0, calls 1 → 0, failures 1 → 0, retryAfterMs nothing → 5000',
    )
    const slots = bulkhead({ limit: 1, clock })
    const state = () => ({ name: 'slots', type: 'bulkhead', options: {}, state: { share: slots.snapshot().inFlight / 3 } })
    const shared = Object.assign(slots, { describe: state })
    expect((await learnt(shared, failing)).map(([, reason]) => reason)).toEqual(['share 0.333 → 0'])
  })
})

describe('what a timeout decided', () => {
  it('is the limit that it set, where there is one', async () => {
    const { clock, account } = make()
    const bounded = timeout({ limit: 100, byOperation: { free: Number.POSITIVE_INFINITY }, clock })
    expect((await account(bounded, () => 1)).decisions[0]).toMatchObject({ verdict: 'armed', numbers: { limitMs: 100 } })
    expect(of((await account(bounded, () => 1, { operation: 'free' })).decisions, 'armed')).toEqual([])
  })

  it('and that work goes on beyond it, until it ends, is counted as ever', async () => {
    const { clock, account } = make()
    const bounded = timeout({ limit: 10, clock })
    const stack = compose(retry({ maxAttempts: 2, backoff, clock }), bounded)
    const operation = scripted({ clock }).hangs()
    const { decisions, durationMs } = await account(stack, operation)
    expect(durationMs).toBe(30)
    expect(of(decisions, 'expired').map(({ numbers }) => numbers)).toEqual([{ limitMs: 10 }, { limitMs: 10 }])
    expect(of(decisions, 'abandoned')[0]).toMatchObject({ atMs: 10, numbers: { limitMs: 10, running: 1 } })
    expect(bounded.status()).toEqual({ expired: 2, abandoned: 2, abandonedTotal: 2 })
    operation.release()
    await clock.advance(0)
    expect(bounded.status().abandoned).toBe(0)
  })

  it('is heard by the gates further in, those that keep no books on it too', async () => {
    const { clock, account } = make()
    const places = bulkhead({ limit: 1, clock })
    const stack = compose(timeout({ limit: 10, clock }), places, circuitBreaker({ clock }))
    const operation = scripted({ clock }).hangs()
    expect(await account(stack, operation)).toMatchObject({ outcome: 'timed-out', decidedBy: 'timeout' })
    expect(places.snapshot()).toMatchObject({ inFlight: 1, abandoned: 1 })
    operation.release()
    await clock.advance(0)
    expect(places.snapshot()).toMatchObject({ inFlight: 0, abandoned: 0 })
  })

  it('gives places back at once where it was told to', async () => {
    const { clock, account } = make()
    const places = bulkhead({ limit: 1, clock })
    await account(compose(timeout({ limit: 10, release: 'at-once', clock }), places), scripted({ clock }).hangs())
    expect(places.snapshot().inFlight).toBe(0)
  })

  it('by a rule that throws is its own doing', async () => {
    const { clock, account } = make()
    const limit = () => {
      throw new Error('no limit')
    }
    expect(await account(timeout({ limit, clock }), () => 1)).toMatchObject({ outcome: 'failed', decidedBy: 'timeout' })
  })
})

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

describe('a trace', () => {
  it('names the attempt of each decision, and nothing that is not known', async () => {
    const { clock, account, failing } = make()
    const stack = compose(retry({ backoff, clock }), circuitBreaker({ trip: { consecutive: 2 }, clock }))
    const { decisions } = await account(stack, failing)
    expect(decisions.map(({ policy: who, verdict, attempt }) => `${who} ${verdict} ${attempt}`)).toEqual([
      ...['circuit-breaker admitted 1', 'operation failed 1', 'circuit-breaker learnt 1', 'retry scheduled 1'],
      ...['circuit-breaker admitted 2', 'operation failed 2', 'circuit-breaker changed 2', 'circuit-breaker learnt 2'],
      ...['retry scheduled 2', 'circuit-breaker rejected 3', 'retry gave-up 3'],
    ])
    const [admitted] = decisions
    expect(Object.keys(admitted!)).toEqual(['atMs', 'policy', 'type', 'attempt', 'verdict', 'reason', 'numbers'])
    for (const { numbers } of decisions) expect(Object.values(numbers)).not.toContain(undefined)
  })

  it('knows where an error came from first, whoever spoke last', async () => {
    const { clock, account } = make()
    const breaker = circuitBreaker({ trip: { consecutive: 1 }, clock })
    const first = policy('first', (next) => async (execution) => {
      try {
        return await next(execution)
      } catch (error) {
        await Promise.resolve(next(execution)).catch(() => {})
        throw error
      }
    })
    const down = () => Promise.reject(new Error('down'))
    expect(await account(compose(first, breaker), down)).toMatchObject({ outcome: 'failed', decidedBy: 'operation', calls: 1 })
    for (const thrown of ['down', null, undefined, 0])
      expect(
        await account(retry({ maxAttempts: 2, backoff, clock, retryIf: () => true }), () => Promise.reject(thrown)),
      ).toMatchObject({
        decidedBy: 'operation',
        calls: 2,
      })
  })

  it('of a call that never came to a policy names the caller', async () => {
    const { account } = make()
    expect(await account(noop, () => 1, { within: 'soon' })).toMatchObject({ outcome: 'failed', decidedBy: 'caller', calls: 0 })
  })

  it('hears nothing of what is done to a policy meanwhile, by hand or by others', async () => {
    const { clock, account } = make()
    const breaker = circuitBreaker({ clock })
    const slow = async () => {
      breaker.isolate('by hand')
      breaker.reset()
      await new Promise<void>((resolve) => clock.setTimer(10, resolve))
    }
    const { decisions } = await account(breaker, slow)
    expect(decisions.map(({ verdict }) => verdict)).toEqual(['admitted', 'returned', 'stale'])
  })

  it('tells each retry by the attempt that it counts itself', async () => {
    const { clock, account, failing } = make()
    const twice = (name: string) => retry({ name, maxAttempts: 2, backoff, clock })
    const { decisions } = await account(compose(twice('outer'), twice('inner')), failing)
    expect(of(decisions, 'scheduled').map(({ policy: who, attempt }) => `${who} ${attempt}`)).toEqual([
      ...['inner 1', 'outer 1', 'inner 1'],
    ])
  })

  it('counts from the start of the call what a retry may take in all', async () => {
    const { clock, account } = make()
    const stack = retry({ maxAttempts: 9, maxElapsed: 95, backoff, clock })
    const { calls } = await account(stack, scripted({ clock }).rejectsAfter(40))
    expect(calls).toBe(2)
  })

  it('leaves out what is not known, and goes on where its listener throws, which nobody is told of', async () => {
    const { clock, account } = make()
    const slots = bulkhead({ limit: 1, clock })
    const state = () => ({ name: 'slots', type: 'bulkhead', options: {}, state: { share: undefined, limit: 1 } })
    const heard: string[] = []
    const onDecision = ({ verdict }: Decision) => {
      heard.push(verdict)
      throw new Error('in the listener')
    }
    const { decisions } = await account(Object.assign(slots, { describe: state }), () => 1, { onDecision })
    expect(Object.keys(decisions[0]!.numbers)).toEqual(['limit'])
    expect(heard).toEqual(decisions.map(({ verdict }) => verdict))
  })

  it('lets no policy hear an error of its own listening', async () => {
    const { clock, account } = make()
    const { report } = listenerErrors
    const reported = vi.fn()
    listenerErrors.report = reported
    const places = bulkhead({ limit: 1, queue: 1, maxWait: 100, clock })
    places.acquire()
    await account(places, () => 1)
    listenerErrors.report = report
    expect(reported).not.toHaveBeenCalled()
  })

  it('hears that a hedge was left running, which no stage tells', async () => {
    const { clock, account } = make()
    const slow = policy('slow', (next) => async (execution) => {
      const value = await next(execution)
      await new Promise<void>((resolve) => clock.setTimer(100, resolve))
      return value
    })
    const operation = scripted<string>({ clock }).hangs(1).thenReturns('second')
    const { decisions } = await account(compose(slow, hedge({ delay: 10, clock })), operation)
    expect(of(decisions, 'abandoned').map(({ policy: who, numbers }) => [who, numbers.hedge])).toEqual([['hedge', 0]])
  })

  it('hears a policy once that stands in the stack twice', async () => {
    const { clock, account, failing } = make()
    const breaker = circuitBreaker({ trip: { consecutive: 1 }, clock })
    const { decisions } = await account(compose(breaker, breaker), failing)
    expect(of(decisions, 'changed').length).toBe(1)
  })

  it('goes on where a policy cannot say what it is', async () => {
    const { account } = make()
    const silent = Object.assign(
      policy('silent', (next) => next),
      {
        describe: () => {
          throw new Error('no words')
        },
      },
    )
    expect((await account(compose(noop, silent), () => 1)).decisions.at(-1)).toMatchObject({
      policy: 'silent',
      type: 'custom',
      verdict: 'passed',
    })
  })
})
