import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { ClockWatch } from './clock-watch.ts'

function watch() {
  const clock = new VirtualClock()
  const clockWatch = new ClockWatch({ clock, toleranceMs: 1000, graceMs: 30_000 })
  return { clock, look: () => clockWatch.isDoubtful(clock.wallNow()) }
}

describe('a wall clock that jumps ahead', () => {
  // T: 8
  it('makes leases doubtful until their owners had the time to renew them', async () => {
    const { clock, look } = watch()
    expect(look()).toBe(false)
    await clock.advance(3_600_000)
    expect(look()).toBe(false)
    clock.stepWall(3_600_000)
    expect(look()).toBe(true)
    await clock.advance(29_999)
    expect(look()).toBe(true)
    await clock.advance(1)
    expect(look()).toBe(false)
  })

  it('is no matter when it jumps a little, or back', async () => {
    const { clock, look } = watch()
    look()
    clock.stepWall(1000)
    expect(look()).toBe(false)
    clock.stepWall(-3_600_000)
    expect(look()).toBe(false)
  })
})
