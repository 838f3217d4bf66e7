import { describe, expect, it } from 'vitest'
import { type OptionError, RejectedError } from '../../core/errors.ts'
import type { HoldfastEvent } from '../../core/events.ts'
import { scripted } from '../../testing/scripted-operation.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { bulkhead } from './bulkhead.ts'

const clock = new VirtualClock()
const settled = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ value }),
    (error) => ({ error }),
  )

describe('a bulkhead', () => {
  it('runs so many at once, queues so many, rejects the rest, and says so', async () => {
    const slots = bulkhead({ limit: 2, queue: 1, clock, name: 'browser' })
    const events: HoldfastEvent[] = []
    slots.observe((event) => events.push(event))
    const operation = scripted<string>().hangs(3)
    const calls = [1, 2, 3, 4].map(() => settled(slots.execute(operation, { operation: 'goto' })))
    expect(slots.snapshot()).toEqual({ inFlight: 2, queued: 1, abandoned: 0, limit: 2, queueLimit: 1 })
    const { error } = (await calls[3]) as { error: RejectedError }
    expect(error).toBeInstanceOf(RejectedError)
    expect(error).toMatchObject({ code: 'ERR_BULKHEAD_FULL', family: 5000, policy: 'browser', retryAfterMs: undefined })
    expect(events).toMatchObject([
      { type: 'bulkhead.queued', inFlight: 2, queued: 1, operation: 'goto' },
      { type: 'bulkhead.rejected', inFlight: 2, queued: 1 },
    ])
    operation.release('a')
    await Promise.all(calls.slice(0, 2))
    await clock.advance(0)
    operation.release('b')
    expect(await calls[2]).toEqual({ value: 'b' })
    expect([operation.mostRunning, slots.snapshot().inFlight]).toEqual([2, 0])
  })

  // T: 18
  it('keeps the order of those who wait, whoever comes while a place is freed', async () => {
    const slots = bulkhead({ limit: 1, queue: 9, clock })
    const order: number[] = []
    const call = (number: number): Promise<unknown> =>
      slots.execute(async () => {
        order.push(number)
        if (number < 3) void call(number + 10)
        await Promise.resolve()
      })
    await Promise.all([call(1), call(2), call(3), call(4)])
    await clock.advance(0)
    expect(order).toEqual([1, 11, 2, 3, 4, 12])
  })

  // T: 17
  it('frees the place of a cancelled call in the queue at once', async () => {
    const slots = bulkhead({ limit: 1, queue: 1, clock })
    const held = slots.acquire()
    const controller = new AbortController()
    const cancelled = settled(slots.execute(() => 'never', { signal: controller.signal }))
    controller.abort('enough')
    expect(slots.snapshot().queued).toBe(0)
    const next = slots.execute(() => 'next')
    held.succeed()
    expect([await cancelled, await next]).toEqual([{ error: 'enough' }, 'next'])
  })

  // T: 4
  it('gives manual permits that count once', () => {
    const slots = bulkhead({ limit: 1 })
    {
      using permit = slots.acquire()
      permit.succeed()
      permit.fail()
    }
    slots.acquire()
    expect(() => slots.acquire()).toThrow(RejectedError)
    expect(slots.snapshot().inFlight).toBe(1)
  })

  // T: 11
  it('refuses options that are unknown or wrong', () => {
    for (const [options, option] of [
      [{}, 'bulkhead.limit'],
      [{ limit: 0 }, 'bulkhead.limit'],
      [{ limit: 1, queue: -1 }, 'bulkhead.queue'],
      [{ limit: 1, queueSize: 5 }, 'bulkhead.queueSize'],
      [{ limit: 1, name: '' }, 'bulkhead.name'],
    ] as [{ limit: number }, string][]) {
      let error: unknown
      try {
        bulkhead(options)
      } catch (thrown) {
        error = thrown
      }
      expect((error as OptionError)?.option).toBe(option)
    }
  })
})
