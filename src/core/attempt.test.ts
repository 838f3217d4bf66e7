import { getEventListeners } from 'node:events'
import { describe, expect, it, vi } from 'vitest'
import { bulkhead } from '../policies/bulkhead/bulkhead.ts'
import { circuitBreaker } from '../policies/circuit-breaker/circuit-breaker.ts'
import { rateLimiter } from '../policies/rate-limiter/rate-limiter.ts'
import { retry } from '../policies/retry/retry.ts'
import { timeout } from '../policies/timeout/timeout.ts'
import { scripted } from '../testing/scripted-operation.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { OptionError, RejectedError, TimeoutError } from './errors.ts'
import { compose, noop, policy } from './policy.ts'

const clock = new VirtualClock()
const settled = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ value }),
    (error) => ({ error }),
  )

describe('a rule of the user that throws', () => {
  it('in a limit of a timeout fails the call and gives the permits back', async () => {
    const slots = bulkhead({ limit: 1, clock })
    const broken = timeout({
      limit: () => {
        throw new Error('no limit')
      },
      clock,
    })
    const operation = scripted().thenReturns('ok')
    await expect(compose(slots, broken).execute(operation)).rejects.toThrow('no limit')
    expect([slots.snapshot().inFlight, operation.calls.length]).toEqual([0, 0])
  })

  it('in a later attempt too, and the call still settles', async () => {
    const slots = bulkhead({ limit: 1, clock })
    let asked = 0
    const broken = timeout({ limit: () => (++asked === 1 ? 10 : (0 as number)), clock })
    const stack = compose(retry({ backoff: () => 5, clock }), slots, broken)
    const end = settled(stack.execute(scripted().fails()))
    await clock.advance(10)
    expect(await end).toMatchObject({ error: { option: 'timeout.limit' } })
    expect(slots.snapshot().inFlight).toBe(0)
  })

  it('after a wait too', async () => {
    const slots = bulkhead({ limit: 1, queue: 1, clock })
    const held = slots.acquire()
    const broken = timeout({ limit: () => 'soon', clock })
    const end = settled(compose(slots, broken).execute(scripted().thenReturns('ok')))
    await clock.advance(1)
    held.succeed()
    expect(((await end) as { error: unknown }).error).toBeInstanceOf(OptionError)
    expect(slots.snapshot()).toMatchObject({ inFlight: 0, queued: 0 })
  })
})

describe('an abort that crosses with the end of a wait', () => {
  // T: 12, 17
  it('does not start the operation when the place was just granted', async () => {
    const slots = bulkhead({ limit: 1, queue: 1, clock })
    const held = slots.acquire()
    const controller = new AbortController()
    const operation = scripted().thenReturns('ok')
    const end = settled(slots.execute(operation, { signal: controller.signal }))
    held.succeed()
    controller.abort('enough')
    expect(await end).toEqual({ error: 'enough' })
    await clock.advance(1)
    expect([operation.calls.length, slots.snapshot().inFlight]).toEqual([0, 0])
  })

  // T: 12
  it('does not start the next attempt when a rule aborts while it decides', async () => {
    const controller = new AbortController()
    const again = retry({
      clock,
      backoff: () => {
        controller.abort('enough')
        return '1h'
      },
    })
    const operation = scripted().fails()
    expect(await settled(again.execute(operation, { signal: controller.signal }))).toEqual({ error: 'enough' })
    expect([operation.calls.length, clock.pendingTimers()]).toEqual([1, 0])
  })
})

describe('what an operation may return', () => {
  // T: 32
  it.each([
    [() => ({}), noop],
    [() => () => 1, noop],
    [() => ({}), bulkhead({ limit: 1, clock })],
  ])('is a thenable, an object or a function, and its place is held until it settles', async (make, inner) => {
    const slots = bulkhead({ limit: 1, clock })
    let settle: (value: unknown) => void = () => {}
    const thenable = Object.assign(make(), { then: (resolve: (value: unknown) => void) => (settle = resolve) })
    const end = compose(slots, inner).execute(() => thenable as unknown as PromiseLike<string>)
    await clock.advance(1)
    expect(slots.snapshot().inFlight).toBe(1)
    settle('done')
    await expect(end).resolves.toBe('done')
    expect(slots.snapshot().inFlight).toBe(0)
  })

  // T: 32
  it('is an object whose `then` throws: that is a failure, and the permit is back', async () => {
    const slots = bulkhead({ limit: 1, clock })
    const trap = Object.defineProperty({}, 'then', {
      get() {
        throw new Error('trap')
      },
    })
    await expect(slots.execute(() => trap)).rejects.toThrow('trap')
    expect(slots.snapshot().inFlight).toBe(0)
  })

  // T: 32
  it('is a rejection that cannot even be looked at', async () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    const slots = bulkhead({ limit: 1, clock })
    const end = settled(slots.execute(() => Promise.reject(proxy)))
    expect(Object.is(((await end) as { error: unknown }).error, proxy)).toBe(true)
    expect(slots.snapshot().inFlight).toBe(0)
  })
})

describe('the time of a call', () => {
  it('counts waits in a gate of the first attempt towards maxElapsed', async () => {
    const rate = rateLimiter({ limit: 1, per: '10s', burst: 1, maxWait: '1m', clock })
    rate.consume()
    const stack = compose(retry({ maxAttempts: 5, maxElapsed: '10s', backoff: () => 1000, clock }), rate)
    const operation = scripted().fails()
    const end = settled(stack.execute(operation))
    await clock.advance(60_000)
    await end
    expect(operation.calls.length).toBe(1)
  })

  it.each([[noop], [bulkhead({ limit: 1, clock })]])('is read anew behind a layer that took its time', async (beside) => {
    const slow = policy('slow', (next) => async (execution) => {
      await new Promise<void>((resolve) => clock.setTimer(10_000, resolve))
      return next(execution)
    })
    const rate = () => rateLimiter({ limit: 1, per: '10s', burst: 1, clock })
    const [outer, inner] = [rate(), rate()]
    const end = settled(compose(outer, slow, beside, inner).execute(() => 'ok'))
    await clock.advance(5000)
    expect(inner.consume().allowed).toBe(true)
    await clock.advance(4999)
    expect(inner.decide().retryAfterMs).toBe(5001)
    await clock.advance(1)
    // 5 s are missing at the time of the second gate; measured from the first one it would be 10 more.
    expect(await end).toMatchObject({ error: { code: 'ERR_RATE_LIMITED', retryAfterMs: 5000 } })
  })

  it('is read anew by the gate behind one that waited', async () => {
    const rate = (limit: number) => rateLimiter({ limit, per: '10s', burst: limit, clock })
    const [outer, slots, inner] = [rate(2), bulkhead({ limit: 1, queue: 1, clock }), rate(1)]
    inner.consume()
    const held = slots.acquire()
    const end = settled(compose(outer, slots, inner).execute(() => 'ok'))
    await clock.advance(4000)
    held.succeed()
    expect(await end).toMatchObject({ error: { code: 'ERR_RATE_LIMITED', retryAfterMs: 6000 } })
  })
})

describe('cancellation', () => {
  // T: 3
  it.each([[noop], [bulkhead({ limit: 1, clock })]])('teaches nothing, also when it was ignored for a success', async (inner) => {
    const breaker = circuitBreaker({ trip: { consecutive: 1 }, openFor: 100, clock })
    await settled(breaker.execute(scripted().fails()))
    await clock.advance(100)
    const controller = new AbortController()
    const operation = scripted<string>().hangs()
    const end = settled(compose(breaker, inner).execute(operation, { signal: controller.signal }))
    expect(breaker.state).toBe('half-open')
    controller.abort('enough')
    expect(await end).toEqual({ error: 'enough' })
    operation.release('ok')
    await clock.advance(1)
    expect([breaker.state, breaker.peek()]).toEqual(['half-open', { slots: 1 }])
  })

  // T: 14
  it('and time up are told apart by who was first', async () => {
    const stack = timeout({ limit: 100, clock })
    const expired = vi.fn()
    stack.observe(({ type }) => expired(type))
    const first = new AbortController()
    const cancelled = settled(stack.execute(scripted().hangs(), { signal: first.signal }))
    await clock.advance(99)
    first.abort('enough')
    await clock.advance(1)
    expect(await cancelled).toEqual({ error: 'enough' })
    expect(expired).not.toHaveBeenCalled()
    const second = new AbortController()
    const late = settled(stack.execute(scripted().hangs(), { signal: second.signal }))
    await clock.advance(100)
    second.abort('enough')
    expect(((await late) as { error: unknown }).error).toBeInstanceOf(TimeoutError)
  })

  it('while an outer layer took its time begins no attempt', async () => {
    const slow = policy('slow', (next) => async (execution) => {
      await new Promise<void>((resolve) => clock.setTimer(10, resolve))
      return next(execution)
    })
    const [caller, operation] = [new AbortController(), scripted().thenReturns('ok')]
    const end = settled(compose(slow, retry({ clock })).execute(operation, { signal: caller.signal }))
    caller.abort('enough')
    await clock.advance(20)
    expect([await end, operation.calls.length]).toEqual([{ error: 'enough' }, 0])
  })

  it('asks no rule whether to try again', async () => {
    const retryIf = vi.fn(() => true)
    const caller = new AbortController()
    const stack = compose(retry({ retryIf, clock }), bulkhead({ limit: 1, clock }))
    const end = settled(stack.execute(scripted().hangsUntilAborted(), { signal: caller.signal }))
    caller.abort('enough')
    await clock.advance(1)
    expect(await end).toEqual({ error: 'enough' })
    expect(retryIf).not.toHaveBeenCalled()
  })

  // T: 12
  it('between two attempts leaves no listener on the signal of the caller', async () => {
    const caller = new AbortController()
    const end = settled(retry({ backoff: () => 10, clock }).execute(scripted().fails(), { signal: caller.signal }))
    await clock.advance(5)
    caller.abort('enough')
    expect(await end).toEqual({ error: 'enough' })
    expect([getEventListeners(caller.signal, 'abort').length, clock.pendingTimers()]).toEqual([0, 0])
  })

  // T: 12
  it('reaches the work of every attempt under an outer timeout', async () => {
    const caller = new AbortController()
    const layer = policy('layer', (next) => next)
    const slots = bulkhead({ limit: 1, clock })
    const stack = compose(timeout({ limit: 1000, clock }), layer, retry({ backoff: () => 0, clock }), slots)
    const operation = scripted()
      .plays(({ signal }) => Promise.reject(signal), 1)
      .hangsUntilAborted()
    const end = settled(stack.execute(operation, { signal: caller.signal }))
    await clock.advance(1)
    expect([operation.calls.length, slots.snapshot().inFlight]).toEqual([2, 1])
    caller.abort('enough')
    expect(await end).toEqual({ error: 'enough' })
    await clock.advance(1)
    expect(slots.snapshot().inFlight).toBe(0)
  })
})

describe('attempt numbers', () => {
  it('are those of the innermost retry', async () => {
    const operation = scripted<string>().fails(3).thenReturns('ok')
    const inner = retry({ maxAttempts: 2, backoff: () => 0, clock, name: 'inner' })
    const outer = retry({ maxAttempts: 2, backoff: () => 0, clock, name: 'outer' })
    const end = compose(outer, inner).execute(operation)
    await clock.advance(1)
    await expect(end).resolves.toBe('ok')
    expect(operation.attempts).toEqual([1, 2, 1, 2])
  })

  it('of two retries do not mix up their times', async () => {
    const [outer, inner] = ['outer', 'inner'].map((name) =>
      retry({ maxAttempts: 2, maxElapsed: '1h', backoff: () => 5000, name, clock }),
    )
    const operation = scripted().fails()
    const end = settled(compose(outer!, inner!, rateLimiter({ limit: 1, per: 5000, burst: 1, clock })).execute(operation))
    await clock.advance(60_000)
    expect(await end).toMatchObject({ error: { message: 'scripted failure 4' } })
  })

  it('reach what stands behind a layer', async () => {
    const slots = () => bulkhead({ limit: 1, clock })
    for (const inner of [slots(), compose(slots(), slots()), compose(slots(), timeout({ limit: 5, clock }))]) {
      const operation = scripted().fails()
      const layer = policy('layer', (next) => next)
      const end = settled(compose(retry({ maxAttempts: 3, backoff: () => 0, clock }), layer, inner).execute(operation))
      await clock.advance(1)
      await end
      expect(operation.attempts).toEqual([1, 2, 3])
    }
  })
})

it('a timer that expires while a gate waits gives the place in the queue back', async () => {
  const slots = bulkhead({ limit: 1, queue: 1, clock })
  const held = slots.acquire()
  const operation = scripted().thenReturns('ok')
  const end = settled(compose(timeout({ limit: 50, clock }), slots).execute(operation))
  await clock.advance(49)
  expect(slots.snapshot().queued).toBe(1)
  await clock.advance(1)
  expect(((await end) as { error: unknown }).error).toBeInstanceOf(TimeoutError)
  expect(slots.snapshot().queued).toBe(0)
  held.succeed()
  expect([operation.calls.length, slots.snapshot().inFlight]).toEqual([0, 0])
})

it('a grant that crosses with the timeout goes straight back', async () => {
  const slots = bulkhead({ limit: 1, queue: 1, clock })
  const held = slots.acquire()
  const operation = scripted().thenReturns('ok')
  const bounded = timeout({ limit: 50, clock })
  bounded.observe(({ type }) => type === 'timeout.expired' && held.succeed())
  const end = settled(compose(bounded, slots).execute(operation))
  await clock.advance(50)
  expect(((await end) as { error: unknown }).error).toBeInstanceOf(TimeoutError)
  expect([operation.calls.length, slots.snapshot().inFlight, slots.snapshot().queued]).toEqual([0, 0, 0])
})

it('a grant that crosses with the timeout of a first attempt begins no third', async () => {
  const slots = bulkhead({ limit: 1, queue: 1, clock })
  const held = slots.acquire()
  const operation = scripted().thenReturns('ok')
  const bounded = timeout({ limit: 50, clock })
  bounded.observe(({ type }) => type === 'timeout.expired' && held.succeed())
  const end = settled(compose(retry({ maxAttempts: 3, backoff: () => 10, clock }), bounded, slots).execute(operation))
  await clock.advance(100)
  expect(await end).toEqual({ value: 'ok' })
  expect([operation.attempts, slots.snapshot().inFlight]).toEqual([[2], 0])
})

it('a refusal inside of a timeout ends it: nothing expires later, and no place is given back twice', async () => {
  const [slots, full] = [bulkhead({ limit: 2, clock }), bulkhead({ limit: 1, clock })]
  const [bounded, expired] = [timeout({ limit: 50, clock }), vi.fn()]
  bounded.observe(({ type }) => expired(type))
  full.acquire()
  const other = slots.acquire()
  expect(await settled(compose(slots, bounded, full).execute(() => 1))).toMatchObject({ error: { code: 'ERR_BULKHEAD_FULL' } })
  await clock.advance(50)
  expect(expired).not.toHaveBeenCalled()
  expect(slots.snapshot().inFlight).toBe(1)
  other.succeed()
})

// T: 13, 16
it('work that ignores its timeout is abandoned: its caller is free, its place is not', async () => {
  const slots = bulkhead({ limit: 1, clock })
  const bounded = timeout({ limit: 50, clock })
  const events = vi.fn()
  const stack = compose(bounded, slots)
  stack.observe(({ type }) => events(type))
  const operation = scripted<string>().hangs()
  let keepingAlive = -1
  const end = settled(stack.execute(operation).finally(() => (keepingAlive = clock.pendingTimers())))
  await clock.advance(51)
  expect(keepingAlive).toBe(0)
  expect(((await end) as { error: unknown }).error).toBeInstanceOf(TimeoutError)
  expect([bounded.abandonedCount, slots.snapshot().inFlight]).toEqual([1, 1])
  expect(events.mock.calls.flat()).toEqual(['timeout.expired', 'timeout.abandoned'])
  operation.release()
  await clock.advance(1)
  expect([bounded.abandonedCount, slots.snapshot().inFlight]).toEqual([0, 0])
})

// T: 3, 16
it('work that runs out of its time teaches a breaker inside of it nothing, fused with it or not', async () => {
  for (const between of [noop, policy('layer', (next) => next)]) {
    const breaker = circuitBreaker({ trip: { consecutive: 1 }, openFor: 100, clock })
    await settled(breaker.execute(scripted().fails()))
    await clock.advance(100)
    const operation = scripted().hangs()
    const end = settled(compose(timeout({ limit: 50, clock }), between, breaker).execute(operation))
    await clock.advance(60)
    expect('error' in (await end)).toBe(true)
    operation.release()
    await clock.advance(1)
    expect([breaker.state, breaker.peek()]).toEqual(['half-open', { slots: 1 }])
  }
})

// T: 13
it('work that ends when it is told to is not abandoned', async () => {
  const bounded = timeout({ limit: 50, clock })
  const end = settled(bounded.execute(scripted().hangsUntilAborted()))
  await clock.advance(60)
  expect(((await end) as { error: unknown }).error).toBeInstanceOf(TimeoutError)
  expect(bounded.abandonedCount).toBe(0)
})

describe('what an attempt shows and learns', () => {
  it('is the signal of the caller itself where nobody else can abort it', async () => {
    const { signal } = new AbortController()
    const { stack } = make()
    expect(await stack.execute((execution) => execution.signal, { signal })).toBe(signal)
  })

  const make = () => {
    const clock = new VirtualClock({ now: 5000 })
    const breaker = circuitBreaker({ trip: { consecutive: 1 }, clock })
    return { clock, breaker, stack: compose(breaker, bulkhead({ limit: 1, clock })) }
  }

  it('is no failure where a policy further in refused, or the caller had left', async () => {
    const { breaker, stack } = make()
    const refusal = new RejectedError('elsewhere', { code: 'ERR_RATE_LIMITED' })
    await expect(stack.execute(() => Promise.reject(refusal))).rejects.toBe(refusal)
    expect(breaker.state).toBe('closed')
    const caller = new AbortController()
    const obeying = ({ signal }: { signal: AbortSignal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('obeyed'))))
    const end = stack.execute(obeying, { signal: caller.signal })
    caller.abort('enough')
    await expect(end).rejects.toBe('enough')
    expect(breaker.state).toBe('closed')
    await expect(stack.execute(() => Promise.reject(new Error('down')))).rejects.toThrow('down')
    expect(breaker.state).toBe('open')
  })

  it('is the earlier of two deadlines, and none where nothing bounds it', async () => {
    const { clock, stack } = make()
    const deadlines = async (limit: number, options?: { within: number }) => {
      const bounded = compose(timeout({ limit, clock }), stack)
      return bounded.execute(({ deadline }) => [deadline, clock.pendingTimers({ includeIdle: true }) > 0], options)
    }
    expect(await deadlines(100)).toEqual([5100, true])
    expect(await deadlines(100, { within: 50 })).toEqual([5050, true])
    expect(await deadlines(50, { within: 100 })).toEqual([5050, true])
    await clock.advance(1000)
    expect(await deadlines(Number.POSITIVE_INFINITY)).toEqual([Number.POSITIVE_INFINITY, false])
  })

  // T: 12
  it('leaves no listener on the signal of a caller who waited between attempts', async () => {
    const { clock } = make()
    const { signal } = new AbortController()
    const patient = compose(retry({ backoff: () => 10, maxAttempts: 3, clock }), bulkhead({ limit: 1, clock }))
    const end = patient.execute(() => Promise.reject(new Error('down')), { signal }).catch(() => 'failed')
    await clock.advance(1000)
    expect([await end, getEventListeners(signal, 'abort').length, clock.pendingTimers()]).toEqual(['failed', 0, 0])
  })
})
