/** Isolation, shadow mode, and what else people and other systems do to a breaker. */
import { describe, expect, it } from 'vitest'
import type { RejectedError } from '../../core/errors.ts'
import { type HoldfastEvent, listenerErrors } from '../../core/events.ts'
import { compose } from '../../core/policy.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { retry } from '../retry/retry.ts'
import { type CircuitBreaker, type CircuitBreakerOptions, circuitBreaker } from './circuit-breaker.ts'

const make = (options: CircuitBreakerOptions = {}) => {
  const clock = new VirtualClock()
  const breaker = circuitBreaker({ trip: { consecutive: 2 }, openFor: 1000, clock, ...options })
  const events: HoldfastEvent[] = []
  breaker.observe((event) => events.push(event))
  const types = () => events.map((event) => ('to' in event ? `${event.type} ${event.to}` : event.type))
  return { clock, breaker, events, types }
}
const fail = (breaker: CircuitBreaker, error: unknown = new Error('down')) =>
  breaker.execute(() => Promise.reject(error)).catch((thrown: unknown) => thrown)
const refusal = (breaker: CircuitBreaker) => breaker.execute(() => 1).catch((error: unknown) => error as RejectedError)

describe('an isolation', () => {
  it('ends by itself, with an ETA until then, and is told', async () => {
    for (const end of [{ for: '1m' }, { until: new VirtualClock().wallNow() + 60_000 }]) {
      const { clock, breaker, types } = make()
      breaker.isolate({ reason: 'deploying', ...end })
      await clock.advance(10_000)
      expect(await refusal(breaker)).toMatchObject({
        code: 'ERR_CIRCUIT_ISOLATED',
        retryAfterMs: 50_000,
        message: 'circuit is isolated: deploying',
        hint: expect.stringContaining('another 50s'),
      })
      expect([breaker.peek(), breaker.status().isolatedUntil]).toEqual([{ retryAfterMs: 50_000 }, clock.wallNow() + 50_000])
      await clock.advance(50_000)
      expect([breaker.status().state, breaker.state, await breaker.execute(() => 1)]).toEqual(['closed', 'closed', 1])
      expect(types()).toEqual(['circuit-breaker.changed isolated', 'circuit-breaker.rejected', 'circuit-breaker.changed closed'])
      expect(clock.pendingTimers({ includeIdle: true })).toBe(0)
    }
  })

  it('of several people lasts until the last of them lifts it, each once', () => {
    const { breaker } = make()
    const one = breaker.isolate('one')
    {
      using _other = breaker.isolate('other')
      one.lift()
      one.lift()
      expect(breaker.state).toBe('isolated')
    }
    expect([breaker.status().reason, breaker.state]).toEqual(['the isolation was lifted', 'closed'])
    const late = breaker.isolate()
    expect([breaker.status().reason, breaker.peek()]).toEqual(['isolated by hand', {}])
    breaker.reset()
    breaker.isolate('again')
    late.lift()
    expect([breaker.state, breaker.status().reason]).toEqual(['isolated', 'again'])
  })

  it('of several lasts until the last one ends', async () => {
    const { clock, breaker } = make()
    const long = breaker.isolate({ for: 500 })
    breaker.isolate({ for: 100 })
    expect(breaker.peek()).toEqual({ retryAfterMs: 500 })
    long.lift()
    expect(breaker.peek()).toEqual({ retryAfterMs: 100 })
    await clock.advance(100)
    expect(breaker.state).toBe('closed')
  })

  it('leaves nothing behind when it is ended by other means', async () => {
    const { clock, breaker } = make()
    breaker.isolate({ for: 500 })
    breaker.reset()
    breaker.isolate({ for: 100 })
    expect(breaker.peek()).toEqual({ retryAfterMs: 100 })
    breaker.disable()
    await clock.advance(1000)
    await breaker.execute(() => 1)
    expect(breaker.state).toBe('disabled')
  })

  // T: 21
  it('survives a restart with its end, and one without an end until it is lifted', async () => {
    const { clock, breaker } = make()
    breaker.isolate({ for: 1000 })
    const stored = JSON.parse(JSON.stringify(breaker.snapshot())) as unknown
    await clock.advance(400)
    const next = make({ clock })
    next.breaker.hydrate(stored)
    expect(next.breaker.peek()).toEqual({ retryAfterMs: 600 })
    await clock.advance(600)
    expect(next.breaker.state).toBe('closed')
    breaker.isolate()
    next.breaker.hydrate(breaker.snapshot())
    await clock.advance(1e9)
    expect([next.breaker.state, next.breaker.peek()]).toEqual(['isolated', {}])
  })

  // T: 21
  it('that is over when a snapshot is taken is not in it', async () => {
    const { clock, breaker } = make()
    breaker.isolate({ for: 1000 })
    await clock.advance(1000)
    expect(breaker.snapshot()).toMatchObject({ state: 'closed', isolatedUntil: 0 })
  })

  it('of a clock that starts below zero ends in its time', async () => {
    const clock = new VirtualClock({ now: -5000 })
    const { breaker } = make({ clock })
    breaker.isolate({ for: 1000 })
    breaker.isolate({ for: 500 })
    expect(breaker.peek()).toEqual({ retryAfterMs: 1000 })
    await clock.advance(1000)
    expect(breaker.state).toBe('closed')
  })

  // T: 11
  it('refuses an end that is none', () => {
    const { breaker } = make()
    for (const wrong of [{ for: -1 }, { for: 5, until: 5 }, { until: Number.NaN }, { reason: '' }, { til: 5 }, ''])
      expect(() => breaker.isolate(wrong as string), JSON.stringify(wrong)).toThrow('isolate')
    expect(breaker.state).toBe('closed')
  })
})

describe('a breaker in shadow mode', () => {
  it('refuses nothing, and tells what it would have done and what came of it', async () => {
    const { clock, breaker, types } = make({ mode: 'shadow' })
    await fail(breaker)
    await fail(breaker)
    expect([breaker.state, breaker.peek()]).toEqual(['open', { slots: Number.POSITIVE_INFINITY }])
    expect(await breaker.execute(() => 'through')).toBe('through')
    expect(await fail(breaker, 'real')).toBe('real')
    {
      using permit = breaker.acquire()
      permit.succeed()
      permit.fail()
    }
    await clock.advance(1000)
    await breaker.execute(() => 1)
    expect(breaker.status()).toMatchObject({
      state: 'closed',
      mode: 'shadow',
      rejected: 0,
      shadow: { rejected: 3, succeeded: 2, failed: 1 },
    })
    expect(types()).toEqual([
      'circuit-breaker.would-change open',
      'circuit-breaker.would-reject',
      'circuit-breaker.would-reject',
      'circuit-breaker.would-reject',
      'circuit-breaker.would-change half-open',
      'circuit-breaker.would-change closed',
    ])
  })

  it('counts nothing for a call that was cancelled, sync calls as others', () => {
    const { breaker } = make({ mode: 'shadow' })
    breaker.trip()
    {
      using _unsaid = breaker.acquire()
    }
    expect(breaker.executeSync(() => 1)).toBe(1)
    expect(breaker.status().shadow).toEqual({ rejected: 2, succeeded: 1, failed: 0 })
  })

  it('is isolated all the same when somebody says so, and can be made to refuse', async () => {
    const { breaker, types } = make({ mode: 'shadow' })
    using hold = breaker.isolate()
    expect(await refusal(breaker)).toMatchObject({ code: 'ERR_CIRCUIT_ISOLATED' })
    hold.lift()
    breaker.trip()
    breaker.setMode('enforce')
    expect([breaker.mode, await refusal(breaker)]).toMatchObject(['enforce', { code: 'ERR_CIRCUIT_OPEN' }])
    expect(types()).toContain('circuit-breaker.changed isolated')
    expect(() => breaker.setMode('off' as 'shadow')).toThrow("'mode'")
  })
})

describe('a breaker that is told', () => {
  it('opens and probes at a word, and is left alone while it is isolated or disabled', async () => {
    const { breaker } = make()
    breaker.trip('the health check failed', '5s')
    expect(breaker.peek()).toEqual({ retryAfterMs: 5000 })
    breaker.probe('the health check passed')
    expect(await breaker.execute(() => 1)).toBe(1)
    expect(breaker.state).toBe('closed')
    breaker.probe()
    expect(breaker.state).toBe('closed')
    breaker.isolate()
    breaker.trip()
    breaker.probe()
    expect(breaker.state).toBe('isolated')
    breaker.disable()
    breaker.trip()
    expect(breaker.state).toBe('disabled')
  })

  // R: R1, P4
  it('goes by lists of errors: those that count, those that never do', async () => {
    const status = (code: number) => ({ status: code })
    const { breaker } = make({
      failureOn: { statuses: ['5xx'] },
      ignoreOn: { statuses: [501] },
      isFailure: (error) => error === 'x',
    })
    for (const error of [status(404), status(501), new Error('other')]) await fail(breaker, error)
    expect(breaker.status().consecutiveFailures).toBe(0)
    await fail(breaker, status(503))
    expect(breaker.status().consecutiveFailures).toBe(1)
    await fail(breaker, 'x')
    expect(breaker.state).toBe('open')
    const ignoring = make({ ignoreOn: { codes: ['EINVAL'] } }).breaker
    await fail(ignoring, { code: 'EINVAL' })
    await fail(ignoring, { code: 'ECONNRESET' })
    expect(ignoring.status().consecutiveFailures).toBe(1)
  })

  // T: 27
  it('by a Retry-After stays open so long, at once where that is wanted', async () => {
    const asking = { response: { status: 503, headers: { 'retry-after': '7' } } }
    const extended = make({ openForMax: '1m' }).breaker
    await fail(extended, asking)
    expect(extended.state).toBe('closed')
    await fail(extended, asking)
    expect(extended.peek()).toEqual({ retryAfterMs: 7000 })
    const short = make().breaker
    await fail(short, asking)
    await fail(short, asking)
    expect(short.peek()).toEqual({ retryAfterMs: 1000 })
    const ignoring = make({ openForMax: '1m', retryAfter: 'ignore' }).breaker
    await fail(ignoring, asking)
    await fail(ignoring, asking)
    expect(ignoring.peek()).toEqual({ retryAfterMs: 1000 })
    const obeying = make({ openForMax: '5s', retryAfter: 'open' }).breaker
    await fail(obeying, asking)
    expect([obeying.peek(), obeying.status().reason]).toEqual([{ retryAfterMs: 5000 }, 'the target asked to be left alone'])
  })

  it('says in its refusals what opened it, until it closes', async () => {
    const { clock, breaker } = make()
    const culprit = Object.assign(new Error('reset'), { code: 'ECONNRESET' })
    await fail(breaker)
    await fail(breaker, culprit)
    expect((await refusal(breaker)) as RejectedError).toMatchObject({ cause: culprit })
    await clock.advance(1000)
    await breaker.execute(() => 1)
    breaker.trip()
    expect(((await refusal(breaker)) as RejectedError).cause).toBeUndefined()
  })

  it('is not called again by a retry for what has happened to others', async () => {
    const { clock, breaker } = make()
    let calls = 0
    const lost = () => {
      calls++
      throw Object.assign(new Error('reset'), { code: 'ECONNRESET' })
    }
    const stack = compose(retry({ maxAttempts: 9, backoff: [1], retryOn: { codes: ['ECONNRESET'] }, clock }), breaker)
    const end = stack.execute(lost).catch((error: RejectedError) => error.code)
    await clock.advance(100)
    expect([await end, calls]).toEqual(['ERR_CIRCUIT_OPEN', 2])
  })
})

describe('a recovery', () => {
  // T: 5
  it('admits a growing share with an ETA for the rest, and is told apart from an open circuit', async () => {
    const { clock, breaker } = make({ ramp: { over: '10s', from: 0.5 }, random: () => 0.5 })
    breaker.trip()
    breaker.probe()
    await breaker.execute(() => 1)
    expect(breaker.status()).toMatchObject({ state: 'closed', share: 0.5 })
    const answers = await Promise.all(Array.from({ length: 10 }, () => refusal(breaker)))
    expect(answers.filter((answer) => answer === 1).length).toBe(5)
    expect(answers[1]).toMatchObject({
      code: 'ERR_CIRCUIT_OPEN',
      retryAfterMs: 5000,
      message: 'circuit is closed: recovering, admits 50 % of calls',
      hint: expect.stringContaining('growing share'),
    })
    expect(breaker.snapshot().ramping).toBe(true)
    await clock.advance(10_000)
    expect(breaker.snapshot().ramping).toBe(false)
    const later = await Promise.all(Array.from({ length: 10 }, () => refusal(breaker)))
    expect(later.every((answer) => answer === 1)).toBe(true)
  })

  // T: 21
  it('and what a closed breaker has learnt survive a restart', async () => {
    const { clock, breaker } = make({ ramp: { over: '10s', from: 0.5 }, openForMax: 8000, healAfter: '1h' })
    breaker.trip()
    breaker.probe()
    await breaker.execute(() => 1)
    await fail(breaker)
    await clock.advance(5000)
    const next = make({ clock, ramp: { over: '10s', from: 0.5 }, openForMax: 8000, healAfter: '1h' }).breaker
    next.hydrate(JSON.parse(JSON.stringify(breaker.snapshot())))
    expect(next.status()).toMatchObject({ state: 'closed', consecutiveFailures: 1, share: 0.75, openings: 1 })
    await fail(next)
    expect(next.peek()).toEqual({ retryAfterMs: 2000 })
    next.hydrate({ version: 1, state: 'closed', since: clock.wallNow() })
    expect(next.status()).toMatchObject({ share: 1, reason: '' })
  })

  it('that keeps failing may have its open time from a function, and survives one that throws', async () => {
    const { clock, breaker } = make({ openFor: (openings) => (openings === 0 ? '2s' : '9s'), openForMax: '5s' })
    breaker.trip()
    expect(breaker.peek()).toEqual({ retryAfterMs: 2000 })
    await clock.advance(2000)
    await fail(breaker)
    expect([breaker.peek(), breaker.status()]).toMatchObject([{ retryAfterMs: 5000 }, { opened: 2, openings: 2 }])
    const { report } = listenerErrors
    let reported: unknown
    listenerErrors.report = (_, where) => {
      reported = where
    }
    const { breaker: broken } = make({
      openFor: () => {
        throw new Error('in the rule')
      },
      name: 'broken',
    })
    broken.trip()
    listenerErrors.report = report
    expect([broken.peek(), reported]).toEqual([{ retryAfterMs: 60_000 }, 'circuitBreaker.openFor'])
  })
})
