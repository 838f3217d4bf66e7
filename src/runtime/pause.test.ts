import { describe, expect, it } from 'vitest'
import { pauseTarget } from '../work/steering.ts'
import { runtimeRig } from './testing/runtime-rig.ts'

const MINUTE = 60_000

describe('a handler that pauses its target', () => {
  it.each(['returns', 'throws'])('when it %s that, holds all jobs of it until the time, at no cost of attempts', async (way) => {
    const started: [string, number][] = []
    let quota = 1
    const rig = runtimeRig(
      (payload, { clock }) => {
        const { to } = payload as { to: string }
        started.push([to, clock.wallNow()])
        if (to !== 'a' || quota-- > 0) return 'done'
        const pause = pauseTarget({ until })
        if (way === 'throws') throw pause
        return pause
      },
      { concurrency: 1 },
    )
    const until = rig.clock.wallNow() + 10 * MINUTE
    await rig.runtime.start()
    await rig.send('a', 3)
    await rig.clock.advance(MINUTE)
    await rig.send('b')
    await rig.clock.advance(8 * MINUTE)
    expect(started.filter(([to]) => to === 'a')).toHaveLength(2)
    const waiting = (await rig.source.jobs({ target: 'a', state: 'available' })).items
    expect(waiting).toMatchObject([1, 2].map(() => ({ attempts: 0, heldBy: 'pause', heldUntil: until })))
    expect((await rig.source.jobs({ target: 'b' })).items).toMatchObject([{ state: 'succeeded' }])
    quota = 10
    await rig.clock.advance(2 * MINUTE)
    expect((await rig.source.jobs({ target: 'a' })).items.map(({ state }) => state)).toEqual(Array(3).fill('succeeded'))
    expect(
      started
        .filter(([to]) => to === 'a')
        .slice(2)
        .every(([, at]) => at >= until),
    ).toBe(true)
    await Promise.all([rig.runtime.stop(0), rig.clock.advance(5000)])
  })

  it('holds them over a restart, and until somebody resumes it', async () => {
    const first = runtimeRig(() => pauseTarget({ for: '1h' }))
    const store = Object.assign(first.store, { close: async () => {} })
    await first.runtime.start()
    await first.send('a')
    await first.clock.advance(1000)
    await Promise.all([first.runtime.stop(0), first.clock.advance(5000)])
    const second = runtimeRig(() => 'done', { store, clock: first.clock })
    await second.runtime.start()
    await second.clock.advance(MINUTE)
    expect((await second.source.targets())[0]).toMatchObject({ heldBy: 'pause', held: 1 })
    await second.source.resume('a')
    await second.clock.advance(1000)
    expect((await second.source.jobs({})).items).toMatchObject([{ state: 'succeeded' }])
    await Promise.all([second.runtime.stop(0), second.clock.advance(5000)])
  })

  it('is told at once that a time is none', () => {
    expect(() => pauseTarget({ until: Number.NaN })).toThrow('epoch milliseconds')
    expect(() => pauseTarget({})).toThrow("either 'until' or 'for'")
  })
})
