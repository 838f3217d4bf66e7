import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { HoldfastError } from '../core/errors.ts'
import { dumpConfig } from './dump.ts'
import type { ConfigFile } from './load.ts'
import type { Problem } from './problems.ts'
import type { Inputs, ResolvedConfig } from './resolve.ts'
import { resolveConfig } from './resolve.ts'

const resolve = (values: Record<string, unknown> = {}, more: Partial<Inputs> = {}): ResolvedConfig =>
  resolveConfig({ cwd: '/work', env: {}, file: file(values), ...more })

const file = (values: Record<string, unknown>): ConfigFile => ({
  path: '/work/app/holdfast.config.ts',
  directory: '/work/app',
  name: 'holdfast.config.ts',
  values,
})

const problemsWith = (values: Record<string, unknown>, more: Partial<Inputs> = {}): readonly Problem[] => {
  try {
    resolve(values, more)
  } catch (error) {
    expect(error).toBeInstanceOf(HoldfastError)
    expect((error as HoldfastError).code).toBe('ERR_CONFIG')
    return (error as HoldfastError).details?.problems as readonly Problem[]
  }
  return []
}

const sourceOf = (resolved: ResolvedConfig, path: string): string | undefined =>
  dumpConfig(resolved).find((row) => row.path === path)?.source

describe('resolving the configuration', () => {
  it('is complete without a file', () => {
    const { config, file: path } = resolveConfig({ cwd: '/work', env: {} })
    expect(path).toBeUndefined()
    expect(config.server).toEqual({ host: '127.0.0.1', port: 4680, maxBody: 1_048_576, allowedHosts: [] })
    expect(config.store).toEqual({
      kind: 'sqlite',
      url: 'sqlite:./var/holdfast.db',
      path: '/work/var/holdfast.db',
      durability: 'full',
    })
    expect(config.worker).toMatchObject({ concurrency: 50, lease: 30_000, drain: 30_000 })
    expect(config.http.allow).toEqual(['public'])
  })

  // R: U6
  it('takes PostgreSQL as its store, and shows its password nowhere', () => {
    for (const url of ['postgres://u:hun%40ter2@h/d', 'postgresql://u@h/d?password=hun%40ter2']) {
      const resolved = resolveConfig({ cwd: '/work', env: { HOLDFAST_STORE: url } })
      const { store } = resolved.config
      expect(store.kind === 'postgres' && store.connection()).toBe(url)
      expect(JSON.stringify([resolved.config, dumpConfig(resolved)])).not.toContain('ter2')
      expect(inspect(resolved.config, { depth: 9 })).not.toContain('ter2')
    }
  })

  it('lets a flag win over the environment, that over the file, and that over the default', () => {
    const values = { server: { port: 1, host: '127.0.0.2' }, worker: { concurrency: 3 } }
    const resolved = resolve(values, { env: { HOLDFAST_PORT: '2', HOLDFAST_HOST: '127.0.0.3' }, flags: { port: '3' } })
    expect(resolved.config.server).toMatchObject({ port: 3, host: '127.0.0.3' })
    expect(sourceOf(resolved, 'server.port')).toBe('flag --port')
    expect(sourceOf(resolved, 'server.host')).toBe('env HOLDFAST_HOST')
    expect(sourceOf(resolved, 'worker.concurrency')).toBe('file holdfast.config.ts')
    expect(sourceOf(resolved, 'worker.lease')).toBe('default')
  })

  it('counts relative paths of the file from its folder, and all others from where it runs', () => {
    expect(resolve({ store: 'sqlite:a.db' }).config.store).toMatchObject({ path: '/work/app/a.db' })
    expect(resolve({}, { env: { HOLDFAST_STORE: 'sqlite:a.db' } }).config.store).toMatchObject({ path: '/work/a.db' })
    expect(resolve({ audit: { path: 'a.jsonl' } }).config.audit).toMatchObject({ path: '/work/app/a.jsonl' })
    expect(resolve({ audit: false }).config.audit).toBe(false)
  })

  it('takes memory: as a store', () => {
    expect(resolve({ store: 'memory:' }).config.store).toMatchObject({ kind: 'memory' })
  })

  it('reads durations, sizes and concurrency in every form', () => {
    const { config } = resolve({
      worker: { lease: '1m30s', drain: 1500 },
      server: { maxBody: '64KiB' },
      targets: {
        'https://api.example.com': { timeout: '2s', concurrency: 4 },
        'peer:*': { concurrency: { limit: 1, queue: 2 } },
        learnt: { concurrency: 'adaptive' },
        bounded: { concurrency: { limit: 'adaptive', min: 2, max: 9 } },
      },
    })
    expect(config.worker).toMatchObject({ lease: 90_000, drain: 1500 })
    expect(config.server.maxBody).toBe(65_536)
    expect(config.targets['https://api.example.com']).toEqual({ timeout: 2000, concurrency: { limit: 4 } })
    expect(config.targets['peer:*']).toEqual({ concurrency: { limit: 1, queue: 2 } })
    expect(config.targets.learnt).toEqual({ concurrency: { limit: 'adaptive' } })
    expect(config.targets.bounded).toEqual({ concurrency: { limit: 'adaptive', min: 2, max: 9 } })
  })

  it('hands kinds through as they are', () => {
    const kind = { name: 'mail', target: 'smtp', handler: () => {} }
    expect(resolve({ kinds: [kind] }).config.kinds[0]).toBe(kind)
  })

  it('gives http jobs the general retry where that is set and theirs is not', () => {
    const resolved = resolve({ http: { backoff: { max: '9s' } } }, { env: { RETRY_MAX_ATTEMPTS: '4', RETRY_MAX_DELAY: '7' } })
    expect(resolved.config.http).toMatchObject({ maxAttempts: 4, backoff: { max: 9000, initial: 1000 } })
    expect(sourceOf(resolved, 'http.maxAttempts')).toBe('env RETRY_MAX_ATTEMPTS')
    expect(sourceOf(resolved, 'http.backoff.max')).toBe('file holdfast.config.ts')
    expect(resolve({ retry: { jitter: 'decorrelated' } }).config.http.backoff.jitter).toBe('equal')
  })

  it('never refuses what was set for the sake of a default', () => {
    expect(resolve({ retry: { initial: '5m' } }).config.retry).toMatchObject({ initial: 300_000, max: 300_000 })
    expect(resolve({ retry: { max: 500 } }).config.retry).toMatchObject({ initial: 500, max: 500 })
    const { breaker } = resolve({}, { env: { CB_COOLDOWN_S: '120' } }).config
    expect(breaker).toMatchObject({ openFor: 120_000, openForMax: 120_000 })
  })

  it('cannot be changed afterwards', () => {
    const { config } = resolve()
    expect(() => Object.assign(config.server, { port: 1 })).toThrow(TypeError)
  })

  it('does not share what the caller may change', () => {
    const values = { worker: { concurrency: 3 } }
    const { config } = resolve(values)
    values.worker.concurrency = 9
    expect(config.worker.concurrency).toBe(3)
  })
})

describe('a configuration that is wrong', () => {
  it('tells all problems in one message, each with path, rule, value, source and hint', () => {
    expect.assertions(1)
    try {
      resolve({ worker: { concurency: 3 }, server: { maxBody: 'much' } }, { env: { HOLDFAST_PORT: 'abc' } })
    } catch (error) {
      expect((error as Error).message).toBe(
        [
          'The configuration has 3 problems:',
          '  server.port must be a whole number from 0 to 65535: got "abc" (env HOLDFAST_PORT)',
          '    HOLDFAST_PORT takes a number.',
          `  server.maxBody must be a whole number of bytes or a string such as '64KiB', '1MiB': got "much" (file holdfast.config.ts)`,
          '  worker.concurency is not an option: got 3 (file holdfast.config.ts)',
          "    Did you mean 'concurrency'?",
        ].join('\n'),
      )
    }
  })

  const wrong: readonly (readonly [name: string, values: Record<string, unknown>, path: string, rule: RegExp])[] = [
    ['an unknown section', { workr: {} }, 'workr', /is not an option/],
    ['a port out of range', { server: { port: 70_000 } }, 'server.port', /from 0 to 65535/],
    ['a duration that is none', { worker: { lease: '3 parsecs' } }, 'worker.lease', /milliseconds or a string/],
    ['a lease that is too short', { worker: { lease: 10 } }, 'worker.lease', /between 1s and 1d/],
    ['a section that is no object', { worker: 3 }, 'worker', /object of options/],
    ['no concurrency', { worker: { concurrency: 0 } }, 'worker.concurrency', /from 1 to/],
    ['a short token', { server: { token: 'abc' } }, 'server.token', /at least 16/],
    ['a durability that is none', { store: { durability: 'half' } }, 'store.durability', /one of 'full', 'normal'/],
    ['a store that is none', { store: 'mysql://x' }, 'store.url', /'sqlite:PATH', 'postgres:.*' or 'memory:'/],
    ['a path alone as a store', { store: './x.db' }, 'store.url', /'sqlite:PATH', 'postgres:.*' or 'memory:'/],
    ['a store without a path', { store: 'sqlite:' }, 'store.url', /needs a path/],
    ['a PostgreSQL that is nowhere', { store: 'postgres:h/d' }, 'store.url', /must be 'postgres:/],
    ['a PostgreSQL with half a URL', { store: 'postgres://u:p/w@h:x/d' }, 'store.url', /must be 'postgres:/],
    ['a schema without PostgreSQL', { store: { schema: 'work' } }, 'store.schema', /for a PostgreSQL store/],
    ['a schema that is none', { store: { url: 'postgres://h/d', schema: 'My Work' } }, 'store.schema', /1 to 40 of a-z/],
    ['a pool of nothing', { store: { url: 'postgres://h/d', poolSize: 0 } }, 'store.poolSize', /from 1 to 1000/],
    ['a schedule without times', { schedules: [{ name: 'x', kind: 'http' }] }, 'schedules[0]', /cron or every/],
    [
      'two schedules of one name',
      { schedules: [1, 2].map(() => ({ name: 'x', kind: 'http', every: '1h' })) },
      'schedules[1].name',
      /used twice/,
    ],
    ['state in a place that nobody knows', { state: 'memcached://h' }, 'state', /must be 'redis:/],
    ['a slow rate of nothing', { breaker: { slowRate: 0.5 } }, 'breaker.slowRate', /needs 'slowAfter'/],
    ['a ramp that is none', { breaker: { rampFrom: 0.5 } }, 'breaker.rampFrom', /needs 'ramp'/],
    [
      'a ramp of no time',
      { targets: { x: { breaker: { ramp: 0 } } } },
      'targets.x.breaker.ramp',
      /a duration, or false|at least/,
    ],
    ['bounds of what is given', { targets: { x: { concurrency: { limit: 3, max: 9 } } } }, 'targets.x.concurrency', /'adaptive'/],
    [
      'bounds the wrong way round',
      { targetDefaults: { concurrency: { limit: 'adaptive', min: 9, max: 3 } } },
      'targetDefaults.concurrency',
      /'min' above its 'max'/,
    ],
    ['an open address without a token', { server: { host: '0.0.0.0' } }, 'server.host', /loopback address unless a token/],
    ['retry waits the wrong way round', { retry: { initial: '2m', max: '1m' } }, 'retry.max', /must not be below 'initial'/],
    ['http waits the wrong way round', { http: { backoff: { initial: 2, max: 1 } } }, 'http.backoff.max', /must not be below/],
    ['decorrelated jitter for jobs', { http: { backoff: { jitter: 'decorrelated' } } }, 'http.backoff.jitter', /one of/],
    ['a failure rate above 1', { breaker: { failureRate: 3 } }, 'breaker.failureRate', /from 0 to 1/],
    ['a breaker that nothing opens', { breaker: { failures: false, failureRate: false } }, 'breaker.failures', /both false/],
    ['a window that nothing looks at', { breaker: { failureRate: false, window: 9 } }, 'breaker.window', /does nothing when/],
    ['a window in no unit', { breaker: { failureRate: 0.5, window: 'x' } }, 'breaker.window', /number of calls/],
    ['open times the wrong way round', { breaker: { openFor: 9, openForMax: 8 } }, 'breaker.openForMax', /must not be below/],
    ['a scheme in the allow-list', { http: { allow: ['http://x'] } }, 'http.allow[0]', /must be 'public'/],
    ['a kind without a handler', { kinds: [{ name: 'x' }] }, 'kinds[0]', /handler function/],
    ['a kind named as a built-in one', { kinds: [{ name: 'http', handler() {} }] }, 'kinds[0].name', /built-in/],
    [
      'an operation of no profile',
      { timeouts: { operations: { goto: 'eon' } } },
      'timeouts.operations.goto',
      /name of a profile/,
    ],
    ['a rate without a limit', { rates: { dm: { per: '1s' } } }, 'rates.dm.limit', /is required/],
    ['a target breaker that is neither', { targets: { db: { breaker: true } } }, 'targets.db.breaker', /options, or false/],
    ['a target option that is none', { targets: { 'a.b': { retries: 3 } } }, 'targets["a.b"].retries', /is not an option/],
    ['a prototype as an option', JSON.parse('{"worker":{"__proto__":{"x":1}}}'), 'worker.__proto__', /is not an option/],
  ]

  for (const [name, values, path, rule] of wrong)
    it(`refuses ${name}`, () => {
      const problems = problemsWith(values)
      expect(problems.map((problem) => problem.path)).toEqual([path])
      expect(problems[0]?.rule).toMatch(rule)
      expect(problems[0]?.source).toBe('file holdfast.config.ts')
    })

  it('takes an open address with a token', () => {
    const env = { HOLDFAST_HOST: '0.0.0.0', HOLDFAST_TOKEN: 'a-long-enough-token' }
    expect(resolve({}, { env }).config.server).toMatchObject({ host: '0.0.0.0', token: 'a-long-enough-token' })
  })

  it('reports an inherited value once, where it was set', () => {
    expect(problemsWith({}, { env: { RETRY_MAX_DELAY: 'long' } }).map(({ path }) => path)).toEqual(['retry.max'])
  })

  it('shows no secrets', () => {
    const [token] = problemsWith({ server: { token: 'hunter2' } })
    const [state] = problemsWith({ state: 'http://user:hunter2@host' })
    expect([token?.value, state?.value]).toEqual(['"(hidden)"', '"http://user:(hidden)@host"'])
  })
})

describe('the dump of the configuration', () => {
  // R: X5
  it('shows the timeout profiles with where each value came from', () => {
    const resolved = resolve(
      { timeouts: { profiles: { io: '20s' } } },
      { env: { HOLDFAST_TIMEOUT_SHORT: '2.5', HOLDFAST_TIMEOUT_CLICK: 'short' }, flags: { timeout: ['http=4s', 'goto=1m'] } },
    )
    const rows = dumpConfig(resolved).filter(({ path }) => path.startsWith('timeouts'))
    expect(rows).toContainEqual({ path: 'timeouts.profiles.short', value: '2.5s', source: 'env HOLDFAST_TIMEOUT_SHORT' })
    expect(rows).toContainEqual({ path: 'timeouts.profiles.normal', value: '10s', source: 'default' })
    expect(rows).toContainEqual({ path: 'timeouts.profiles.io', value: '20s', source: 'file holdfast.config.ts' })
    expect(rows).toContainEqual({ path: 'timeouts.profiles.http', value: '4s', source: 'flag --timeout' })
    expect(rows).toContainEqual({ path: 'timeouts.operations.goto', value: '1m', source: 'flag --timeout' })
    expect(rows).toContainEqual({ path: 'timeouts.operations.click', value: 'short', source: 'env HOLDFAST_TIMEOUT_CLICK' })
  })

  it('hides secrets, wherever they stand', () => {
    const rows = dumpConfig(resolve({}, { env: { HOLDFAST_TOKEN: 'a-long-enough-token' } }))
    expect(rows.find(({ path }) => path === 'server.token')?.value).toBe('(hidden)')
    expect(JSON.stringify(rows)).not.toContain('a-long-enough-token')
  })

  it('names kinds instead of printing functions', () => {
    const rows = dumpConfig(resolve({ kinds: [{ name: 'mail', handler() {} }] }))
    expect(rows.find(({ path }) => path === 'kinds')?.value).toEqual(['mail'])
  })
})
