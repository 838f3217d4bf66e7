import { afterEach, describe, expect, it, vi } from 'vitest'
import { OptionError, RejectedError } from '../../core/errors.ts'
import { type HoldfastEvent, listenerErrors } from '../../core/events.ts'
import { compose } from '../../core/policy.ts'
import { scripted } from '../../testing/scripted-operation.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { bulkhead } from '../bulkhead/bulkhead.ts'
import { type CircuitBreaker, type CircuitBreakerOptions, circuitBreaker } from './circuit-breaker.ts'

const report = listenerErrors.report
afterEach(() => {
  listenerErrors.report = report
})

const make = (options: CircuitBreakerOptions = {}) => {
  const clock = new VirtualClock()
  return { clock, breaker: circuitBreaker({ trip: { consecutive: 2 }, openFor: 1000, clock, ...options }) }
}
const fail = (breaker: CircuitBreaker, error: unknown = new Error('down')) =>
  breaker.execute(() => Promise.reject(error)).catch(() => {})
const trip = async (breaker: CircuitBreaker) => {
  await fail(breaker)
  await fail(breaker)
}

describe('a circuit breaker', () => {
  // R: X6, R1
  it('fails fast while open, with a hint and the time that is left', async () => {
    const { clock, breaker } = make({ name: 'vterm' })
    await trip(breaker)
    await clock.advance(400)
    const operation = scripted().thenReturns('ok')
    const error = await breaker.execute(operation).catch((thrown: unknown) => thrown as RejectedError)
    expect(error).toBeInstanceOf(RejectedError)
    expect(error).toMatchObject({ code: 'ERR_CIRCUIT_OPEN', family: 3000, policy: 'vterm', retryAfterMs: 600 })
    expect((error as RejectedError).message).toBe('circuit is open: 2 failures in a row')
    expect((error as RejectedError).hint).toContain('The next probe may go in 600ms')
    expect(operation.calls.length).toBe(0)
  })

  // R: X6, R1
  it('tells every change, refusal and stale result to its listeners', async () => {
    const { clock, breaker } = make()
    const events: HoldfastEvent[] = []
    breaker.observe((event) => events.push(event))
    const late = scripted().hangs()
    const slow = breaker.execute(late, { operation: 'slow', id: 'one' })
    await trip(breaker)
    await breaker.execute(() => 1).catch(() => {})
    late.release()
    await slow
    await clock.advance(1000)
    await breaker.execute(() => 1)
    expect(events.map(({ type, ...rest }) => ('to' in rest ? `${type} ${rest.to}` : type))).toEqual([
      'circuit-breaker.changed open',
      'circuit-breaker.rejected',
      'circuit-breaker.stale',
      'circuit-breaker.changed half-open',
      'circuit-breaker.changed closed',
    ])
    expect(events[0]).toMatchObject({
      policy: 'circuit-breaker',
      from: 'closed',
      reason: '2 failures in a row',
      retryAfterMs: 1000,
    })
    expect(events[2]).toMatchObject({ operation: 'slow', execution: 'one', outcome: 'success' })
  })

  // R: R1, P4
  it('learns only from what counts as a failure', async () => {
    const { breaker } = make({ isFailure: (error) => error !== 'mine', isFailureResult: (value) => value === 503 })
    for (let call = 0; call < 5; call++) await fail(breaker, 'mine')
    expect(breaker.state).toBe('closed')
    await breaker.execute(() => 503)
    await breaker.execute(() => 503)
    expect(breaker.state).toBe('open')
  })

  it('isolates a rule that throws: the result stands, all permits are back, nothing is learnt, one report', async () => {
    const reports = vi.fn()
    listenerErrors.report = reports
    const broken = (): boolean => {
      throw new Error('in the rule')
    }
    const { clock, breaker } = make({ isFailure: broken, isFailureResult: broken })
    const slots = bulkhead({ limit: 1, clock })
    const stack = compose(slots, breaker)
    for (let call = 0; call < 3; call++) {
      await expect(stack.execute(() => Promise.reject(new Error('real')))).rejects.toThrow('real')
      await expect(stack.execute(() => 'value')).resolves.toBe('value')
      expect(() =>
        stack.executeSync(() => {
          throw new Error('real')
        }),
      ).toThrow('real')
      expect(stack.executeSync(() => 'value')).toBe('value')
    }
    expect([slots.snapshot().inFlight, breaker.state, breaker.status().consecutiveFailures]).toEqual([0, 'closed', 0])
    expect(reports.mock.calls.map(([error, where]) => [(error as Error).message, where])).toEqual([
      ['in the rule', 'circuitBreaker.isFailure'],
      ['in the rule', 'circuitBreaker.isFailureResult'],
    ])
  })

  it('lets an error prove that the target answers, and takes one rule for errors, not two', async () => {
    const classify = (error: unknown) => (error === 404 ? 'success' : error === 400 ? 'neutral' : 'failure')
    const { breaker } = make({ classify })
    await fail(breaker, 503)
    await fail(breaker, 400)
    expect(breaker.status().consecutiveFailures).toBe(1)
    await fail(breaker, 404)
    expect(breaker.status().consecutiveFailures).toBe(0)
    expect(() => circuitBreaker({ classify, isFailure: () => true })).toThrow("cannot be combined with 'isFailure'")
  })

  // T: 5
  it('refuses callers in half-open at once, with an ETA, and says why', async () => {
    const { clock, breaker } = make({ halfOpen: { probeLease: 500 } })
    await trip(breaker)
    await clock.advance(1000)
    const probe = scripted().hangs()
    const probing = breaker.execute(probe)
    await clock.advance(100)
    const refused = await Promise.all(
      [1, 2, 3].map(() => breaker.execute(() => 1).catch((error: unknown) => error as RejectedError)),
    )
    for (const error of refused) expect(error).toMatchObject({ code: 'ERR_CIRCUIT_OPEN', retryAfterMs: 400 })
    expect((refused[0] as RejectedError).message).toBe('circuit is half-open: its probes are still out')
    probe.release()
    await probing
    expect(breaker.state).toBe('closed')
  })

  // R: R1
  it('is isolated, disabled and reset by hand', async () => {
    const { breaker } = make()
    breaker.isolate('maintenance')
    await expect(breaker.execute(() => 1)).rejects.toMatchObject({
      code: 'ERR_CIRCUIT_ISOLATED',
      message: 'circuit is isolated: maintenance',
    })
    breaker.disable()
    await trip(breaker)
    expect([breaker.state, await breaker.execute(() => 1)]).toEqual(['disabled', 1])
    breaker.reset()
    expect(breaker.state).toBe('closed')
  })

  // R: R1
  it('reports its status', async () => {
    const { clock, breaker } = make()
    const made = clock.wallNow()
    await clock.advance(50)
    await fail(breaker)
    expect(breaker.status()).toMatchObject({ state: 'closed', since: made, probeAt: undefined, consecutiveFailures: 1, calls: 1 })
    await fail(breaker)
    expect(breaker.status()).toMatchObject({
      state: 'open',
      since: made + 50,
      probeAt: made + 1050,
      reason: '2 failures in a row',
    })
  })

  // T: 6
  it('reports no call that has left the time window', async () => {
    const { clock, breaker } = make({ trip: { failureRate: 1, minimumCalls: 5, windowTime: 1000 } })
    await trip(breaker)
    expect(breaker.status()).toMatchObject({ calls: 2, failures: 2 })
    await clock.advance(60_000)
    expect(breaker.status()).toMatchObject({ calls: 0, failures: 0 })
  })

  // T: 4
  it('gives manual permits that count once, and are neutral when nothing was said', async () => {
    const { breaker } = make()
    {
      using permit = breaker.acquire()
      permit.fail()
      permit.fail()
      permit.succeed()
    }
    {
      using _unsaid = breaker.acquire()
    }
    expect(breaker.status().consecutiveFailures).toBe(1)
    breaker.acquire().fail()
    expect(() => breaker.acquire()).toThrow(RejectedError)
  })

  // T: 20
  it('copies its options, and shares nothing with another one of the same', async () => {
    const options = { trip: { consecutive: 2, failureRate: 0.5, minimumCalls: 2, windowCalls: 4 }, openFor: 1000 }
    const [one, other] = [circuitBreaker(options), circuitBreaker(options)]
    options.trip.consecutive = 1
    await fail(one)
    expect([one.state, other.status().calls]).toEqual(['closed', 0])
    await fail(one)
    expect([one.state, other.state]).toEqual(['open', 'closed'])
    expect(options).toEqual({ trip: { consecutive: 1, failureRate: 0.5, minimumCalls: 2, windowCalls: 4 }, openFor: 1000 })
  })

  // T: 8
  it('does not care when the wall clock steps', async () => {
    const { clock, breaker } = make()
    await trip(breaker)
    clock.stepWall(-3_600_000)
    await clock.advance(999)
    expect(breaker.peek()).toEqual({ retryAfterMs: 1 })
    clock.stepWall(7_200_000)
    await clock.advance(1)
    expect(breaker.peek()).toEqual({ slots: 1 })
  })

  // T: 11
  it('refuses options that are unknown, contradict each other or do nothing', () => {
    const wrong: [object, string][] = [
      [{ treshold: 5 }, 'circuitBreaker.treshold'],
      [{ trip: { consecutiv: 5 } }, 'circuitBreaker.trip.consecutiv'],
      [{ trip: {} }, 'circuitBreaker.trip'],
      [{ trip: { consecutive: 5, minimumCalls: 5 } }, 'circuitBreaker.trip'],
      [{ trip: { failureRate: 0.5, windowTime: 1000, windowCalls: 5 } }, 'circuitBreaker.trip.windowCalls'],
      [{ trip: { slowRate: 0.5 } }, 'circuitBreaker.trip'],
      [{ trip: { consecutive: 5, slowAfter: 5 } }, 'circuitBreaker.trip'],
      [{ trip: { failureRate: 0.5, windowCalls: 5, minimumCalls: 6 } }, 'circuitBreaker.trip.minimumCalls'],
      [{ trip: { failureRate: 2 } }, 'circuitBreaker.trip.failureRate'],
      [{ openFor: 1000, openForMax: 999 }, 'circuitBreaker.openForMax'],
      [{ halfOpen: { calls: 5 } }, 'circuitBreaker.halfOpen.calls'],
      [{ isFailure: 'all' }, 'circuitBreaker.isFailure'],
      [{ trip: { failures: 3, minimumCalls: 2 } }, 'circuitBreaker.trip'],
      [{ trip: { failures: 3, windowCalls: 2 } }, 'circuitBreaker.trip.failures'],
      [{ trip: { failures: 0 } }, 'circuitBreaker.trip.failures'],
      [{ openFor: 0 }, 'circuitBreaker.openFor'],
      [{ openForJitter: 1 }, 'circuitBreaker.openForJitter'],
      [{ healAfter: 1000 }, 'circuitBreaker.healAfter'],
      [{ healAfter: 0, openForMax: '2m' }, 'circuitBreaker.healAfter'],
      [{ retryAfter: 'obey' }, 'circuitBreaker.retryAfter'],
      [{ halfOpen: { failures: 0 } }, 'circuitBreaker.halfOpen.failures'],
      [{ ramp: {} }, 'circuitBreaker.ramp.over'],
      [{ ramp: { over: 5, from: 0 } }, 'circuitBreaker.ramp.from'],
      [{ ramp: { over: 5, from: 1 } }, 'circuitBreaker.ramp.from'],
      [{ ramp: { over: 5, to: 1 } }, 'circuitBreaker.ramp.to'],
      [{ failureOn: {} }, 'circuitBreaker.failureOn'],
      [{ ignoreOn: { statuses: ['404'] } }, 'circuitBreaker.ignoreOn.statuses'],
      [{ classify: () => 'success', failureOn: { statuses: [500] } }, 'circuitBreaker.classify'],
      [{ classify: () => 'success', ignoreOn: { statuses: [500] } }, 'circuitBreaker.classify'],
      [{ mode: 'off' }, 'circuitBreaker.mode'],
      [{ random: 0.5 }, 'circuitBreaker.random'],
    ]
    for (const [options, option] of wrong) {
      let error: unknown
      try {
        circuitBreaker(options as CircuitBreakerOptions)
      } catch (thrown) {
        error = thrown
      }
      expect((error as OptionError)?.option, JSON.stringify(options)).toBe(option)
    }
  })
})

describe('the status of a breaker', () => {
  it('is described in short, with the wait that is left while it is open', async () => {
    const { clock, breaker } = make()
    await trip(breaker)
    await clock.advance(400)
    expect(breaker.describe().state).toEqual({ state: 'open', consecutiveFailures: 0, calls: 0, failures: 0, retryAfterMs: 600 })
    await clock.advance(700)
    expect(breaker.describe().state).toMatchObject({ state: 'open', retryAfterMs: 0 })
    breaker.reset()
    expect(breaker.describe().state).toEqual({ state: 'closed', consecutiveFailures: 0, calls: 0, failures: 0 })
  })

  it('has the slow calls of its window, and none where it has no window', async () => {
    const { clock, breaker } = make({ trip: { slowRate: 1, slowAfter: 100, minimumCalls: 5 } })
    for (const ms of [100, 99, 250])
      await Promise.all([breaker.execute(scripted({ clock }).resolvesAfter(ms, 1)), clock.advance(ms)])
    expect(breaker.status()).toMatchObject({ calls: 3, failures: 0, slow: 2 })
    expect(make().breaker.status().slow).toBe(0)
  })
})

describe('a snapshot of a breaker', () => {
  // T: 21
  // R: U2
  it('goes on where it was: the open time counts from the failure, not from the restart', async () => {
    const before = make()
    await trip(before.breaker)
    const stored = JSON.parse(JSON.stringify(before.breaker.snapshot())) as unknown
    const after = { clock: new VirtualClock({ now: 5, wallNow: before.clock.wallNow() + 700 }) }
    const breaker = circuitBreaker({ openFor: 1000, clock: after.clock })
    breaker.hydrate(stored)
    expect([breaker.state, breaker.peek()]).toEqual(['open', { retryAfterMs: 300 }])
    expect(breaker.status()).toMatchObject({ since: before.clock.wallNow(), reason: '2 failures in a row' })
    await after.clock.advance(300)
    await breaker.execute(() => 1)
    expect(breaker.state).toBe('closed')
  })

  // T: 21
  it('of one that has just been made says so; of a disabled one stays disabled', () => {
    const { clock, breaker } = make()
    expect(breaker.snapshot()).toEqual({
      version: 2,
      state: 'closed',
      reason: '',
      since: clock.wallNow(),
      openUntil: 0,
      isolatedUntil: 0,
      openings: 0,
      consecutiveFailures: 0,
      ramping: false,
    })
    breaker.disable()
    const next = make().breaker
    next.hydrate(breaker.snapshot())
    expect(next.state).toBe('disabled')
  })

  // T: 21, 8
  it('is clamped when the clock stepped: never longer than the longest open time, never shorter than now', () => {
    const { clock, breaker } = make({ openForMax: 4000 })
    const stored = {
      version: 1,
      state: 'open',
      reason: 'r',
      since: clock.wallNow() + 1e9,
      openUntil: clock.wallNow() + 1e9,
      reopened: 1,
    }
    breaker.hydrate(stored)
    expect([breaker.peek(), breaker.status().since]).toEqual([{ retryAfterMs: 4000 }, clock.wallNow()])
    breaker.hydrate({ ...stored, openUntil: 5 })
    expect(breaker.peek()).toEqual({ slots: 1 })
  })

  // T: 21
  it('of an older release is read: how often it had opened again counts on', async () => {
    const { clock, breaker } = make({ openForMax: '1h' })
    const since = clock.wallNow()
    breaker.hydrate({ version: 1, state: 'open', reason: 'r', since, openUntil: since + 2000, reopened: 1 })
    await clock.advance(2000)
    await fail(breaker)
    expect(breaker.peek()).toEqual({ retryAfterMs: 4000 })
    breaker.hydrate({ version: 1, state: 'closed', reason: '', since, openUntil: 0, reopened: 0 })
    await trip(breaker)
    expect([breaker.peek(), breaker.snapshot()]).toMatchObject([{ retryAfterMs: 1000 }, { version: 2, openings: 1 }])
  })

  // T: 21
  it('of a half-open breaker is one that is due to probe; of an isolated one stays isolated until reset', async () => {
    const { clock, breaker } = make()
    await trip(breaker)
    await clock.advance(1000)
    breaker.acquire()
    const next = make({ clock })
    next.breaker.hydrate(breaker.snapshot())
    expect([next.breaker.state, next.breaker.peek()]).toEqual(['open', { slots: 1 }])
    breaker.isolate()
    next.breaker.hydrate(breaker.snapshot())
    expect(next.breaker.peek()).toEqual({})
    next.breaker.reset()
    expect(next.breaker.peek()).toEqual({ slots: Number.POSITIVE_INFINITY })
  })

  // T: 21
  it('replaces what was learnt: no failure, success or probe of before counts on', async () => {
    const { clock, breaker } = make({ trip: { consecutive: 2, failureRate: 1, minimumCalls: 3 }, halfOpen: { successes: 2 } })
    const closed = breaker.snapshot()
    await fail(breaker)
    breaker.hydrate(closed)
    expect(breaker.status()).toMatchObject({ consecutiveFailures: 0, calls: 0 })
    await fail(breaker)
    expect(breaker.state).toBe('closed')
    await fail(breaker)
    const open = breaker.snapshot()
    await clock.advance(1000)
    await breaker.execute(() => 1)
    breaker.hydrate(open)
    await clock.advance(1000)
    await breaker.execute(() => 1)
    expect(breaker.state).toBe('half-open')
  })

  it('is refused when it is none, and survives nonsense in its numbers', async () => {
    const { clock, breaker } = make()
    for (const bad of [undefined, null, 5, {}, { version: 3, state: 'open' }, { version: 1, state: 'half-open' }, { version: 2 }])
      expect(() => breaker.hydrate(bad)).toThrow(OptionError)
    breaker.hydrate({ version: 1, state: 'open', since: 'x', openUntil: null, reopened: -5 })
    await clock.advance(0)
    await fail(breaker)
    expect(breaker.peek()).toEqual({ retryAfterMs: 1000 })
  })
})
