import { describe, expect, it, vi } from 'vitest'
import { bulkhead, circuitBreaker, type RateLimiterOptions, rateLimiter, retry, timeout } from '../policies/index.ts'
import { scripted } from '../testing/scripted-operation.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { type ExplainOptions, explain } from './explain.ts'
import type { Operation } from './operation.ts'
import { compose, type Policy } from './policy.ts'
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

describe('what a stage decided', () => {
  const numbersOf = (decisions: readonly Decision[]) =>
    decisions.map(({ verdict, numbers, etaMs }) => [verdict, numbers, ...(etaMs === undefined ? [] : [etaMs])])

  it('is told with the numbers of that moment', async () => {
    const { clock, account } = make()
    const places = bulkhead({ limit: 1, queue: 1, clock })
    const held = places.acquire()
    clock.setTimer(20, () => held.succeed())
    expect(numbersOf((await account(places, () => 1)).decisions)).toMatchObject([
      ['waiting', { inFlight: 1, queued: 1 }],
      ['admitted', { inFlight: 1, queued: 0, waitedMs: 20 }],
      ['returned', {}],
      ['learnt', { inFlight: 0 }],
    ])
    const full = bulkhead({ limit: 1, clock })
    full.acquire()
    expect(numbersOf((await account(full, () => 1)).decisions)).toMatchObject([['rejected', { inFlight: 1, limit: 1 }]])
  })

  it('holds for each of two timeouts', async () => {
    const { clock, account } = make()
    const stack = compose(timeout({ limit: 50, clock }), timeout({ limit: 10, clock }))
    const { decisions } = await account(stack, scripted({ clock }).hangsUntilAborted())
    expect(of(decisions, 'armed').map(({ numbers }) => numbers)).toEqual([{ limitMs: 50 }, { limitMs: 10 }])
  })

  it('is nothing learnt where what is waited for only comes nearer', async () => {
    const { clock, account } = make()
    const slots = bulkhead({ limit: 1, clock })
    const learnt = async (change: number, name: string) => {
      const wait = () => (slots.snapshot().inFlight === 0 ? 50 + change : 50)
      const state = () => ({ name: 'slots', type: 'bulkhead', options: {}, state: { [name]: wait() } })
      const shown = Object.assign(slots, { describe: state })
      return of((await account(shown, () => 1)).decisions, 'learnt').map(({ reason }) => reason)
    }
    expect(await learnt(-10, 'retryAfterMs')).toEqual([])
    expect(await learnt(10, 'retryAfterMs')).toEqual(['retryAfterMs 50 → 60'])
    expect(await learnt(-10, 'other')).toEqual(['other 50 → 40'])
  })

  it('of a retry is asked as ever: about results, and for its right back when the caller leaves', async () => {
    const { clock, account } = make()
    const again = retry({ maxAttempts: 3, backoff, retryResult: (value) => value !== 'good', clock })
    expect(await account(again, scripted<string>().returns('bad', 1).returns('good'))).toMatchObject({ value: 'good', calls: 2 })
    expect(await account(retry({ backoff, clock }), () => 'any')).toMatchObject({ value: 'any', calls: 1 })
    const budget = { noteCall: () => {}, reserve: () => true, refund: vi.fn() }
    const caller = new AbortController()
    clock.setTimer(5, () => caller.abort('enough'))
    const { outcome } = await account(retry({ backoff, budget, clock }), scripted().fails(), { signal: caller.signal })
    expect([outcome, budget.refund.mock.calls.length]).toEqual(['cancelled', 1])
  })
})
