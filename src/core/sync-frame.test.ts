import { describe, expect, it, vi } from 'vitest'
import { bulkhead } from '../policies/bulkhead/bulkhead.ts'
import { circuitBreaker } from '../policies/circuit-breaker/circuit-breaker.ts'
import { rateLimiter } from '../policies/rate-limiter/rate-limiter.ts'
import { retry } from '../policies/retry/retry.ts'
import { timeout } from '../policies/timeout/timeout.ts'
import { scripted } from '../testing/scripted-operation.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { OptionError } from './errors.ts'
import { compose, noop, policy } from './policy.ts'

const now = () => 0

describe('executeSync', () => {
  // R: X1, R3, P2
  it('blocks between attempts, for as long as it says', () => {
    const operation = scripted<string>().throwsSync(2).returns('ok')
    const startedAt = performance.now()
    const blocking = retry({ backoff: { type: 'constant', initial: 20, jitter: 'none' } })
    expect(blocking.executeSync(operation)).toBe('ok')
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(39)
    expect(operation.attempts).toEqual([1, 2, 3])
  })

  it('counts the attempts of the innermost retry', () => {
    const operation = scripted<string>().throwsSync(3).returns('ok')
    const twice = (name: string) => retry({ maxAttempts: 2, backoff: now, name })
    expect(compose(twice('outer'), twice('inner')).executeSync(operation)).toBe('ok')
    expect(operation.attempts).toEqual([1, 2, 1, 2])
  })

  // T: 11
  it('obeys within: no attempt is waited for that could not begin in time', () => {
    const operation = scripted().throwsSync(9, new Error('real'))
    const patient = retry({ maxAttempts: 9, backoff: () => 30 })
    expect(() => patient.executeSync(operation, { within: 50 })).toThrow('real')
    expect(operation.calls.length).toBe(2)
    expect(operation.calls[0]!.execution.deadline).toBeLessThan(Number.POSITIVE_INFINITY)
  })

  // T: 12
  it('looks at the signal before every attempt', () => {
    const before = scripted().returns(1)
    expect(() => retry().executeSync(before, { signal: AbortSignal.abort('enough') })).toThrow('enough')
    expect(before.calls.length).toBe(0)
    const controller = new AbortController()
    const during = scripted().plays(() => {
      controller.abort('enough')
      throw new Error('failed')
    })
    expect(() => retry({ backoff: now }).executeSync(during, { signal: controller.signal })).toThrow('enough')
    expect(during.calls.length).toBe(1)
  })

  it('refuses a timeout before anything runs or is learnt', () => {
    const operation = scripted().returns(1)
    const breaker = circuitBreaker({ trip: { consecutive: 1 } })
    const layer = policy('layer', (next) => next)
    for (const stack of [timeout('1s'), compose(breaker, layer, timeout('1s')), compose(retry(), breaker, timeout('1s'))])
      expect(() => stack.executeSync(operation)).toThrow(
        '\'executeSync\' cannot run under a timeout, which cannot interrupt a synchronous operation: got "timeout"',
      )
    expect([operation.calls.length, breaker.state]).toEqual([0, 'closed'])
  })

  // T: 23, 32
  it('refuses a promise or a thenable: nothing is learnt, and it is not called again', async () => {
    const thenable = { then: () => {} } as unknown as PromiseLike<number>
    for (const result of [() => Promise.reject(new Error('later')), () => thenable]) {
      const breaker = circuitBreaker({ trip: { consecutive: 1 } })
      const slots = bulkhead({ limit: 1 })
      const operation = scripted<number>().plays(result)
      const stack = compose(retry({ backoff: now, retryIf: () => true }), breaker, slots)
      expect(() => stack.executeSync(operation)).toThrow(OptionError)
      expect([operation.calls.length, breaker.state, slots.snapshot().inFlight]).toEqual([1, 'closed', 0])
      expect(() => noop.executeSync(operation)).toThrow(OptionError)
    }
  })

  it('tells its gates apart from the operation: what they refuse, and what the caller gave up, is nobody’s failure', () => {
    const down = () => {
      throw new Error('down')
    }
    const twice = { consecutive: 2 }
    const controller = new AbortController()
    const neutral: Record<string, (breaker: ReturnType<typeof circuitBreaker>) => unknown> = {
      'a rule of a gate further in throws': (breaker) =>
        compose(breaker, rateLimiter({ limit: 1, per: 1, cost: down })).executeSync(() => 1),
      'a promise comes back': (breaker) => breaker.executeSync(() => Promise.resolve(1)),
      'the caller leaves meanwhile': (breaker) =>
        breaker.executeSync(() => controller.abort('enough'), { signal: controller.signal }),
    }
    for (const [name, call] of Object.entries(neutral)) {
      const breaker = circuitBreaker({ trip: twice })
      expect(() => breaker.executeSync(down)).toThrow('down')
      expect(() => call(breaker), name).toThrow()
      // Neither a failure, which would have opened it, nor a success, which would have closed the count.
      expect(breaker.state, name).toBe('closed')
      expect(() => breaker.executeSync(down)).toThrow('down')
      expect(breaker.state, name).toBe('open')
    }
    const breaker = circuitBreaker({ trip: { consecutive: 1 } })
    const mine = new OptionError('mine', 'is wrong', 1)
    expect(() =>
      breaker.executeSync(() => {
        throw mine
      }),
    ).toThrow(mine)
    expect(breaker.state).toBe('open')
  })

  it('reads no time where no policy asks for it, and once where several do', () => {
    const clock = new VirtualClock()
    const read = vi.spyOn(clock, 'now')
    expect(compose(retry({ clock }), bulkhead({ limit: 1, clock })).executeSync(() => 1)).toBe(1)
    expect(read).not.toHaveBeenCalled()
    const rate = rateLimiter({ limit: 1, per: '1s', clock })
    compose(retry({ maxElapsed: '1m', clock }), rate).executeSync(() => 1)
    expect(read).toHaveBeenCalledOnce()
  })

  it('fails with the reason of a caller who left, although the operation returned', () => {
    const caller = new AbortController()
    const leaving = () => caller.abort('enough')
    expect(() => retry().executeSync(leaving, { signal: caller.signal })).toThrow('enough')
  })

  it('reads the time anew for every attempt, and where a layer took its time', () => {
    let now = 0
    const clock = Object.assign(new VirtualClock(), { now: () => now })
    const rate = () => rateLimiter({ limit: 1, per: '10s', burst: 1, clock })
    const slow = policy('slow', (next) => (execution) => {
      now += 4000
      return next(execution)
    })
    const [outer, inner] = [rate(), rate()]
    inner.consume()
    expect(() => compose(outer, slow, inner).executeSync(() => 1)).toThrow('try again in 6s')
    // Both retries count attempts, so that a second of the outer one runs on what the inner one calls the second.
    const twice = () => retry({ maxAttempts: 2, backoff: () => 0, clock })
    const limited = rateLimiter({ limit: 4, per: '10s', burst: 1, clock })
    const operation = scripted().plays(() => {
      now += 2500
      throw new Error('down')
    })
    const timed = retry({ maxAttempts: 2, backoff: () => 0, maxElapsed: '1h', clock })
    expect(() => compose(twice(), timed, limited).executeSync(operation)).toThrow('down')
    expect(operation.attempts).toEqual([1, 2, 1, 2])
  })

  it('counts from the start of the call what it may take in all', () => {
    let now = 0
    const clock = Object.assign(new VirtualClock(), { now: () => now })
    const operation = scripted().plays(() => {
      now += 400
      throw new Error('down')
    })
    expect(() => retry({ maxAttempts: 9, maxElapsed: 1000, backoff: () => 0, clock }).executeSync(operation)).toThrow('down')
    expect(operation.calls.length).toBe(3)
  })

  it('numbers the attempts of what stands behind a layer, and lends it the signal of the caller', () => {
    const { signal } = new AbortController()
    const layer = policy('layer', (next) => next)
    const operation = scripted().throwsSync()
    const stack = compose(retry({ backoff: now }), layer, bulkhead({ limit: 1 }))
    expect(() => stack.executeSync(operation, { signal })).toThrow()
    expect([operation.attempts, operation.signals.map((lent) => lent === signal)]).toEqual([
      [1, 2, 3],
      [true, true, true],
    ])
  })

  it('does not try again when a rule aborts while it decides, and gives the right to it back', () => {
    const caller = new AbortController()
    const budget = { noteCall: () => {}, reserve: () => true, refund: vi.fn() }
    const backoff = () => {
      caller.abort('enough')
      return 0
    }
    const operation = scripted().throwsSync()
    expect(() => retry({ backoff, budget }).executeSync(operation, { signal: caller.signal })).toThrow('enough')
    expect([operation.calls.length, budget.refund.mock.calls.length]).toEqual([1, 1])
  })

  it('teaches a breaker that the target is back', async () => {
    const clock = new VirtualClock()
    const breaker = circuitBreaker({ trip: { consecutive: 1 }, openFor: 10, clock })
    const down = scripted().throwsSync()
    expect(() => breaker.executeSync(down)).toThrow('scripted failure 1')
    await clock.advance(10)
    expect([breaker.executeSync(() => 'up'), breaker.state]).toEqual(['up', 'closed'])
  })

  it('gives places back when the caller left while the operation ran', () => {
    const [slots, caller] = [bulkhead({ limit: 1 }), new AbortController()]
    expect(() => slots.executeSync(() => caller.abort('enough'), { signal: caller.signal })).toThrow('enough')
    expect(slots.snapshot().inFlight).toBe(0)
  })

  it('blocks the thread for no time only where there is none to wait', () => {
    const wait = vi.spyOn(Atomics, 'wait').mockReturnValue('timed-out')
    retry({ backoff: () => 0 }).executeSync(scripted().throwsSync(1).returns(1))
    expect(wait).not.toHaveBeenCalled()
    retry({ backoff: () => 5 }).executeSync(scripted().throwsSync(1).returns(1))
    expect(wait).toHaveBeenCalledOnce()
    wait.mockRestore()
  })

  it('never waits in a queue or for a turn', () => {
    const slots = bulkhead({ limit: 1, queue: 5 })
    const rate = rateLimiter({ limit: 1, per: '1h', maxWait: '2h' })
    rate.consume()
    expect(() => rate.executeSync(() => 1)).toThrow(/rate limit/)
    const permit = slots.acquire()
    expect(() => slots.executeSync(() => 1)).toThrow(/bulkhead is full/)
    permit.succeed()
    expect(slots.executeSync(() => 1)).toBe(1)
  })

  it('gives the outer permits back when an inner gate refuses', () => {
    const slots = bulkhead({ limit: 1 })
    const rate = rateLimiter({ limit: 1, per: '1h' })
    const stack = compose(slots, rate)
    expect(stack.executeSync(() => 'ok')).toBe('ok')
    expect(() => stack.executeSync(() => 'ok')).toThrow(/rate limit/)
    expect(slots.snapshot().inFlight).toBe(0)
  })

  it('returns the last unacceptable result, and wraps the last error when asked', () => {
    const again = retry({ backoff: now, retryResult: (value) => value !== 'good', maxAttempts: 2 })
    expect(again.executeSync(scripted<string>().returns('bad'))).toBe('bad')
    expect(again.executeSync(scripted<string>().returns('bad', 1).returns('good'))).toBe('good')
    const wrapping = retry({ backoff: now, exhausted: 'wrap' })
    expect(() => wrapping.executeSync(scripted().throwsSync(9, new Error('real')))).toThrow('failed after 3 attempts: real')
  })
})
