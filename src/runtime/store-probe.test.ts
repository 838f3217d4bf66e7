import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../testing/virtual-clock.ts'
import type { JobStore } from '../work/store.ts'
import { StoreProbe } from './store-probe.ts'

function make(check: () => Promise<void>) {
  const clock = new VirtualClock()
  let asked = 0
  const store = {
    check: () => {
      asked++
      return check()
    },
  } as unknown as JobStore
  return { clock, probe: new StoreProbe(store, clock), asked: () => asked }
}

describe('the probe of the store', () => {
  // W: 17, 21
  it('writes at most every two seconds while all is well, twice a second while it is not', async () => {
    let well = true
    const { clock, probe, asked } = make(async () => {
      if (!well) throw new Error('disk full')
    })
    const yes = { ok: true, message: 'the store takes writes' }
    expect(await Promise.all([probe.ask(), probe.ask()])).toEqual([yes, yes])
    well = false
    await clock.advance(1999)
    expect(await probe.ask()).toEqual(yes)
    expect(asked()).toBe(1)
    await clock.advance(1)
    expect(await probe.ask()).toEqual({ ok: false, message: 'disk full' })
    well = true
    await clock.advance(499)
    expect(await probe.ask()).toMatchObject({ ok: false })
    await clock.advance(1)
    expect(await probe.ask()).toEqual(yes)
    expect(asked()).toBe(3)
  })

  // W: 17
  it('takes no answer for a no, and asks a store that hangs one question at a time', async () => {
    const { clock, probe, asked } = make(() => new Promise(() => {}))
    const answers = Promise.all([probe.ask(), probe.ask()])
    await clock.advance(3000)
    expect((await answers)[0]).toEqual({ ok: false, message: 'timed out after 3000 ms' })
    expect(asked()).toBe(1)
    expect(clock.pendingTimers({ includeIdle: true })).toBe(0)
  })
})
