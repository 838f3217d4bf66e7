import { describe, expect, it } from 'vitest'
import type { HoldfastConfig } from './config.ts'
import { VARIABLES } from './environment.ts'
import { valueAt } from './layers.ts'
import { resolveConfig } from './resolve.ts'

const configOf = (env: Record<string, string>): HoldfastConfig => resolveConfig({ cwd: '/work', env }).config

/** Every variable with a value that differs from the default, and what the option then is. */
const EXPECTED: Readonly<Record<string, readonly [text: string, value: unknown]>> = {
  HOLDFAST_HOST: ['127.0.0.9', '127.0.0.9'],
  HOLDFAST_PORT: ['5000', 5000],
  HOLDFAST_TOKEN: ['a-long-enough-token', 'a-long-enough-token'],
  HOLDFAST_STORE: ['memory:', 'memory:'],
  HOLDFAST_STORE_SCHEMA: ['shop_work', 'shop_work'],
  HOLDFAST_STORE_POOL_SIZE: ['4', 4],
  HOLDFAST_CONCURRENCY: ['7', 7],
  HOLDFAST_LOG_LEVEL: ['debug', 'debug'],
  HOLDFAST_LOG_FORMAT: ['json', 'json'],
  // R: X13
  RETRY_MAX_ATTEMPTS: ['5', 5],
  RETRY_MAX_DELAY: ['90.5', 90_500],
  CB_FAIL_THRESHOLD: ['9', 9],
  CB_COOLDOWN_S: ['45', 45_000],
  // R: U6
  RETRY_BASE_DELAY: ['0.5', 500],
  RETRY_EXPONENTIAL_BASE: ['3.0', 3],
  RETRY_JITTER: ['false', 'none'],
  CIRCUIT_BREAKER_FAILURE_THRESHOLD: ['8', 8],
  CIRCUIT_BREAKER_SUCCESS_THRESHOLD: ['2', 2],
  CIRCUIT_BREAKER_TIMEOUT: ['30.0', 30_000],
  CIRCUIT_BREAKER_HALF_OPEN_MAX_CALLS: ['4', 4],
  RESILIENCE_ENABLED: ['0', false],
  RESILIENCE_RETRY_ENABLED: ['FALSE', false],
  RESILIENCE_CIRCUIT_BREAKER_ENABLED: ['no', false],
}

describe('environment variables', () => {
  for (const { name, path } of VARIABLES.filter((variable) => variable.name !== 'HOLDFAST_STATE'))
    it(`${name} sets ${path.join('.')}`, () => {
      const [text, value] = EXPECTED[name] ?? []
      expect(text, 'has an expectation in this test').toBeDefined()
      expect(valueAt(configOf({}), path)).not.toEqual(value)
      // Some are for a server only.
      const place: Record<string, string> = name.startsWith('HOLDFAST_STORE_') ? { HOLDFAST_STORE: 'postgres://db/app' } : {}
      expect(valueAt(configOf({ ...place, [name]: text as string }), path)).toEqual(value)
    })

  // R: I3
  it('HOLDFAST_STATE says where processes share state; by default in the store', () => {
    expect(configOf({}).state).toEqual({ kind: 'store' })
    expect(configOf({ HOLDFAST_STATE: 'local' }).state).toEqual({ kind: 'local' })
    const { state } = configOf({ HOLDFAST_STATE: 'redis://user:hunter2@localhost:6380/1' })
    expect(JSON.stringify(state)).toBe('{"kind":"redis","url":"redis://user:(hidden)@localhost:6380/1"}')
    expect(state.kind === 'redis' && state.connection()).toBe('redis://user:hunter2@localhost:6380/1')
    expect(() => configOf({ HOLDFAST_STATE: 'localhost:6379' })).toThrow(/must be 'redis:.*\(env HOLDFAST_STATE\)/)
  })

  it('counts as not set when it is empty', () => {
    expect(configOf({ HOLDFAST_PORT: '', RETRY_JITTER: ' ' }).server.port).toBe(4680)
  })

  it('takes a jitter by name, and true as the full one', () => {
    expect(configOf({ RETRY_JITTER: 'equal' }).retry.jitter).toBe('equal')
    expect(configOf({ RETRY_JITTER: 'true' }).retry.jitter).toBe('full')
  })

  it('refuses what it cannot read, naming variable and unit', () => {
    expect(() => configOf({ RETRY_MAX_DELAY: 'soon' })).toThrow(
      /retry\.max .*\(env RETRY_MAX_DELAY\)\n\s+RETRY_MAX_DELAY takes seconds/s,
    )
    expect(() => configOf({ RESILIENCE_ENABLED: 'maybe' })).toThrow(/must be true or false: got "maybe"/)
    expect(() => configOf({ HOLDFAST_PORT: '1e3' })).toThrow(/whole number/)
  })

  it('refuses two names of one option that disagree', () => {
    expect(configOf({ CB_COOLDOWN_S: '5', CIRCUIT_BREAKER_TIMEOUT: '5' }).breaker.openFor).toBe(5000)
    expect(() => configOf({ CB_COOLDOWN_S: '5', CIRCUIT_BREAKER_TIMEOUT: '6' })).toThrow(
      /set twice: CB_COOLDOWN_S says "5": got "6"/,
    )
  })

  it('tells a slip in a name from what is not ours', () => {
    expect(() => configOf({ HOLDFAST_PROT: '5000' })).toThrow(/Did you mean HOLDFAST_PORT/)
    expect(configOf({ HOLDFAST_TEST_POSTGRES: 'x', HOLDFAST_URL: 'x', SOMETHING: 'y' })).toBeDefined()
  })

  // R: X13, X7
  it('reads RATE_* as one token bucket per action', () => {
    const { rates } = configOf({
      RATE_REPLY_POST: '20/1h',
      RATE_REPLY_POST_BURST: '3',
      RATE_HTTP_CALLS: '10/s',
      RATE_DM_CAPACITY: '5',
      RATE_DM_REFILL_PER_S: '0.5',
      RATE_DM_SHARED: 'leased',
    })
    expect(rates).toEqual({
      reply_post: { limit: 20, per: 3_600_000, burst: 3 },
      http_calls: { limit: 10, per: 1000 },
      dm: { limit: 1, per: 2000, burst: 5, shared: 'leased' },
    })
  })

  it('refuses a rate that is none', () => {
    expect(() => configOf({ RATE_DM: 'often' })).toThrow(/rates\.dm .*\(env RATE_DM\)\n\s+RATE_DM takes LIMIT\/PER/s)
    expect(() => configOf({ RATE_DM: '5/1s', RATE_DM_BURST: 'x' })).toThrow(/rates\.dm\.burst/)
    expect(() => configOf({ RATE_DM: '5/1s', RATE_DM_SHARED: 'yes' })).toThrow(/rates\.dm\.shared/)
    expect(() => configOf({ RATE_DM_REFILL_PER_S: '0' })).toThrow(/tokens per second/)
  })

  // R: X5
  it('overrides timeout profiles and operations, in seconds or by profile', () => {
    const { timeouts } = configOf({ HOLDFAST_TIMEOUT_LONG: '60', HOLDFAST_TIMEOUT_GOTO: '12', HOLDFAST_TIMEOUT_UPLOAD: 'io' })
    expect(timeouts.profiles.long).toBe(60_000)
    expect(timeouts.operations).toMatchObject({ goto: '12s', upload: 'io' })
  })
})
