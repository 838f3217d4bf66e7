import { describe, expect, it } from 'vitest'
import { resolveConfig } from './resolve.ts'
import { targetSettings } from './target-settings.ts'
import { timeoutOf } from './timeouts.ts'

const configOf = (values: Record<string, unknown> = {}, env: Record<string, string> = {}) =>
  resolveConfig({ cwd: '/work', env, file: { path: '/work/c.ts', directory: '/work', name: 'c.ts', values } }).config

describe('the timeout of an operation', () => {
  // R: X5
  it('is its profile’s', () => {
    const config = configOf()
    const of = (operation: string) => timeoutOf(config, operation)
    expect([of('goto'), of('click'), of('wait_for_selector'), of('http_get'), of('rmq_publish')]).toEqual([
      30_000, 10_000, 10_000, 8000, 15_000,
    ])
  })

  it('is its own where it has one, and normal where nobody mapped it', () => {
    const config = configOf({ timeouts: { operations: { goto: '45s', upload: 1500 } } })
    expect([timeoutOf(config, 'goto'), timeoutOf(config, 'upload'), timeoutOf(config, 'whatever')]).toEqual([
      45_000, 1500, 10_000,
    ])
    expect(timeoutOf(config, 'short')).toBe(3000)
  })
})

describe('the settings of targets', () => {
  it('are their own over the general ones', () => {
    const { defaults, named } = targetSettings(
      configOf({
        targetDefaults: { timeout: '9s' },
        breaker: { failures: 7 },
        targets: { db: { breaker: { openFor: '30s' }, concurrency: 3 }, raw: { breaker: false, retry: false } },
      }),
    )
    expect(defaults).toMatchObject({
      timeout: 9000,
      breaker: { failures: 7, failureRate: 0.5, openFor: 5000 },
      retry: { maxAttempts: 3 },
    })
    expect(named.db).toMatchObject({ timeout: 9000, breaker: { failures: 7, openFor: 30_000 }, concurrency: { limit: 3 } })
    expect(named.raw).toMatchObject({ breaker: false, retry: false })
  })

  it('have no factor where the jitter has none, unless the target itself says so', () => {
    const { defaults, named } = targetSettings(
      configOf({
        retry: { jitter: 'decorrelated' },
        targets: { odd: { retry: { factor: 3 } }, even: { retry: { jitter: 'full' } } },
      }),
    )
    expect(defaults.retry).not.toHaveProperty('factor')
    expect([named.odd?.retry, named.even?.retry]).toMatchObject([{ factor: 3 }, { factor: 2 }])
  })

  // R: X6
  it('may count failures in a row alone', () => {
    const { defaults, named } = targetSettings(
      configOf({
        breaker: { failures: 5, failureRate: false, openFor: '60s' },
        targets: { db: { breaker: { openFor: '5m' } }, rated: { breaker: { failures: false, failureRate: 0.2, window: 50 } } },
      }),
    )
    expect(defaults.breaker).toEqual({ failures: 5, openFor: 60_000, openForMax: 60_000, halfOpenCalls: 1, successes: 1 })
    expect(named.db?.breaker).toMatchObject({ openFor: 300_000, openForMax: 300_000 })
    expect(named.rated?.breaker).toMatchObject({ failureRate: 0.2, window: 50, minimumCalls: 20 })
    expect(named.rated?.breaker).not.toHaveProperty('failures')
  })

  it('may open for slow calls and close by a ramp, of which a target may have none', () => {
    const { defaults, named } = targetSettings(
      configOf({
        breaker: { slowAfter: '2s', ramp: '30s', rampFrom: 0.2 },
        targets: {
          plain: { breaker: { slowAfter: false, ramp: false } },
          own: { breaker: { failureRate: false, slowRate: 0.9 } },
        },
      }),
    )
    expect(defaults.breaker).toMatchObject({ slowAfter: 2000, ramp: 30_000, rampFrom: 0.2, failureRate: 0.5 })
    for (const name of ['slowAfter', 'slowRate', 'ramp', 'rampFrom']) expect(named.plain?.breaker).not.toHaveProperty(name)
    expect(named.own?.breaker).toMatchObject({ slowAfter: 2000, slowRate: 0.9, window: '10s', minimumCalls: 20, ramp: 30_000 })
    expect(named.own?.breaker).not.toHaveProperty('failureRate')
  })

  // R: U6
  it('are switched off by the switches of resilience', () => {
    const off = (env: Record<string, string>) =>
      targetSettings(configOf({ targets: { db: { breaker: { failures: 2 } } } }, env)).named.db
    expect(off({ RESILIENCE_ENABLED: 'false' })).toEqual({ breaker: false, retry: false })
    expect(off({ RESILIENCE_CIRCUIT_BREAKER_ENABLED: 'false' })).toMatchObject({ breaker: false, retry: { maxAttempts: 3 } })
    expect(off({ RESILIENCE_RETRY_ENABLED: 'false' })).toMatchObject({ breaker: { failures: 2 }, retry: false })
  })
})

describe('rates', () => {
  // R: X7
  it('are the limits of the targets of the same name, unless a target says its own', () => {
    const values = { rates: { like_post: { limit: 2, per: '1s' } }, targets: { like_post: { rate: { limit: 5, per: '1s' } } } }
    const config = configOf(values, { RATE_REPLY_POST: '20/1h' })
    const { named } = targetSettings(config)
    expect(named.reply_post?.rate).toMatchObject({ limit: 20, per: 3_600_000 })
    expect(named.like_post?.rate).toMatchObject({ limit: 5, per: 1000 })
  })
})
