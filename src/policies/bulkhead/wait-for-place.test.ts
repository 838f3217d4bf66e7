import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { compose, policy } from '../../core/policy.ts'
import { wheelOf } from '../../core/timer-wheel.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { bulkhead } from './bulkhead.ts'

const make = () => {
  const clock = new VirtualClock()
  const slots = bulkhead({ limit: 1, queue: 1, maxWait: 100, overflow: 'drop-oldest', clock })
  const held = slots.acquire()
  const caller = new AbortController()
  const call = () =>
    slots
      .execute(() => 'ran', { signal: caller.signal })
      .catch((error: { details?: { reason: string } }) => error.details?.reason ?? error)
  return { clock, slots, held, caller, call }
}

describe('a call that waits for a place', () => {
  const ways: Record<string, (made: ReturnType<typeof make>) => unknown> = {
    ran: ({ held }) => held.succeed(),
    dropped: ({ slots }) => void slots.execute(() => 1).catch(() => {}),
    'max-wait': ({ clock }) => clock.advance(100),
    enough: ({ caller }) => caller.abort('enough'),
  }
  // T: 12
  it.each(Object.entries(ways))('and ends by this (%s) leaves no listener, no timer and no place behind', async (end, way) => {
    const made = make()
    const { clock, slots, held, caller, call } = made
    const told = new Set<string>()
    slots.observe(({ type }) => told.add(type))
    const waiting = call()
    expect(slots.snapshot().queued).toBe(1)
    await way(made)
    expect(await waiting).toBe(end)
    expect(getEventListeners(caller.signal, 'abort')).toEqual([])
    if (end !== 'ran') held.succeed()
    await clock.advance(1000)
    expect([slots.snapshot(), clock.pendingTimers({ includeIdle: true })]).toMatchObject([{ inFlight: 0, queued: 0 }, 0])
    expect(told.has('bulkhead.rejected')).toBe(end === 'dropped' || end === 'max-wait')
  })

  // T: 12, 16
  it('and whose caller leaves gives back its place further out', async () => {
    const { clock, slots, caller } = make()
    const outer = bulkhead({ limit: 5, clock })
    const end = compose(outer, slots).execute(() => 'ran', { signal: caller.signal })
    expect(outer.snapshot().inFlight).toBe(1)
    caller.abort('gone')
    await expect(end).rejects.toBe('gone')
    await clock.advance(0)
    expect([outer.snapshot().inFlight, slots.snapshot().queued]).toEqual([0, 0])
  })

  it('does not join the line when its caller has left by then', async () => {
    const { clock, slots, caller } = make()
    const leaving = policy('leaving', (next) => (execution) => {
      caller.abort('gone')
      return next(execution)
    })
    const end = compose(leaving, slots).execute(() => 'ran', { signal: caller.signal })
    expect(slots.snapshot().queued).toBe(0)
    await expect(end).rejects.toBe('gone')
    expect(clock.pendingTimers({ includeIdle: true })).toBe(0)
  })

  it('does not join it either when its own priority makes the caller leave', async () => {
    const caller = new AbortController()
    const told: string[] = []
    const priority = () => {
      caller.abort('gone')
      return 0
    }
    const slots = bulkhead({ limit: 1, queue: 1, priority, clock: new VirtualClock() })
    slots.observe(({ type }) => told.push(type))
    slots.acquire()
    const end = slots.execute(() => 'ran', { signal: caller.signal })
    expect([slots.snapshot().queued, told]).toEqual([0, []])
    await expect(end).rejects.toBe('gone')
    expect(slots.snapshot().inFlight, 'it gives no place back that it never had').toBe(1)
  })

  it('sets no timer where nothing says how long it may wait', async () => {
    const clock = new VirtualClock()
    const slots = bulkhead({ limit: 1, queue: 1, clock })
    const held = slots.acquire()
    const waiting = slots.execute(() => 'ran')
    expect([slots.snapshot().queued, wheelOf(clock).size]).toEqual([1, 0])
    held.succeed()
    expect(await waiting).toBe('ran')
  })
})
