import { describe, expect, it, vi } from 'vitest'
import { OptionError } from '../../core/errors.ts'
import { type HoldfastEvent, listenerErrors } from '../../core/events.ts'
import { compose, policy } from '../../core/policy.ts'
import { scripted } from '../../testing/scripted-operation.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { timeout } from '../timeout/timeout.ts'
import { type BulkheadOptions, bulkhead } from './bulkhead.ts'

const make = (options: BulkheadOptions) => {
  const clock = new VirtualClock()
  const slots = bulkhead({ clock, ...options })
  const events: HoldfastEvent[] = []
  slots.observe((event) => events.push(event))
  return { clock, slots, events }
}
const settled = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )

describe('the queue of a bulkhead', () => {
  it('lets the more urgent go first, and keeps the order among equals', async () => {
    for (const priority of [
      undefined,
      ({ attributes }: { attributes: Readonly<Record<string, unknown>> }) => attributes.vip as number,
    ]) {
      const { clock, slots } = make({ limit: 1, queue: 9, ...(priority && { priority }) })
      const held = slots.acquire()
      const order: string[] = []
      const call = (name: string, level?: number) =>
        slots.execute(() => void order.push(name), {
          attributes: { [priority ? 'vip' : 'priority']: level ?? (priority ? 0 : undefined) },
        })
      const all = [call('a'), call('b', 5), call('c'), call('d', 9), call('e', 5), call('f', -1)]
      held.succeed()
      await Promise.all(all)
      await clock.advance(0)
      expect(order.join('')).toBe('dbeacf')
    }
  })

  it('takes a priority that is no number for the usual one, reports it, and loses no place by it', async () => {
    const report = vi.spyOn(listenerErrors, 'report').mockImplementation(() => {})
    for (const priority of [() => Number.NaN, undefined]) {
      const { slots } = make({ limit: 1, queue: 2, ...(priority && { priority }) })
      const held = slots.acquire()
      const order: string[] = []
      const call = (name: string, given: unknown) =>
        slots.execute(() => void order.push(name), { attributes: { priority: given } })
      const all = [call('a', Number.NaN), call('b', 0)]
      held.succeed()
      await Promise.all(all)
      expect([order, slots.snapshot()]).toMatchObject([['a', 'b'], { inFlight: 0, queued: 0 }])
    }
    expect(report).toHaveBeenCalledExactlyOnceWith(expect.any(OptionError), 'bulkhead.priority')
    report.mockRestore()
  })

  it('is left after maxWait, with the reason, and nothing remains', async () => {
    const { clock, slots, events } = make({ limit: 1, queue: 2, maxWait: 100 })
    const held = slots.acquire()
    const operation = scripted().thenReturns(1)
    const late = settled(slots.execute(operation))
    await clock.advance(60)
    const next = settled(slots.execute(operation))
    await clock.advance(40)
    expect(await late).toMatchObject({
      error: { code: 'ERR_BULKHEAD_FULL', retryAfterMs: undefined, details: { reason: 'max-wait' } },
    })
    held.succeed()
    expect([await next, operation.calls.length, slots.snapshot().inFlight]).toEqual([{ value: 1 }, 1, 0])
    await clock.advance(1000)
    expect(clock.pendingTimers({ includeIdle: true })).toBe(0)
    expect(events.filter(({ type }) => type === 'bulkhead.rejected')).toMatchObject([{ reason: 'max-wait' }])
  })

  it('is left at the deadline of the call, and not entered after it', async () => {
    const { clock, slots } = make({ limit: 1, queue: 2 })
    slots.acquire()
    const late = settled(slots.execute(() => 1, { within: 50 }))
    await clock.advance(50)
    expect([await late, slots.snapshot().queued]).toMatchObject([{ error: { name: 'TimeoutError' } }, 0])
    const slow = policy('slow', (next) => (execution) => {
      vi.spyOn(clock, 'now').mockReturnValue(clock.now() + 10)
      return next(execution)
    })
    const tooLate = compose(slow, slots).execute(() => 1, { within: 10 })
    await expect(tooLate).rejects.toMatchObject({ details: { reason: 'deadline' } })
  })

  const overflows: [BulkheadOptions['overflow'], string[]][] = [
    ['reject-new', ['low', 'high']],
    ['drop-oldest', ['equal', 'high']],
    ['drop-lowest-priority', ['low', 'high']],
  ]
  for (const [overflow, left] of overflows)
    it(`that is full: ${overflow}`, async () => {
      const { slots, events } = make({ limit: 1, queue: 2, ...(overflow && { overflow }) })
      const held = slots.acquire()
      const ran: string[] = []
      const call = (name: string, priority: number) =>
        settled(slots.execute(() => void ran.push(name), { attributes: { priority } }))
      const all = [call('low', 1), call('high', 5), call('equal', 1), call('least', 0)]
      expect(slots.snapshot().queued).toBe(2)
      held.succeed()
      await Promise.all(all)
      expect(ran.toSorted()).toEqual(left.toSorted())
      expect(events.filter(({ type }) => type === 'bulkhead.rejected').length).toBe(2)
    })

  it('that is full makes room for the more urgent', async () => {
    const { slots, events } = make({ limit: 1, queue: 2, overflow: 'drop-lowest-priority' })
    const held = slots.acquire()
    const all = [1, 2, 3].map((priority) => settled(slots.execute(() => priority, { attributes: { priority } })))
    expect(await all[0]).toMatchObject({ error: { code: 'ERR_BULKHEAD_FULL', details: { reason: 'dropped' } } })
    held.succeed()
    expect(await Promise.all(all.slice(1))).toEqual([{ value: 2 }, { value: 3 }])
    expect(events.find(({ type }) => type === 'bulkhead.rejected')).toMatchObject({ reason: 'dropped' })
  })
})

describe('the limit of a bulkhead', () => {
  it('may grow, and those who wait go at once; or shrink, and nobody is thrown out', async () => {
    const { clock, slots, events } = make({ limit: 1, queue: 9 })
    const operation = scripted<number>().hangs(4)
    const calls = [1, 2, 3, 4].map(() => slots.execute(operation))
    slots.setLimit(3)
    await clock.advance(0)
    expect([operation.mostRunning, slots.snapshot()]).toMatchObject([3, { inFlight: 3, queued: 1, limit: 3 }])
    slots.setLimit(1)
    slots.setLimit(1)
    expect(slots.snapshot()).toMatchObject({ inFlight: 3, queued: 1, limit: 1 })
    operation.release(1)
    await Promise.all(calls.slice(0, 3))
    await clock.advance(0)
    expect(slots.snapshot()).toMatchObject({ inFlight: 1, queued: 0 })
    operation.release(2)
    expect([await calls[3], slots.snapshot().inFlight]).toEqual([2, 0])
    expect(events.filter(({ type }) => type === 'bulkhead.resized')).toMatchObject([
      { from: 1, to: 3 },
      { from: 3, to: 1 },
    ])
    expect(() => slots.setLimit(0)).toThrow(OptionError)
  })
})

describe('work that was abandoned', () => {
  // T: 16
  it('keeps its place, and is counted until it ends', async () => {
    const { clock, slots } = make({ limit: 2 })
    const stack = compose(timeout({ limit: 10, clock }), slots)
    const stuck = scripted().hangs()
    const end = settled(stack.execute(stuck))
    const cooperative = settled(stack.execute(scripted().hangsUntilAborted()))
    await clock.advance(20)
    expect([await end, await cooperative]).toMatchObject([
      { error: { name: 'TimeoutError' } },
      { error: { name: 'TimeoutError' } },
    ])
    expect(slots.snapshot()).toMatchObject({ inFlight: 1, abandoned: 1 })
    stuck.release()
    await clock.advance(0)
    expect(slots.snapshot()).toMatchObject({ inFlight: 0, abandoned: 0 })
  })
})

describe('shadow mode', () => {
  it('admits everything, and tells what it would reject', async () => {
    const { clock, slots, events } = make({ limit: 1, queue: 1, mode: 'shadow' })
    const operation = scripted<number>().hangs(3)
    const calls = [1, 2, 3].map(() => slots.execute(operation))
    const permit = slots.acquire()
    expect([operation.calls.length, slots.snapshot()]).toMatchObject([3, { inFlight: 4, queued: 0 }])
    expect(events.map(({ type }) => type)).toEqual(['bulkhead.would-reject', 'bulkhead.would-reject'])
    permit.succeed()
    operation.release(1)
    await Promise.all(calls)
    await clock.advance(0)
    expect(slots.snapshot().inFlight).toBe(0)
    expect(slots.executeSync(() => 2)).toBe(2)
  })
})

// T: 11
it('refuses options that are wrong or do nothing', () => {
  for (const [options, option] of [
    [{ maxWait: 5 }, 'bulkhead.maxWait'],
    [{ priority: () => 1 }, 'bulkhead.priority'],
    [{ overflow: 'drop-oldest' }, 'bulkhead.overflow'],
    [{ queue: 1, overflow: 'drop' }, 'bulkhead.overflow'],
    [{ queue: 1, maxWait: 0 }, 'bulkhead.maxWait'],
    [{ queue: 1, priority: 5 }, 'bulkhead.priority'],
    [{ mode: 'dark' }, 'bulkhead.mode'],
  ] as [object, string][]) {
    let error: unknown
    try {
      bulkhead({ limit: 1, ...options })
    } catch (thrown) {
      error = thrown
    }
    expect((error as OptionError)?.option, JSON.stringify(options)).toBe(option)
  }
})
