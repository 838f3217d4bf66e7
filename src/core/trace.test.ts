import { describe, expect, it, vi } from 'vitest'
import { bulkhead, circuitBreaker, hedge, rateLimiter, retry } from '../policies/index.ts'
import { scripted } from '../testing/scripted-operation.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { listenerErrors } from './events.ts'
import { type ExplainOptions, explain } from './explain.ts'
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
  it('knows for how long: by the error, by what is waited for, or not at all', async () => {
    const { clock, account, failing } = make()
    const rate = rateLimiter({ limit: 1, per: 1000, burst: 1, clock })
    const etas = async (stack: Policy, operation: Operation<unknown>) =>
      (await account(stack, operation)).decisions.map(({ verdict, etaMs }) => `${verdict} ${etaMs}`)
    rate.consume()
    expect(await etas(rate, () => 1)).toEqual(['rejected 1000'])
    expect(await etas(retry({ maxAttempts: 2, backoff, clock }), failing)).toEqual([
      ...['failed undefined', 'scheduled 10', 'failed undefined', 'gave-up undefined'],
    ])
    const plain = bulkhead({ limit: 1, clock })
    const [admitted] = (await account(plain, () => 1)).decisions
    expect(Object.keys(admitted!)).not.toContain('etaMs')
    const state = (known: object) => () => ({ name: 'slots', type: 'bulkhead', options: {}, state: known as never })
    expect((await etas(Object.assign(plain, { describe: state({ retryAfterMs: 7, delayMs: 8 }) }), () => 1))[0]).toBe(
      'admitted 7',
    )
    expect((await etas(Object.assign(plain, { describe: state({ retryAfterMs: 'soon' }) }), () => 1))[0]).toBe(
      'admitted undefined',
    )
  })

  it('tells a policy that decides from another that is turned meanwhile', async () => {
    const { clock, account } = make()
    const breaker = circuitBreaker({ clock })
    const cost = () => {
      breaker.isolate('by hand')
      breaker.reset()
      return 1
    }
    const { decisions } = await account(compose(rateLimiter({ limit: 1, per: 1000, cost, clock }), breaker), () => 1)
    expect(of(decisions, 'changed')).toEqual([])
  })

  it('begins with what a policy tells before it has decided anything, and listens no longer than the call takes', async () => {
    const { clock, account, failing } = make()
    const breaker = circuitBreaker({ trip: { consecutive: 1 }, openFor: 1000, clock })
    await account(breaker, failing)
    const { decisions } = await account(breaker, () => 1)
    expect(decisions.map(({ verdict, attempt }) => `${verdict} ${attempt}`).slice(0, 2)).toEqual(['changed 1', 'admitted 1'])
    expect(breaker.events.active).toBe(false)
  })
})
