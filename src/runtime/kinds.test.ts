import { afterEach, describe, expect, it } from 'vitest'
import { DEFAULTS } from '../config/defaults.ts'
import { resolveConfig } from '../config/resolve.ts'
import { targetSettings } from '../config/target-settings.ts'
import type { UserConfig } from '../config/user-config.ts'
import { DEFAULT_BREAKER, policiesOf } from '../targets/settings.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { defineKind } from '../work/kind.ts'
import { defineSchedule } from '../work/schedules/schedule.ts'
import type { Kinds } from './kinds.ts'
import { kindsOf } from './kinds.ts'
import { schedulesOf } from './schedules.ts'

const made: Kinds[] = []
afterEach(() => Promise.all(made.splice(0).map(({ http }) => http.close())))

const configOf = (values: Record<string, unknown> = {}) =>
  resolveConfig({ cwd: '/w', env: {}, file: { path: '/w/c.ts', directory: '/w', name: 'c.ts', values } }).config

function kinds(values: Record<string, unknown> = {}): Kinds {
  const kindsMade = kindsOf(configOf(values), new VirtualClock())
  made.push(kindsMade)
  return kindsMade
}

describe('the kinds of a process', () => {
  it('are http, as configured, and its own', () => {
    const { all } = kinds({
      http: { maxAttempts: 4, backoff: { initial: '2s', max: '1m' } },
      worker: { lease: '20s', maxLostLeases: 5 },
      kinds: [
        { name: 'mail', target: 'smtp', handler: () => {} },
        { name: 'film', target: 'farm', handler: () => {}, lease: '5m', maxLostLeases: 1, maxAttempts: 2 },
      ],
    })
    expect(all.map(({ name, maxAttempts, leaseMs, maxLostLeases }) => [name, maxAttempts, leaseMs, maxLostLeases])).toEqual([
      ['http', 4, 20_000, 5],
      ['mail', 10, 20_000, 5],
      ['film', 2, 300_000, 1],
    ])
    expect(all[0]).toMatchObject({ backoff: { initialMs: 2000, maxMs: 60_000, factor: 2 } })
  })

  it('are kept for as long as they say, http as configured', () => {
    const mail = { name: 'mail', target: 'smtp', handler: () => {} }
    const { all } = kinds({
      http: { retention: { olderThan: '1d' } },
      kinds: [
        { ...mail, retention: { keep: 10 } },
        { ...mail, name: 'sms' },
      ],
    })
    expect(all.map(({ retention }) => retention)).toEqual([{ olderThanMs: 86_400_000 }, { keep: 10 }, undefined])
    expect(kinds().all[0]).not.toHaveProperty('retention')
    expect(() => configOf({ http: { retention: { every: '1h' } } })).toThrow(/http\.retention\.every/)
    expect(() => configOf({ http: { retention: { keep: -1 } } })).toThrow(/http\.retention\.keep/)
  })

  it('may be defined before, and schedules too: then the configuration changes nothing of them', () => {
    const mail = defineKind({ name: 'mail', target: 'smtp', handler: () => {} })
    const report = defineSchedule({ name: 'report', every: '1h', kind: 'mail' })
    const values = {
      kinds: [mail],
      schedules: [report, { name: 'poll', cron: '@daily', kind: 'mail' }],
      worker: { lease: '20s' },
    }
    expect(kinds(values).all[1]).toBe(mail)
    const [first, second] = schedulesOf(configOf(values))
    expect([first === report, second?.name]).toEqual([true, 'poll'])
    const typed: UserConfig = { kinds: [mail], schedules: [report] }
    expect(typed.kinds).toHaveLength(1)
  })

  it('aim http at the origin of its URL, and check its payload against the allow-list', () => {
    const [http] = kinds({ http: { allow: ['public', 'hooks.internal:8443'] } }).all
    expect(http!.targetOf({ url: 'https://api.example.com:8443/a?b#c' })).toBe('https://api.example.com:8443')
    expect(() => http!.validate?.({ url: 'https://hooks.internal:8443/' })).not.toThrow()
    expect(() => http!.validate?.({ url: 'http://10.0.0.1/' })).toThrow(
      expect.objectContaining({ code: 'ERR_ADDRESS_FORBIDDEN' }),
    )
    expect(() => http!.validate?.({ url: 'https://a.example/', metod: 'GET' })).toThrow(/payload\.metod/)
  })

  it('leave an http job all the time that its payload may ask for', () => {
    expect(kinds().all[0]!.timeoutMs).toBeGreaterThan(300_000)
  })

  it('are refused with the option that is wrong', () => {
    expect(() => kinds({ http: { allow: ['pubic'] } })).toThrow(/http\.allow\[0\].*pubic/)
    expect(() => kinds({ kinds: [{ name: 'mail', target: 'smtp', handler: () => {}, atempts: 3 }] })).toThrow(/atempts/)
  })
})

describe('a target that nothing names', () => {
  it('has the same breaker with and without a configuration', () => {
    const { defaults } = targetSettings(configOf())
    const probes = { halfOpenCalls: 1, successes: 1 }
    expect(DEFAULTS.breaker).toEqual({ ...DEFAULT_BREAKER, ...probes })
    expect(defaults.breaker).toEqual({ ...DEFAULT_BREAKER, ...probes, openFor: 5000, openForMax: 60_000 })
    const clock = new VirtualClock()
    expect(() => policiesOf(defaults, 'target', { clock, random: () => 0 })).not.toThrow()
  })
})

describe('what jobs may aim at', () => {
  it('is known of origins and of kinds that always aim at the same', () => {
    const own = [
      { name: 'mail', target: 'smtp', handler: () => {} },
      defineKind({ name: 'report', target: () => 'printer', handler: () => {} }),
      defineKind({
        name: 'odd',
        target: () => {
          throw new Error('no payload')
        },
        handler: () => {},
      }),
      { name: 'chat', target: (payload: { to: string }) => payload.to, handler: () => {} },
    ]
    const { mayAimAt } = kinds({ kinds: own })
    const names = ['smtp', 'printer', 'https://api.example.com', 'http://127.0.0.1:8080']
    expect(names.filter(mayAimAt)).toEqual(names)
    expect(['typo', 'https://api.example.com/', 'https://', 'ftp://example.com', ''].filter(mayAimAt)).toEqual([])
  })
})
