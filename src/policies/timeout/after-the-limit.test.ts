/** What becomes of work whose time is up: the slot that it holds, the caller that may wait on, and the count of it. */
import { describe, expect, it } from 'vitest'
import { TimeoutError } from '../../core/errors.ts'
import type { HoldfastEvent } from '../../core/events.ts'
import { compose, policy as custom } from '../../core/policy.ts'
import { scripted } from '../../testing/scripted-operation.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { bulkhead } from '../bulkhead/bulkhead.ts'
import { circuitBreaker } from '../circuit-breaker/circuit-breaker.ts'
import { retry } from '../retry/retry.ts'
import { type TimeoutOptions, timeout } from './timeout.ts'

const make = (options: Partial<TimeoutOptions> = {}) => {
  const clock = new VirtualClock()
  const limit = timeout({ limit: 100, clock, ...options })
  const slots = bulkhead({ limit: 1, clock })
  const breaker = circuitBreaker({ trip: { consecutive: 3 }, clock })
  const events: HoldfastEvent[] = []
  limit.observe((event) => events.push(event))
  const operation = scripted<unknown>({ clock })
  const end: { at?: number; error?: unknown; value?: unknown } = {}
  const call = (stack: { execute(operation: never, options?: object): Promise<unknown> }, given: object = {}) =>
    stack
      .execute(operation as never, given)
      .then(
        (value) => Object.assign(end, { value }),
        (error: unknown) => Object.assign(end, { error }),
      )
      .then(() => Object.assign(end, { at: clock.now() }))
  const types = () => events.map(({ type }) => type)
  const nothingRemains = async () => {
    await clock.advance(1000) // What the wheel of all timeouts had armed.
    expect([slots.snapshot().inFlight, limit.abandonedCount, clock.pendingTimers({ includeIdle: true })]).toEqual([0, 0, 0])
  }
  return { clock, limit, slots, breaker, operation, end, call, types, nothingRemains }
}

describe('work that runs on after its time', () => {
  // T: 16
  it('holds its slot until it has really ended, and counts as abandoned', async () => {
    const { clock, limit, slots, operation, end, call, types, nothingRemains } = make()
    operation.hangs()
    void call(compose(limit, slots))
    await clock.advance(500)
    expect(end).toMatchObject({ at: 100, error: expect.any(TimeoutError) })
    expect([slots.snapshot().inFlight, limit.status()]).toEqual([1, { expired: 1, abandoned: 1, abandonedTotal: 1 }])
    operation.release()
    await clock.advance(1)
    expect(limit.status()).toEqual({ expired: 1, abandoned: 0, abandonedTotal: 1 })
    expect(types()).toEqual(['timeout.expired', 'timeout.abandoned', 'timeout.settled'])
    await nothingRemains()
  })

  // T: 16
  it('gives its slot back at once where that is wanted, once, and is counted all the same', async () => {
    const { clock, limit, slots, breaker, operation, end, call, types, nothingRemains } = make({ release: 'at-once' })
    operation.hangs(2)
    void call(compose(breaker, limit, slots))
    await clock.advance(100)
    expect([end.at, slots.snapshot().inFlight]).toEqual([100, 0])
    const other = slots.acquire()
    await clock.advance(100)
    expect(slots.snapshot()).toMatchObject({ inFlight: 1, abandoned: 0 })
    expect(limit.abandonedCount).toBe(1)
    operation.release()
    await clock.advance(1)
    expect(slots.snapshot().inFlight).toBe(1)
    other.succeed()
    expect(breaker.status().consecutiveFailures).toBe(1)
    expect(types()).toEqual(['timeout.expired', 'timeout.abandoned', 'timeout.settled'])
    await nothingRemains()
  })

  it('that obeys its signal is not abandoned', async () => {
    for (const release of ['settled', 'at-once'] as const) {
      const { clock, limit, slots, operation, call, types, nothingRemains } = make({ release })
      operation.hangsUntilAborted()
      void call(compose(limit, slots))
      await clock.advance(500)
      expect([limit.status(), types()]).toEqual([{ expired: 1, abandoned: 0, abandonedTotal: 0 }, ['timeout.expired']])
      await nothingRemains()
    }
  })
})

describe('a timeout with a grace', () => {
  it('lets the caller wait until the work has obeyed, and fails with the timeout all the same', async () => {
    const { clock, limit, slots, breaker, operation, end, call, types, nothingRemains } = make({ grace: 50 })
    operation.plays(
      ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', () => clock.setTimer(30, () => resolve('late')))),
    )
    void call(compose(breaker, limit, slots))
    await clock.advance(129)
    expect([end, slots.snapshot().inFlight]).toEqual([{}, 1])
    await clock.advance(1)
    expect(end).toMatchObject({ at: 130, error: { code: 'ERR_TIMEOUT', limitMs: 100 } })
    expect(end.error).toBe(operation.signals[0]!.reason)
    expect([breaker.status().consecutiveFailures, types()]).toEqual([1, ['timeout.expired']])
    await nothingRemains()
  })

  // T: 13
  it('ends with the grace when the work ignores its signal, and then it is abandoned', async () => {
    for (const release of ['settled', 'at-once'] as const) {
      const { clock, limit, slots, operation, end, call, types, nothingRemains } = make({ grace: '50ms', release })
      operation.hangs()
      void call(compose(limit, slots))
      await clock.advance(149)
      expect([end, types(), slots.snapshot().inFlight]).toEqual([{}, ['timeout.expired'], 1])
      await clock.advance(2)
      expect(end).toMatchObject({ at: 150, error: expect.any(TimeoutError) })
      expect([types(), slots.snapshot().inFlight]).toEqual([
        ['timeout.expired', 'timeout.abandoned'],
        release === 'settled' ? 1 : 0,
      ])
      operation.release()
      await clock.advance(1)
      await nothingRemains()
    }
  })

  it('begins the next attempt only when the one before is over', async () => {
    const { clock, limit, slots, operation, end, call, nothingRemains } = make({ grace: 50 })
    operation.plays(
      ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => clock.setTimer(30, () => reject(new Error('x'))))),
      1,
    )
    operation.thenReturns('ok')
    void call(compose(retry({ backoff: [0], clock }), limit, slots))
    await clock.advance(1000)
    expect([end, operation.calls.map(({ at }) => at)]).toEqual([{ at: 130, value: 'ok' }, [0, 130]])
    await nothingRemains()
  })

  // T: 14
  it('is over at once for a caller that cancels meanwhile', async () => {
    const { clock, limit, slots, operation, end, call, nothingRemains } = make({ grace: 50 })
    const controller = new AbortController()
    operation.hangs()
    void call(compose(retry({ backoff: [0], clock }), limit, slots), { signal: controller.signal })
    await clock.advance(120)
    controller.abort('enough')
    await clock.advance(0)
    expect(end).toEqual({ at: 120, error: 'enough' })
    await clock.advance(100)
    operation.release()
    await clock.advance(1)
    expect(operation.calls.length).toBe(1)
    await nothingRemains()
  })

  it('is not given to work that never began', async () => {
    const { clock, limit, end, call, nothingRemains } = make({ grace: 50 })
    const full = bulkhead({ limit: 1, queue: 1, clock })
    const held = full.acquire()
    void call(compose(limit, full))
    await clock.advance(100)
    expect([end.at, full.snapshot().queued]).toEqual([100, 0])
    held.succeed()
    await nothingRemains()
  })

  it('may be cut short by a limit further out', async () => {
    const { clock, limit, operation, end, call, nothingRemains } = make({ grace: 500 })
    const between = custom('between', (next) => next)
    operation.hangs()
    void call(compose(timeout({ limit: 150, clock, name: 'outer' }), between, limit))
    await clock.advance(150)
    expect(end).toMatchObject({ at: 150, error: { policy: 'outer' } })
    await clock.advance(1000)
    operation.release()
    await clock.advance(1)
    await nothingRemains()
  })
})
