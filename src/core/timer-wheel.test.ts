import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { type Clock, systemClock } from './clock.ts'
import { TimerWheel, WheelEntry, wheelOf } from './timer-wheel.ts'

/** A coarse clock that a test moves, and that counts native timers. */
class CoarseClock implements Clock {
  readonly precision = 'coarse'
  readonly inner = new VirtualClock({ now: 1234.567 })
  armed = 0
  mostPending = 0
  allIdle = true

  now(): number {
    return this.inner.now()
  }

  wallNow(): number {
    return this.inner.wallNow()
  }

  setTimer(ms: number, wake: () => void, idle?: boolean) {
    this.armed++
    this.allIdle &&= idle === true
    const cancel = this.inner.setTimer(ms, wake, idle)
    this.mostPending = Math.max(this.mostPending, this.inner.pendingTimers({ includeIdle: true }))
    return cancel
  }
}

const duration = fc.oneof(fc.double({ min: 0, max: 300, noNaN: true }), fc.double({ min: 0, max: 5_000_000, noNaN: true }))

describe('the timer wheel', () => {
  it('is never early and at most 1/64 late, or 1 ms for short times, with one native timer', async () => {
    const steps = fc.array(fc.record({ ms: duration, then: fc.double({ min: 0, max: 5000, noNaN: true }) }), { maxLength: 30 })
    await fc.assert(
      fc.asyncProperty(steps, async (entries) => {
        const clock = new CoarseClock()
        const wheel = new TimerWheel(clock)
        const lateness: { late: number; ms: number }[] = []
        for (const { ms, then } of entries) {
          const at = clock.now()
          wheel.add(new WheelEntry(() => lateness.push({ late: clock.now() - at - ms, ms })), ms, at)
          await clock.inner.advance(then)
        }
        await clock.inner.advance(6_000_000)
        expect(lateness.length).toBe(entries.length)
        for (const { late, ms } of lateness) {
          expect(late).toBeGreaterThanOrEqual(-1e-6)
          expect(late).toBeLessThanOrEqual(Math.max(1, ms / 64) + 1e-6)
        }
        expect(clock.mostPending).toBeLessThanOrEqual(1)
        expect([wheel.size, clock.inner.pendingTimers({ includeIdle: true }), clock.allIdle]).toEqual([0, 0, true])
      }),
      { numRuns: 60 },
    )
  })

  it('puts times that are near to each other, for how long they are, into one bucket', () => {
    const bucketsOf = (times: readonly number[]): number => {
      const clock = new CoarseClock()
      const wheel = new TimerWheel(clock)
      for (const ms of times) wheel.add(new WheelEntry(() => {}), ms, clock.now())
      return wheel.size
    }
    const around = (ms: number, step: number): number[] => Array.from({ length: 64 }, (_, n) => ms + n * step)
    // A millisecond, eight of them, a thousand and more: what 64 of them take, and one where they begin in the middle.
    expect([around(5, 1 / 64), around(1000, 1 / 8), around(100_000, 16)].map(bucketsOf)).toEqual([2, 2, 2])
    expect(bucketsOf(around(1000, 1))).toBeLessThanOrEqual(9)
  })

  it('is exact on an exact clock', async () => {
    const clock = new VirtualClock()
    const wheel = new TimerWheel(clock)
    const fired: number[] = []
    for (const ms of [100.3, 100, 99.9, 0.2, 0]) wheel.add(new WheelEntry(() => fired.push(clock.now() - ms)), ms, 0)
    await clock.advance(200)
    expect(fired).toEqual([0, 0, 0, 0, 0])
  })

  it('is not early when the native timer is', () => {
    let now = 0
    let wake = (): void => {}
    let waits = 0
    const clock: Clock = {
      now: () => now,
      wallNow: () => now,
      setTimer: (_, callback) => {
        waits++
        wake = callback
        return () => {}
      },
    }
    const fired: number[] = []
    const wheel = new TimerWheel(clock)
    wheel.add(new WheelEntry(() => fired.push(now)), 100, 0)
    now = 99.6
    wake()
    expect([fired, waits]).toEqual([[], 2])
    now = 100
    wake()
    expect(fired).toEqual([100])
  })

  it('forgets what is cancelled, in constant time, also when everything is due at once', async () => {
    const clock = new CoarseClock()
    const wheel = new TimerWheel(clock)
    let fired = 0
    const entries = Array.from({ length: 200_000 }, () => new WheelEntry(() => fired++))
    for (const entry of entries) wheel.add(entry, 1000, clock.now())
    // Were cancelling linear, this would be 2 · 10¹⁰ steps.
    for (const entry of entries.toReversed()) entry.cancel()
    entries[0]!.cancel()
    await clock.inner.advance(2000)
    expect([fired, wheel.size]).toEqual([0, 0])
  })

  it('keeps a bounded number of buckets and arms rarely, however many calls there are', async () => {
    const clock = new CoarseClock()
    const wheel = new TimerWheel(clock)
    for (let call = 0; call < 20_000; call++) {
      const entry = new WheelEntry(() => {})
      wheel.add(entry, 8192 + (call % 8192), clock.now())
      if (call % 10 !== 0) entry.cancel()
      await clock.inner.advance(call % 100 === 0 ? 13 : 0)
    }
    expect(wheel.size).toBeLessThanOrEqual(140)
    expect(clock.armed).toBeLessThan(200)
  }, 20_000)

  it('fires an entry that another one adds while it fires, and re-arms for the earliest', async () => {
    const clock = new VirtualClock()
    const wheel = new TimerWheel(clock)
    const fired: string[] = []
    wheel.add(new WheelEntry(() => fired.push(`far ${clock.now()}`)), 1000, 0)
    wheel.add(
      new WheelEntry(() => {
        fired.push(`near ${clock.now()}`)
        wheel.add(new WheelEntry(() => fired.push(`now ${clock.now()}`)), 0, clock.now())
        wheel.add(new WheelEntry(() => fired.push(`soon ${clock.now()}`)), 5, clock.now())
      }),
      10,
      0,
    )
    await clock.advance(2000)
    expect(fired).toEqual(['near 10', 'now 10', 'soon 15', 'far 1000'])
  })

  it('does not wait for what was cancelled, once it turns', async () => {
    const clock = new VirtualClock()
    const wheel = new TimerWheel(clock)
    const cancelled = new WheelEntry(() => {})
    wheel.add(cancelled, 1000, 0)
    wheel.add(new WheelEntry(() => {}), 10, 0)
    cancelled.cancel()
    await clock.advance(10)
    expect([wheel.size, clock.pendingTimers({ includeIdle: true })]).toEqual([0, 0])
  })

  it('takes a new entry for a time whose bucket is gone, be it that it fired or that all was cancelled', async () => {
    const clock = new VirtualClock()
    const wheel = new TimerWheel(clock)
    const fired: string[] = []
    const add = (name: string, ms: number): WheelEntry => {
      const entry = new WheelEntry(() => fired.push(`${name} ${clock.now()}`))
      wheel.add(entry, ms, clock.now())
      return entry
    }
    add('first', 10)
    add('cancelled', 20).cancel()
    await clock.advance(10)
    add('again at 20', 10)
    await clock.advance(10)
    add('at once', 0)
    await clock.advance(0)
    expect(fired).toEqual(['first 10', 'again at 20 20', 'at once 20'])
  })

  it('lets an entry cancel its neighbour while firing', async () => {
    const clock = new VirtualClock()
    const wheel = new TimerWheel(clock)
    let fired = 0
    const second = new WheelEntry(() => fired++)
    wheel.add(new WheelEntry(() => second.cancel()), 10, 0)
    wheel.add(second, 10, 0)
    await clock.advance(20)
    expect(fired).toBe(0)
  })

  it('is one per clock', () => {
    const clock = new VirtualClock()
    expect(wheelOf(clock)).toBe(wheelOf(clock))
    const wheel = wheelOf(clock)
    expect(wheelOf(systemClock)).not.toBe(wheel)
    expect(wheelOf(clock)).toBe(wheel)
  })

  it('never keeps a process alive', () => {
    const wheel = fileURLToPath(new URL('./timer-wheel.ts', import.meta.url))
    const clock = fileURLToPath(new URL('./clock.ts', import.meta.url))
    const code = `
      import { WheelEntry, wheelOf } from ${JSON.stringify(wheel)}
      import { systemClock } from ${JSON.stringify(clock)}
      wheelOf(systemClock).add(new WheelEntry(() => console.log('fired')), 60_000, systemClock.now())
      console.log('armed')`
    expect(execFileSync('node', ['--input-type=module', '-e', code], { timeout: 10_000, encoding: 'utf8' })).toBe('armed\n')
  })
})
