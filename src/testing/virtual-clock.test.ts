import { describe, expect, it } from 'vitest'
import { sleep } from '../core/clock.ts'
import { VirtualClock } from './virtual-clock.ts'

describe('the virtual clock', () => {
  it('stands still until it is moved', async () => {
    const clock = new VirtualClock({ now: 5, wallNow: 1000 })
    await new Promise((resolve) => setImmediate(resolve))
    expect([clock.now(), clock.wallNow()]).toEqual([5, 1000])
    await clock.advance(10)
    expect([clock.now(), clock.wallNow()]).toEqual([15, 1010])
  })

  it('fires timers in order of their time, then of their making, each at its own time', async () => {
    const clock = new VirtualClock()
    const fired: string[] = []
    for (const [name, ms] of [
      ['c', 20],
      ['a', 10],
      ['b', 10],
    ] as const)
      clock.setTimer(ms, () => fired.push(`${name} ${clock.now()}`))
    await clock.advance(100)
    expect(fired).toEqual(['a 10', 'b 10', 'c 20'])
  })

  it('fires what a timer or a promise that it woke adds, if it is due on the way', async () => {
    const clock = new VirtualClock()
    const woke: number[] = []
    const chain = async () => {
      for (let step = 0; step < 5; step++) {
        await sleep(clock, 10)
        woke.push(clock.now())
      }
    }
    void chain()
    await clock.advance(35)
    expect([woke, clock.now()]).toEqual([[10, 20, 30], 35])
    await clock.advance(15)
    expect(woke).toEqual([10, 20, 30, 40, 50])
  })

  it('counts the timers that wait, idle ones only when asked, and none that was cancelled', async () => {
    const clock = new VirtualClock()
    const cancel = clock.setTimer(10, () => {})
    clock.setTimer(10, () => {}, true)
    expect([clock.pendingTimers(), clock.pendingTimers({ includeIdle: true })]).toEqual([1, 2])
    cancel()
    cancel()
    expect(clock.pendingTimers({ includeIdle: true })).toBe(1)
    await clock.advance(10)
    expect(clock.pendingTimers({ includeIdle: true })).toBe(0)
  })

  // T: 8
  it('steps the wall clock alone', () => {
    const clock = new VirtualClock({ wallNow: 1000 })
    clock.stepWall(-500)
    expect([clock.now(), clock.wallNow()]).toEqual([0, 500])
  })
})
