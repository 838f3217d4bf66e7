/** What goes wrong between shared state and its Redis, on a real one. */
import { execFileSync } from 'node:child_process'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Finding } from '../../src/cli/doctor-checks.ts'
import { checkState } from '../../src/cli/state-check.ts'
import type { Clock } from '../../src/core/clock.ts'
import { systemClock } from '../../src/core/clock.ts'
import type { SharedState } from '../../src/core/shared-state.ts'
import type { RedisClient, RedisSharedStateOptions } from '../../src/stores/redis/index.ts'
import { redisSharedState } from '../../src/stores/redis/index.ts'
import { missing, ownServer } from '../servers/available.ts'
import type { TcpProxy } from '../servers/proxy.ts'
import { startProxy } from '../servers/proxy.ts'
import type { RedisServer } from '../servers/redis.ts'
import { startRedis } from '../servers/redis.ts'

let server: RedisServer
let proxy: TcpProxy
/** Somebody else, who does to the server what people do. */
let person: Redis
let made = 0
const states: SharedState[] = []

function state(options: Partial<RedisSharedStateOptions> = {}): SharedState {
  const own = options.client === undefined ? { url: server.url } : {}
  const one = redisSharedState({ ...own, prefix: `trouble-${process.pid}-${made}`, ...options })
  states.push(one)
  return one
}

async function opened(options: Partial<RedisSharedStateOptions> = {}): Promise<SharedState> {
  const one = state(options)
  await one.open()
  return one
}

const unavailable = (reason: string) => ({ code: 'ERR_STORE_UNAVAILABLE', details: { reason }, hint: expect.any(String) })
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const take = (one: SharedState, requestId: string, over = {}) =>
  one.take({ name: 'b', intervalMs: 60_000, burst: 300, cost: 1, requestId, ...over })

/** Until it is answered, as a caller would who wants to know. */
async function patiently<T>(work: () => Promise<T>, failures: unknown[]): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      failures.push(error)
      await pause(10)
    }
  }
}

/** 400 that want one of 300 tokens, over four connections, while `trouble` is made. Answers how many got one. */
async function traffic(trouble: () => Promise<void>): Promise<{ granted: number; failures: readonly unknown[] }> {
  const four = await Promise.all([opened(), opened(), opened(), opened()])
  const failures: unknown[] = []
  let running = true
  let granted = 0
  const line = async (one: SharedState, from: number): Promise<void> => {
    for (let n = 0; n < 20; n++) {
      const answer = await patiently(() => take(one, `request ${from + n}`), failures)
      granted += answer.granted
      await pause(5)
    }
  }
  const lines = Array.from({ length: 20 }, (_, n) => line(four[n % 4] as SharedState, n * 20))
  const troubled = (async () => {
    while (running) await trouble()
  })()
  await Promise.all(lines)
  running = false
  await troubled
  return { granted, failures }
}

const ours = ownServer('redis') === undefined

/** What the doctor finds, and all that it says. */
async function doctor(url: string, clock: Clock = systemClock): Promise<readonly Finding[]> {
  return checkState({ kind: 'redis', url: 'redis://…', connection: () => url }, { kind: 'memory' } as never, clock)
}

describe.skipIf(missing('redis') || !ours)('shared state in a Redis that is in trouble', () => {
  beforeAll(async () => {
    server = await startRedis()
    proxy = await startProxy(server.url)
    person = new Redis(server.url, { connectionName: 'person' })
    person.on('error', () => {})
  })
  afterEach(async () => {
    made++
    for (const one of states.splice(0)) await one.close()
  })
  afterAll(async () => {
    person?.disconnect()
    await proxy?.stop()
    await server?.stop()
  })

  // W: 12
  it('is found by the doctor, with the next step: a set-up that forgets, clocks apart, a user who may not, a wrong password', async () => {
    const forgets = { status: 'warning', message: expect.stringContaining('forgets everything'), hint: expect.any(String) }
    expect(await doctor(server.url)).toEqual([{ check: 'shared state', ...forgets }])
    await person.config('SET', 'appendonly', 'yes')
    expect(await doctor(server.url)).toMatchObject([
      { status: 'ok', message: expect.stringMatching(/, 0 processes share it now$/) },
    ])
    const late: Clock = { ...systemClock, now: () => systemClock.now(), wallNow: () => systemClock.wallNow() - 60_000 }
    expect(await doctor(server.url, late)).toMatchObject([
      { message: expect.stringMatching(/^its clock is (1m|59)/), hint: /NTP/ },
    ])
    await person.call('ACL', 'SETUSER', 'weak', 'on', '>s3cret', '~holdfast*', '+@all', '-publish')
    const at = server.url.replace('//', '//weak:s3cret@')
    for (const url of [at, at.replace('s3cret', 'wr0ng')]) {
      const found = await doctor(url)
      expect(found).toMatchObject([{ status: 'problem', hint: expect.stringContaining('Check user, password and TLS') }])
      expect(JSON.stringify(found)).not.toMatch(/s3cret|wr0ng/)
    }
    await person.config('SET', 'appendonly', 'no')
  })

  it('grants what there is and no more while its connections are cut again and again', async () => {
    let cuts = 0
    const { granted, failures } = await traffic(async () => {
      cuts += Number(await person.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'))
      await pause(30)
    })
    expect(cuts).toBeGreaterThan(5)
    expect(granted).toBe(300)
    for (const failure of failures) expect(failure).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
  })

  // W: 12
  it('goes on when its scripts are forgotten', async () => {
    const { granted, failures } = await traffic(async () => {
      await person.script('FLUSH')
      await pause(2)
    })
    expect([granted, failures]).toEqual([300, []])
  })

  // W: 12
  it('begins and finishes once what is sent twice, over connections that break', async () => {
    const [one, two] = await Promise.all([opened(), opened()])
    const failures: unknown[] = []
    let running = true
    const cutting = (async () => {
      while (running) {
        await person.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
        await pause(20)
      }
    })()
    let started = 0
    const work = async (each: SharedState, owner: string, name: string): Promise<void> => {
      const answer = await patiently(() => each.begin({ name, owner, fingerprint: 'f', leaseMs: 60_000 }), failures)
      if (answer.state !== 'started') return
      started++
      const { token } = answer
      expect(await patiently(() => each.finish({ name, token, result: owner, keepMs: 60_000 }), failures)).toBe(true)
    }
    for (let n = 0; n < 60; n++) await Promise.all([work(one, 'one', `charge ${n}`), work(two, 'two', `charge ${n}`)])
    running = false
    await cutting
    expect(started).toBe(60)
  })

  // W: 12, 21
  it('says so at once while the server is away, and goes on by itself when it was restarted', { timeout: 20_000 }, async () => {
    const one = await opened()
    await one.acquire('before', 'a', 60_000)
    let back = false
    const restarted = server.restart().then(() => {
      back = true
    })
    const failures: unknown[] = []
    let slowest = 0
    while (!back) {
      const from = performance.now()
      await one.acquire('l', 'a', 60_000).catch((error: unknown) => failures.push(error))
      slowest = Math.max(slowest, performance.now() - from)
      await pause(2)
    }
    await restarted
    for (const failure of failures) expect(failure).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE', details: expect.anything() })
    expect(slowest).toBeLessThan(1500)
    await expect.poll(() => one.now().then(() => 'works', String), { timeout: 5000 }).toBe('works')
    // It kept nothing on disk, and knows no script any more.
    expect((await one.acquire('before', 'b', 1000)).granted).toBe(true)
  })

  // W: 12
  it('hears of words again after the connection that listens broke', async () => {
    const [one, other] = [await opened(), await opened()]
    let told = 0
    one.onWord(() => void told++)
    const listens = async () => String(await person.call('CLIENT', 'LIST', 'TYPE', 'pubsub')).includes('sub=1')
    await expect.poll(listens).toBe(true)
    await person.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await expect.poll(listens).toBe(true)
    // What was missed meanwhile is made up for by one word.
    await expect.poll(() => told).toBeGreaterThan(0)
    told = 0
    await other.exchange({ reporter: 'a', words: [{ name: 'x', value: 1 }], ttlMs: 1000 })
    await expect.poll(() => told).toBe(1)
  })

  // W: 12
  it('hears of words once the server is there, though it was away at first', async () => {
    const other = await opened()
    const one = state({ url: proxy.url })
    await proxy.refuse()
    let told = 0
    one.onWord(() => void told++)
    await expect(one.open()).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    await proxy.restore()
    const channel = `trouble-${process.pid}-${made}:{words}:new`
    await expect.poll(() => person.pubsub('NUMSUB', channel), { timeout: 8000 }).toEqual([channel, 1])
    told = 0
    await other.exchange({ reporter: 'a', words: [{ name: 'x', value: 1 }], ttlMs: 1000 })
    await expect.poll(() => told).toBeGreaterThan(0)
  })

  // W: 21
  it('gives up on a server that does not answer, and finds out that its connection is dead', async () => {
    const one = await opened({ url: proxy.url, timeout: 150 })
    proxy.hold()
    const from = performance.now()
    await expect(one.now()).rejects.toMatchObject(unavailable('timeout'))
    expect(performance.now() - from).toBeLessThan(600)
    // The dead connection was given up, and there is no other: whoever asks now is told at once.
    const told = async () => {
      const asked = performance.now()
      await expect(one.now()).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
      return performance.now() - asked
    }
    await expect.poll(told, { timeout: 5000 }).toBeLessThan(50)
    await proxy.restore()
    await expect.poll(() => one.now().then(() => 'works', String), { timeout: 5000 }).toBe('works')
  })

  // W: 21
  it('says that the server is full, and that nothing was taken', async () => {
    const one = await opened()
    await person.config('SET', 'maxmemory', '1')
    try {
      await expect(take(one, 'r')).rejects.toMatchObject(unavailable('full'))
      await expect(one.check()).rejects.toMatchObject(unavailable('full'))
      await expect(one.begin({ name: 'n', owner: 'o', fingerprint: 'f', leaseMs: 1000 })).rejects.toMatchObject(
        unavailable('full'),
      )
    } finally {
      await person.config('SET', 'maxmemory', '0')
    }
    expect(await take(one, 'r')).toMatchObject({ granted: 1, remaining: 299 })
  })

  // W: 21
  it('says that it has been led to a replica, and goes on when that becomes the primary', async () => {
    const one = await opened()
    await person.call('REPLICAOF', '127.0.0.1', '1')
    try {
      await expect(take(one, 'r')).rejects.toMatchObject(unavailable('read-only'))
      await expect.poll(() => one.check().catch((error: unknown) => error)).toMatchObject(unavailable('read-only'))
    } finally {
      await person.call('REPLICAOF', 'NO', 'ONE')
    }
    await expect.poll(() => take(one, 'r').catch((error: unknown) => error)).toMatchObject({ granted: 1 })
  })

  // W: 21
  it('says who keeps it out: no server, no such name, a wrong password', async () => {
    await expect(opened({ url: 'redis://u:hunter2@127.0.0.1:1' })).rejects.toMatchObject(unavailable('refused'))
    await person.config('SET', 'requirepass', 'hunter2')
    try {
      const wrong = new URL(server.url)
      wrong.password = 'hunter3'
      for (const url of [server.url, wrong.href]) await expect(opened({ url })).rejects.toMatchObject(unavailable('forbidden'))
      wrong.password = 'hunter2'
      await opened({ url: wrong.href })
    } finally {
      await person.config('SET', 'requirepass', '')
    }
  })

  it('opens by itself once the server lets it in, though opening it failed', async () => {
    await person.config('SET', 'requirepass', 'hunter2')
    const one = state()
    await expect(one.open()).rejects.toMatchObject(unavailable('forbidden'))
    await person.config('SET', 'requirepass', '')
    await expect
      .poll(() => one.acquire('l', 'a', 1000).catch((error: unknown) => error), { timeout: 5000 })
      .toMatchObject({ granted: true })
  })

  it('needs no more rights than its page says', async () => {
    const rights = [
      '+eval',
      '+evalsha',
      '+time',
      '+get',
      '+set',
      '+del',
      '+hgetall',
      '+hmget',
      '+hset',
      '+hdel',
      '+hkeys',
      '+pexpire',
    ]
    const prefix = `trouble-${process.pid}-${made}`
    const own = [
      'on',
      '>hunter2',
      `~${prefix}:*`,
      `&${prefix}:*`,
      '-@all',
      ...rights,
      '+publish',
      '+subscribe',
      '+info',
      '+config|get',
    ]
    await person.call('ACL', 'SETUSER', 'holdfast', 'reset', ...own)
    try {
      const url = new URL(server.url)
      url.username = 'holdfast'
      url.password = 'hunter2'
      const one = await opened({ url: url.href })
      let told = 0
      one.onWord(() => void told++)
      expect(await one.check()).toHaveLength(1)
      await one.acquire('l', 'a', 1000)
      await one.release('l', 'a')
      expect((await take(one, 'r')).granted).toBe(1)
      await one.giveBack({ name: 'b', intervalMs: 60_000, burst: 300, tokens: 1, requestId: 'r' })
      await one.exchange({ reporter: 'a', words: [{ name: 'x', value: 1 }], ttlMs: 1000 })
      await one.fallSilent('a')
      await one.begin({ name: 'n', owner: 'o', fingerprint: 'f', leaseMs: 1000 })
      await one.writeState('s', 1)
      await one.deleteState('s')
      await expect.poll(() => person.pubsub('NUMSUB', `${prefix}:{words}:new`)).toEqual([expect.anything(), 1])
      await (await opened()).exchange({ reporter: 'b', words: [{ name: 'x', value: 1 }], ttlMs: 1000 })
      await expect.poll(() => told).toBeGreaterThan(0)
      await person.call('ACL', 'SETUSER', 'holdfast', '-hset')
      await expect(one.writeState('s', 1)).rejects.toMatchObject(unavailable('forbidden'))
    } finally {
      await person.call('ACL', 'DELUSER', 'holdfast')
    }
  })

  // W: 12
  it('warns of a server that may drop what it holds, or forgets it', async () => {
    const one = await opened()
    const codes = async () => (await one.check()).map(({ code }) => code)
    expect(await codes()).toEqual(['redis-forgets'])
    await person.config('SET', 'save', '900 1')
    expect(await codes()).toEqual([])
    await person.config('SET', 'maxmemory', '100mb', 'maxmemory-policy', 'allkeys-lru')
    const [warning] = await one.check()
    expect(warning).toMatchObject({ code: 'redis-evicts', message: expect.stringContaining('allkeys-lru') })
    expect(warning?.hint).toContain('noeviction')
    await person.config('SET', 'maxmemory', '0', 'maxmemory-policy', 'noeviction', 'save', '')
  })

  it('uses a client of the application, and leaves it to it', async () => {
    const client = new Redis(server.url)
    const one = await opened({ client: client as unknown as RedisClient })
    expect((await one.acquire('l', 'a', 1000)).granted).toBe(true)
    const listeners = client.listenerCount('close')
    await one.close()
    expect(client.listenerCount('close')).toBe(listeners - 1)
    expect(await client.ping()).toBe('PONG')
    client.disconnect()
  })

  it('says that its driver is not installed', () => {
    const program = `
      import { registerHooks } from 'node:module'
      const resolve = (name, context, next) => {
        if (name === 'ioredis') throw Object.assign(new Error('no such package'), { code: 'ERR_MODULE_NOT_FOUND' })
        return next(name, context)
      }
      registerHooks({ resolve })
      const { redisSharedState } = await import('./src/stores/redis/index.ts')
      const state = redisSharedState({ url: 'redis://localhost' })
      await state.open().catch((error) => console.log(JSON.stringify(error)))`
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
    expect(JSON.parse(said)).toMatchObject({ ...unavailable('gone'), hint: "Install it: 'npm install ioredis'." })
  })

  it('never shows a password', async () => {
    const one = state({ url: 'redis://user:hunter2@127.0.0.1:1/3?password=hunter2' })
    const error = await one.open().catch((reason: unknown) => reason)
    expect(one.description).toContain('redis://127.0.0.1:1/3')
    expect(JSON.stringify([error, (error as Error).cause]) + String(error) + one.description).not.toContain('hunter2')
    expect(() => redisSharedState({ url: 'redis://u:hunter2@h:x' })).toThrow(/must be a URL/)
    expect(() => redisSharedState({ url: 'redis://u:hunter2@h:x' })).not.toThrow(/hunter2/)
  })

  it.each([
    [{}, "needs either 'url' or 'client'"],
    [{ url: 'http://h' }, 'must be a URL'],
    [{ url: 'redis://h', prefix: 'a{b}' }, 'must be 1 to 64 letters'],
    [{ url: 'redis://h', timeout: 0 }, 'must be finite and at least 1ms'],
    [{ url: 'redis://h', pool: 3 }, "'redisSharedState.pool' is not an option"],
    [{ client: {} }, "'client.evalsha' must be a function"],
  ])('refuses options %j', (options, message) => {
    expect(() => redisSharedState(options as never)).toThrow(message)
  })
})
