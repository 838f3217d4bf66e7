import { describe, expect, it } from 'vitest'
import { defineSchedule } from '../work/schedules/schedule.ts'
import { runtimeRig } from './testing/runtime-rig.ts'

const HOUR = 3_600_000

describe('schedules of a runtime', () => {
  it('make jobs that are done, until it stops, and are seen through the windows', async () => {
    const done: unknown[] = []
    const schedules = [defineSchedule({ name: 'hourly', cron: '0 * * * *', kind: 'mail', payload: { to: 'a' } })]
    const { runtime, clock, source } = runtimeRig((payload, { idempotencyKey }) => void done.push([payload, idempotencyKey]), {
      schedules,
    })
    await runtime.start()
    await clock.advance(2 * HOUR)
    expect(done).toEqual([
      [{ to: 'a' }, 'schedule:hourly:2026-01-01T01:00:00.000Z'],
      [{ to: 'a' }, 'schedule:hourly:2026-01-01T02:00:00.000Z'],
    ])
    expect((await source.status()).schedules).toMatchObject([{ name: 'hourly', nextAt: clock.wallNow() + HOUR, paused: false }])
    expect(await source.pauseSchedule('hourly')).toMatchObject({ paused: true })
    expect(await source.schedules()).toMatchObject([{ paused: true }])
    await clock.advance(HOUR)
    expect(await source.resumeSchedule('hourly')).toMatchObject({ paused: false })
    expect(await source.runSchedule('hourly')).toMatchObject({ duplicate: false })
    await clock.advance(100)
    expect(done).toHaveLength(3)
    await Promise.all([runtime.stop(0), clock.advance(5000)])
    await clock.advance(2 * HOUR)
    expect([done.length, clock.pendingTimers({ includeIdle: true })]).toEqual([3, 0])
  })

  it('are refused at once when they name a kind that is not there', () => {
    const schedules = [defineSchedule({ name: 's', every: '1h', kind: 'male' })]
    expect(() => runtimeRig(() => {}, { schedules })).toThrow(/schedule 's'.*Did you mean 'mail'|schedule 's'.*male/)
  })
})
