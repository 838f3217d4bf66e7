import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import type { Health } from '../source.ts'
import { stormy } from '../testing/demo-source.ts'
import type { CheckAnswer } from './health-checks.ts'
import { HealthChecks } from './health-checks.ts'
import type { HealthFacts, Since } from './health-of.ts'
import { healthOf } from './health-of.ts'
import { Hysteresis } from './hysteresis.ts'

describe('shared state', () => {
  it('degrades health while it is lost, and says so once where the store is lost with it', () => {
    const facts = { ...stormy(0), targets: [], deadLetters: {}, held: 0, oldestWaitingMs: 0 }
    const verdict = (storeOk: boolean, shared: { ok: boolean; message?: string }) =>
      healthOf({ ...facts, store: { ok: storeOk }, shared }).reasons.map(({ check, status }) => [check, status])
    expect(verdict(true, { ok: true })).toEqual([])
    expect(verdict(true, { ok: false, message: 'gone' })).toEqual([['shared-state', 'degraded']])
    expect(verdict(false, { ok: false, message: 'gone' })).toEqual([['store', 'unhealthy']])
  })
})

describe('the clock', () => {
  // W: 4
  it('degrades health while it differs from the store’s', () => {
    const facts = { ...stormy(0), targets: [], deadLetters: {}, held: 0, oldestWaitingMs: 0, store: { ok: true } }
    const verdict = (skewMs: number, isSkewed: boolean) => healthOf({ ...facts, worker: { state: 'running', skewMs, isSkewed } })
    expect(verdict(90_000, true)).toMatchObject({
      status: 'degraded',
      reasons: [{ check: 'clock', message: "the store's clock is 1m30s ahead of this host's" }],
    })
    expect(verdict(-90_000, true).reasons[0]?.message).toContain('1m30s behind')
    expect(verdict(200, false)).toEqual({ status: 'healthy', reasons: [] })
  })
})

describe('health checks', () => {
  // R: P5
  it('are sync or async, and make a whole with message, details, time and uptime', async () => {
    const clock = new VirtualClock()
    const health = new HealthChecks(clock)
    health.register('sync', () => true)
    health.register('async', async () => ({ status: 'degraded', message: 'two of three peers', details: { peers: 2 } }))
    await clock.advance(1500)
    const report = await health.report()
    expect(report).toMatchObject({ status: 'degraded', uptimeMs: 1500, timestamp: clock.wallNow() })
    expect(report.checks[1]).toMatchObject({ name: 'async', message: 'two of three peers', details: { peers: 2 } })
    expect(await new HealthChecks(clock).report()).toMatchObject({ status: 'healthy', checks: [] })
  })

  // R: P5, R7
  it('that throw, reject or say no are a result, not a crash', async () => {
    const health = new HealthChecks(new VirtualClock())
    health.register('throws', () => {
      throw new Error('postgres://u:hunter2@db is down')
    })
    health.register('rejects', () => Promise.reject('no'), { failureIs: 'degraded' })
    health.register('no', () => false)
    const { status, checks } = await health.report()
    expect(status).toBe('unhealthy')
    expect(checks.map((check) => [check.name, check.status, check.message])).toEqual([
      ['throws', 'unhealthy', 'postgres://u:[redacted]@db is down'],
      ['rejects', 'degraded', 'no'],
      ['no', 'unhealthy', 'the check said no'],
    ])
  })

  // W: 17
  it('that hang end at their limit, and are not asked again meanwhile', async () => {
    const clock = new VirtualClock()
    const health = new HealthChecks(clock)
    let asked = 0
    health.register('hangs', () => new Promise<boolean>(() => asked++), { timeout: '2s' })
    const reports = Promise.all([health.report(), health.report()])
    await clock.advance(2000)
    const [first] = await reports
    expect(first?.checks[0]).toMatchObject({ status: 'unhealthy', message: 'timed out after 2000 ms', durationMs: 2000 })
    expect(asked).toBe(1)
    expect(clock.pendingTimers({ includeIdle: true })).toBe(0)
  })

  // W: 17
  it('are asked once per cache time', async () => {
    const clock = new VirtualClock()
    const health = new HealthChecks(clock)
    let asked = 0
    health.register('counted', () => ++asked > 0, { cache: 1000 })
    await health.report()
    await clock.advance(999)
    await health.report()
    expect(asked).toBe(1)
    await clock.advance(1)
    await health.report()
    expect(asked).toBe(2)
  })

  // W: 15
  it('do not flap: k of n must agree', async () => {
    const clock = new VirtualClock()
    const health = new HealthChecks(clock)
    const answers: CheckAnswer[] = [true, false, true, false, false, true]
    health.register('flaps', () => answers.shift(), { cache: 0, need: 2, of: 3 })
    const seen: Health[] = []
    for (let i = 0; i < 6; i++) {
      seen.push((await health.report()).status)
      await clock.advance(1)
    }
    expect(seen).toEqual(['healthy', 'healthy', 'healthy', 'unhealthy', 'unhealthy', 'unhealthy'])
  })

  it('have names of their own, known options, and can be taken out', async () => {
    const health = new HealthChecks(new VirtualClock())
    const remove = health.register('a', () => true)
    expect(() => health.register('a', () => true)).toThrow(/name of its own/)
    expect(() => health.register('b', () => true, { timout: 1 } as never)).toThrow(/'check.timout' is not an option/)
    remove()
    expect((await health.report()).checks).toEqual([])
  })
})

describe('hysteresis', () => {
  // W: 15
  it('stays in a status for its least time', () => {
    const steady = new Hysteresis({ minMs: 1000 })
    expect(steady.observe('healthy', 0)).toBe('healthy')
    expect(steady.observe('unhealthy', 999)).toBe('healthy')
    expect(steady.observe('unhealthy', 1000)).toBe('unhealthy')
    expect(steady.since).toBe(1000)
  })
})

describe('the health of it all', () => {
  const now = 1_800_000_000_000
  const fine: HealthFacts = { now, store: { ok: true }, targets: [], deadLetters: {}, held: 0, oldestWaitingMs: 0 }

  it('is healthy when nothing is wrong', () => {
    expect(healthOf(fine)).toEqual({ status: 'healthy', reasons: [] })
  })

  // R: R7, R11
  // W: 17
  it('is degraded, never unhealthy, by trouble outside', () => {
    const { targets } = stormy(now)
    const { status, reasons } = healthOf({ ...fine, targets, held: 454, deadLetters: { pending: 1, exhausted: 2 } })
    expect(status).toBe('degraded')
    expect(reasons.map(({ message }) => message)).toEqual([
      'https://api.example.com is not answering, 412 jobs held',
      'ai_service is being probed, 9 jobs held',
      'peer:ab12 is paused, 2 jobs held',
      '3 dead letters, 2 of them wait for a person',
    ])
    expect(reasons[0]?.since).toBe(now - 23 * 60_000)
  })

  // T: 31
  it('names those that most work waits for when there are many, and counts the others', () => {
    const [open] = stormy(now).targets
    const targets = Array.from({ length: 5000 }, (_, i) => ({ ...open!, name: `t${i}`, held: i }))
    const { reasons } = healthOf({ ...fine, targets })
    expect(reasons).toHaveLength(21)
    expect(reasons[0]?.message).toBe('t4999 is not answering, 4999 jobs held')
    expect(reasons[20]).toMatchObject({ check: 'targets', status: 'degraded', message: '4980 more targets in trouble' })
  })

  it('is unhealthy when the store takes no writes', () => {
    expect(healthOf({ ...fine, store: { ok: false, message: 'disk full' } })).toMatchObject({
      status: 'unhealthy',
      reasons: [{ message: 'the store takes no writes: disk full' }],
    })
    const { reasons } = healthOf({ ...fine, store: { ok: false, since: now - 3_600_000 } })
    expect(reasons[0]?.since).toBe(now - 3_600_000)
  })

  it('calls a backlog what is due and not held', () => {
    expect(healthOf({ ...fine, oldestWaitingMs: 600_000 }).reasons[0]?.message).toBe('the oldest due job has waited 10m')
    // It became one when its oldest had waited for too long, whenever somebody asks.
    expect(healthOf({ ...fine, oldestWaitingMs: 600_000 }).reasons[0]?.since).toBe(now - 300_000)
    expect(healthOf({ ...fine, oldestWaitingMs: 600_000, held: 1 }).status).toBe('healthy')
  })

  it('remembers since when a reason holds, and forgets when it ends', () => {
    const since: Since = new Map()
    const bad: HealthFacts = { ...fine, deadLetters: { pending: 1 } }
    healthOf(bad, {}, since)
    expect(healthOf({ ...bad, now: now + 5000 }, {}, since).reasons[0]?.since).toBe(now)
    healthOf({ ...fine, now: now + 6000 }, {}, since)
    expect(healthOf({ ...bad, now: now + 7000 }, {}, since).reasons[0]?.since).toBe(now + 7000)
  })
})
