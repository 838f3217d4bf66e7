import { describe, expect, it } from 'vitest'
import { HoldfastError, type OptionError, TimeoutError } from '../../core/errors.ts'
import { type HoldfastEvent, listenerErrors } from '../../core/events.ts'
import { compose } from '../../core/policy.ts'
import { scripted } from '../../testing/scripted-operation.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { rateLimiter } from '../rate-limiter/rate-limiter.ts'
import { attemptsOf, RetriesExhaustedError, type RetryOptions, retry } from './retry.ts'

const steady = { type: 'constant', initial: 100, jitter: 'none' } as const
const make = (options: RetryOptions = {}) => {
  const clock = new VirtualClock()
  return { clock, policy: retry({ backoff: steady, clock, ...options }), operation: scripted<unknown>({ clock }) }
}
const settled = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ value }),
    (error) => ({ error }),
  )
const run = async (policy: ReturnType<typeof retry>, operation: Parameters<typeof policy.execute>[0], clock: VirtualClock) => {
  const end = settled(policy.execute(operation))
  await clock.advance(86_400_000)
  return end
}

describe('a retry', () => {
  // R: X1, R3, P2, U1
  // T: 33
  it('makes maxAttempts calls in all, waits between them, and rethrows the last error itself', async () => {
    const { clock, policy, operation } = make({ maxAttempts: 4 })
    const errors = [1, 2, 3, 4].map((number) => new Error(`failure ${number}`))
    for (const error of errors) operation.fails(1, error)
    expect(await run(policy, operation, clock)).toEqual({ error: errors[3] })
    expect(operation.calls.map(({ at }) => at)).toEqual([0, 100, 200, 300])
    expect(operation.attempts).toEqual([1, 2, 3, 4])
    expect(attemptsOf(errors[3])).toEqual(errors)
    expect(attemptsOf(errors[0])).toEqual([])
    expect([attemptsOf(undefined), attemptsOf('x')]).toEqual([[], []])
  })

  // T: 33
  it('with maxAttempts 1 never tries again', async () => {
    const { clock, policy, operation } = make({ maxAttempts: 1 })
    await run(policy, operation.fails(), clock)
    expect(operation.calls.length).toBe(1)
  })

  it('ends with the first success', async () => {
    const { clock, policy, operation } = make()
    expect(await run(policy, operation.fails(1).thenReturns('ok'), clock)).toEqual({ value: 'ok' })
    expect([operation.calls.length, clock.pendingTimers()]).toEqual([2, 0])
  })

  // R: X2, X14, U1
  it('does not retry what cannot help, and asks the rule with error and attempt', async () => {
    for (const [error, calls] of [
      [Object.assign(new Error(), { status: 404 }), 1],
      [Object.assign(new Error(), { status: 503 }), 3],
      [Object.assign(new Error(), { code: 'ECONNRESET' }), 3],
      [new RangeError('wrong'), 1],
    ] as const) {
      const { clock, policy, operation } = make()
      expect(await run(policy, operation.fails(9, error), clock)).toEqual({ error })
      expect(operation.calls.length).toBe(calls)
    }
    const asked: unknown[] = []
    const { clock, policy, operation } = make({ maxAttempts: 9, retryIf: (error, attempt) => asked.push([error, attempt]) < 3 })
    await run(policy, operation.fails(9, 'thrown'), clock)
    expect(asked).toEqual([1, 2, 3].map((attempt) => ['thrown', attempt]))
  })

  it('retries unacceptable results, and returns the last one', async () => {
    const { clock, policy, operation } = make({ retryResult: (value) => value === undefined || value === 'bad' })
    expect(await run(policy, operation.returns(undefined, 1).thenReturns('bad', 1).thenReturns('good'), clock)).toEqual({
      value: 'good',
    })
    // A result is no error: the rule for errors is not asked, and there is nothing to wrap.
    const never = make({ retryResult: () => true, retryIf: () => false, exhausted: 'wrap' })
    expect(await run(never.policy, never.operation.thenReturns('bad'), never.clock)).toEqual({ value: 'bad' })
    expect(never.operation.calls.length).toBe(3)
  })

  // R: P1
  it('wraps the last error when asked, but not the only one', async () => {
    const { clock, policy, operation } = make({ exhausted: 'wrap', name: 'outer' })
    const cause = new Error('real')
    const { error } = (await run(policy, operation.fails(9, cause), clock)) as { error: RetriesExhaustedError }
    expect(error).toBeInstanceOf(RetriesExhaustedError)
    expect(error).toBeInstanceOf(HoldfastError)
    expect(error).toMatchObject({ code: 'ERR_RETRIES_EXHAUSTED', family: 4000, attempts: 3, policy: 'outer', cause })
    expect([error.name, error.message]).toEqual(['RetriesExhaustedError', 'failed after 3 attempts: real'])
    const final = new RangeError('wrong')
    expect(await settled(policy.execute(() => Promise.reject(final)))).toEqual({ error: final })
  })

  // R: X1
  it('begins no attempt later than maxElapsed, and takes endless attempts only with it', async () => {
    const { clock, policy, operation } = make({ maxAttempts: Number.POSITIVE_INFINITY, maxElapsed: 450 })
    await run(policy, operation.fails(), clock)
    expect(operation.calls.map(({ at }) => at)).toEqual([0, 100, 200, 300, 400])
    expect(() => retry({ maxAttempts: Number.POSITIVE_INFINITY })).toThrow(
      "'retry.maxAttempts' needs 'maxElapsed' to be without end",
    )
  })

  // T: 26
  it('gives up now, with the real error, when the next wait would pass the deadline', async () => {
    const { clock, policy, operation } = make({ maxAttempts: 9 })
    const events: HoldfastEvent[] = []
    policy.observe((event) => events.push(event))
    const real = new Error('real')
    const end = settled(policy.execute(operation.fails(9, real), { within: 250 }))
    await clock.advance(200)
    expect(await end).toEqual({ error: real })
    expect([operation.calls.length, clock.now(), clock.pendingTimers()]).toEqual([3, 200, 0])
    expect(events.at(-1)).toMatchObject({ type: 'retry.gave-up', reason: 'deadline' })
  })

  it('is ended by the deadline while an attempt runs, with a timeout', async () => {
    const { clock, policy, operation } = make()
    const end = settled(policy.execute(operation.fails(1).hangsUntilAborted(), { within: 250 }))
    await clock.advance(250)
    const { error } = (await end) as { error: TimeoutError }
    expect(error).toBeInstanceOf(TimeoutError)
    expect([error.policy, error.limitMs, operation.signals[1]!.reason]).toEqual(['within', 250, error])
    await clock.advance(1000)
    expect([operation.calls.length, clock.pendingTimers({ includeIdle: true })]).toEqual([2, 0])
  })

  // T: 27
  it('waits as long as the error asks for, no longer than its bound, and gives up now beyond it or the deadline', async () => {
    const asking = (ms: number) => Object.assign(new Error('busy'), { retryAfterMs: ms })
    const times = async (ms: number, options: RetryOptions = {}, within?: number) => {
      const { clock, policy, operation } = make({ maxAttempts: 2, ...options })
      const end = settled(policy.execute(operation.fails(9, asking(ms)), { within }))
      await clock.advance(100_000_000)
      expect(await end).toMatchObject({ error: { message: 'busy' } })
      return operation.calls.map(({ at }) => at)
    }
    expect(await times(5000)).toEqual([0, 5000])
    expect(await times(60_000)).toEqual([0, 60_000])
    expect(await times(60_001)).toEqual([0])
    expect(await times(5000, { retryAfterMax: 4000 })).toEqual([0])
    expect(await times(5000, { retryAfterMax: 0 })).toEqual([0, 100])
    expect(await times(5000, {}, 5000)).toEqual([0])
    expect(await times(5000, {}, 5001)).toEqual([0, 5000])
    expect(await times(5000, { maxElapsed: 4999 })).toEqual([0])
    expect(await times(-5000)).toEqual([0, 0])
    expect(await times(Number.NaN)).toEqual([0, 100])
    expect(await times(Number.POSITIVE_INFINITY)).toEqual([0, 100])
  })

  // T: 27
  it('waits for the turn that a limiter further in names', async () => {
    const { clock, policy, operation } = make()
    const limiter = rateLimiter({ limit: 1, per: 1234, clock })
    limiter.consume()
    const end = compose(policy, limiter).execute(operation.thenReturns('ok'))
    await clock.advance(2000)
    await expect(end).resolves.toBe('ok')
    expect(operation.calls.map(({ at }) => at)).toEqual([1234])
  })

  // T: 12
  it('stops at once when it is cancelled during a wait, and never calls again', async () => {
    const { clock, policy, operation } = make({ backoff: { ...steady, initial: '1h' } as const, maxAttempts: 3 })
    const controller = new AbortController()
    const end = settled(policy.execute(operation.fails(), { signal: controller.signal }))
    await clock.advance(50)
    const reason = new Error('enough')
    controller.abort(reason)
    expect(await end).toEqual({ error: reason })
    expect(clock.pendingTimers({ includeIdle: true })).toBe(0)
    await clock.advance(86_400_000)
    expect(operation.calls.length).toBe(1)
    const aborted = scripted().thenReturns('ok')
    expect(await settled(policy.execute(aborted, { signal: controller.signal }))).toEqual({ error: reason })
    expect(aborted.calls.length).toBe(0)
  })

  // T: 12, 14
  it('surfaces the reason of the caller, not the error by which the attempt obeyed', async () => {
    const { policy, operation } = make()
    const controller = new AbortController()
    const obeying = operation.plays(
      ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('obeyed')), { once: true })),
    )
    const end = settled(policy.execute(obeying, { signal: controller.signal }))
    controller.abort('enough')
    expect(await end).toEqual({ error: 'enough' })
    expect(operation.calls.length).toBe(1)
  })

  // R: X4, I2, U5
  it('tells of every retry: operation, attempt, elapsed time, next delay, error', async () => {
    const { clock, policy, operation } = make({ name: 'goto-retry' })
    const events: HoldfastEvent[] = []
    policy.observe((event) => events.push(event))
    const error = Object.assign(new TypeError('net'), { code: 'ECONNRESET' })
    const end = settled(policy.execute(operation.rejectsAfter(7, error), { operation: 'goto', id: 'call-1', key: 'k' }))
    await clock.advance(1000)
    await end
    const common = { policy: 'goto-retry', operation: 'goto', execution: 'call-1', key: 'k' }
    expect(events).toMatchObject([
      {
        ...common,
        type: 'retry.scheduled',
        attempt: 1,
        elapsedMs: 7,
        delayMs: 100,
        error: { name: 'TypeError', code: 'ECONNRESET' },
      },
      { ...common, type: 'retry.scheduled', attempt: 2, elapsedMs: 114, delayMs: 100 },
      { ...common, type: 'retry.gave-up', attempt: 3, elapsedMs: 221, reason: 'attempts' },
    ])
  })

  it('says why it gave up', async () => {
    const reasonOf = async (options: RetryOptions, error: unknown = new Error('x')) => {
      const { clock, policy, operation } = make(options)
      let reason: unknown
      policy.observe((event) => {
        if (event.type === 'retry.gave-up') reason = event.reason
      })
      await run(policy, operation.fails(99, error), clock)
      return reason
    }
    expect(await reasonOf({})).toBe('attempts')
    expect(await reasonOf({ retryIf: () => false })).toBe('not-retryable')
    expect(await reasonOf({ maxElapsed: 50 })).toBe('elapsed')
    expect(await reasonOf({ retryAfterMax: 1 }, { retryAfterMs: 2 })).toBe('retry-after')
  })

  // R: P2
  it('takes a function for the waits, and waits as usual when it gives nonsense', async () => {
    const { clock, policy, operation } = make({
      backoff: (attempt, error) => (error === 'slow' ? '1s' : attempt * 10),
      maxAttempts: 4,
    })
    await run(policy, operation.fails(1, 'slow').fails(9), clock)
    expect(operation.calls.map(({ at }) => at)).toEqual([0, 1000, 1020, 1050])
    const report = listenerErrors.report
    const reported: string[] = []
    listenerErrors.report = (error, where) => reported.push(`${where}: ${(error as Error).message}`)
    const broken = make({ backoff: () => 'soon', random: () => 0.5 })
    expect(await run(broken.policy, broken.operation.fails(2, 'down').fails(), broken.clock)).toMatchObject({
      error: { message: 'scripted failure 3' },
    })
    expect(broken.operation.calls.map(({ at }) => at)).toEqual([0, 100, 300])
    expect(reported).toEqual([expect.stringMatching(/^retry\.backoff: 'retry\.backoff\(\)' must be a number of milliseconds/)])
    listenerErrors.report = report
  })

  it('shows its waits at their longest, and nothing where a function of the user decides', () => {
    const shown = (backoff: RetryOptions['backoff']) => {
      const { waitsMs, jitter } = make({ maxAttempts: 5, backoff }).policy.describe().options
      return [waitsMs, jitter]
    }
    expect(shown({ initial: 100, max: 1000, jitter: 'decorrelated' })).toEqual([[300, 900, 1000, 1000], true])
    expect(shown([10, 20])).toEqual([[10, 20, 20, 20], false])
    expect(shown({ initial: 100, jitter: 'full' })).toEqual([[100, 200, 400, 800], true])
    expect(shown(() => 5)).toEqual([undefined, undefined])
  })

  // T: 32
  it('retries whatever was thrown, before a promise or after, an error or not', async () => {
    for (const thrown of [undefined, null, 0, 'text', Symbol('s'), { plain: true }]) {
      const { clock, policy, operation } = make()
      operation.plays(() => {
        throw thrown
      }, 1)
      operation.plays(() => Promise.reject(thrown))
      expect(await run(policy, operation, clock)).toEqual({ error: thrown })
      expect(operation.calls.length).toBe(3)
    }
  })

  // T: 11
  it('refuses options that are unknown or wrong', () => {
    for (const [options, option] of [
      [{ retries: 3 }, 'retry.retries'],
      [{ maxAttempts: 0 }, 'retry.maxAttempts'],
      [{ maxAttempts: 2.5 }, 'retry.maxAttempts'],
      [{ maxElapsed: 'long' }, 'retry.maxElapsed'],
      [{ backoff: { initail: 5 } }, 'retry.backoff.initail'],
      [{ retryIf: true }, 'retry.retryIf'],
      [{ retryResult: 1 }, 'retry.retryResult'],
      [{ retryAfterMax: -1 }, 'retry.retryAfterMax'],
      [{ exhausted: 'throw' }, 'retry.exhausted'],
      [{ backoff: [5, 'soon'] }, 'retry.backoff.delays[1]'],
      [{ retryOn: { statuses: [] } }, 'retry.retryOn'],
      [{ neverOn: { code: ['X'] } }, 'retry.neverOn.code'],
      [{ isFree: () => true }, 'retry.isFree'],
      [{ isFree: 'all', maxElapsed: 5 }, 'retry.isFree'],
      [{ retryAfterOf: 5 }, 'retry.retryAfterOf'],
      [{ retryAfterMin: -1 }, 'retry.retryAfterMin'],
      [{ budget: {} }, 'retry.budget'],
      [{ random: 0.5 }, 'retry.random'],
      [{ byOperation: 5 }, 'retry.byOperation'],
      [{ byOperation: { goto: { maxAttempts: 0 } } }, 'retry.byOperation.goto.maxAttempts'],
      [{ byOperation: { goto: { maxElapsed: 'x' } } }, 'retry.byOperation.goto.maxElapsed'],
      [{ byOperation: { goto: { backoff: { initail: 5 } } } }, 'retry.byOperation.goto.backoff.initail'],
      [{ byOperation: { goto: { retryResult: () => true } } }, 'retry.byOperation.goto.retryResult'],
      [{ byOperation: { goto: { name: 'x' } } }, 'retry.byOperation.goto.name'],
      [{ name: '' }, 'retry.name'],
    ] as unknown as [RetryOptions, string][]) {
      let error: unknown
      try {
        retry(options)
      } catch (thrown) {
        error = thrown
      }
      expect((error as OptionError)?.option, JSON.stringify(options)).toBe(option)
    }
  })

  // T: 20
  it('copies its options', async () => {
    const clock = new VirtualClock()
    const options = { maxAttempts: 2, backoff: { type: 'constant' as const, initial: 10, jitter: 'none' as const }, clock }
    const policy = retry(options)
    options.maxAttempts = 9
    options.backoff.initial = 99_999
    const operation = scripted({ clock }).fails()
    await run(policy, operation, clock)
    expect(operation.calls.map(({ at }) => at)).toEqual([0, 10])
  })
})
