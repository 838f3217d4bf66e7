import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { LONGEST_TIMER_MS, sleep, systemClock } from './clock.ts'

describe('the system clock', () => {
  beforeEach(() => vi.useFakeTimers())
  afterEach(() => vi.useRealTimers())

  it('wakes once, after its time', () => {
    const wake = vi.fn()
    systemClock.setTimer(100, wake)
    vi.advanceTimersByTime(99)
    expect(wake).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1000)
    expect(wake).toHaveBeenCalledTimes(1)
  })

  // T: 9
  it('waits longer than one native timer can, by arming again', () => {
    const native = vi.spyOn(globalThis, 'setTimeout')
    const wake = vi.fn()
    const ms = 2 * LONGEST_TIMER_MS + 500
    systemClock.setTimer(ms, wake)
    for (const part of [LONGEST_TIMER_MS, LONGEST_TIMER_MS, 499]) vi.advanceTimersByTime(part)
    expect(wake).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(wake).toHaveBeenCalledTimes(1)
    expect(native.mock.calls.map(([, wait]) => wait)).toEqual([LONGEST_TIMER_MS, LONGEST_TIMER_MS, 500])
  })

  // T: 9
  it('can be cancelled in each part of a long wait, and never wakes for an endless one', () => {
    const wake = vi.fn()
    const cancel = systemClock.setTimer(3 * LONGEST_TIMER_MS, wake)
    vi.advanceTimersByTime(2 * LONGEST_TIMER_MS)
    cancel()
    cancel()
    expect(vi.getTimerCount()).toBe(0)
    const stop = systemClock.setTimer(Number.POSITIVE_INFINITY, wake)
    for (let month = 0; month < 5; month++) vi.advanceTimersByTime(LONGEST_TIMER_MS)
    stop()
    expect(wake).not.toHaveBeenCalled()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('takes a negative wait as none', () => {
    const wake = vi.fn()
    systemClock.setTimer(-5, wake)
    vi.advanceTimersByTime(0)
    expect(wake).toHaveBeenCalledTimes(1)
  })
})

it('the system clock keeps the process alive until it wakes, but not for idle timers, whatever the platform calls a timer', () => {
  const keeping = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
  const before = keeping()
  const stop = systemClock.setTimer(1e6, () => {})
  expect(keeping()).toBe(before + 1)
  const stopIdle = systemClock.setTimer(1e6, () => {}, true)
  expect(keeping()).toBe(before + 1)
  stop()
  stopIdle()
  expect(keeping()).toBe(before)
  const native = vi.spyOn(globalThis, 'setTimeout').mockReturnValue(7 as never)
  expect(() => systemClock.setTimer(1e6, () => {}, true)).not.toThrow()
  native.mockRestore()
})

// T: 8
it('the system clock measures intervals by a time that never goes back', () => {
  const wall = vi.spyOn(Date, 'now')
  const first = systemClock.now()
  wall.mockReturnValue(0)
  expect(systemClock.now()).toBeGreaterThanOrEqual(first)
  expect(systemClock.wallNow()).toBe(0)
  wall.mockRestore()
})

describe('sleep', () => {
  it('waits its time', async () => {
    const clock = new VirtualClock()
    const woke = vi.fn()
    void sleep(clock, 100).then(woke)
    await clock.advance(99)
    expect(woke).not.toHaveBeenCalled()
    await clock.advance(1)
    expect(woke).toHaveBeenCalled()
  })

  // T: 12
  it('ends at once with the reason of its signal, and leaves no timer and no listener', async () => {
    const clock = new VirtualClock()
    const controller = new AbortController()
    const removed = vi.spyOn(controller.signal, 'removeEventListener')
    const asleep = sleep(clock, 100, controller.signal)
    controller.abort('enough')
    await expect(asleep).rejects.toBe('enough')
    expect(clock.pendingTimers({ includeIdle: true })).toBe(0)
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    await expect(sleep(clock, 100, controller.signal)).rejects.toBe('enough')
    const lent = new AbortController()
    const rested = sleep(clock, 5, lent.signal)
    await clock.advance(5)
    await rested
    expect(removed).not.toHaveBeenCalled()
    expect(getEventListeners(lent.signal, 'abort')).toEqual([])
    expect(clock.pendingTimers({ includeIdle: true })).toBe(0)
  })
})
