/** The contract of shared state on a real Redis, which refuses what a node of a cluster refuses. */
import { Cluster, Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SharedState } from '../../src/core/shared-state.ts'
import type { RedisClient } from '../../src/stores/redis/index.ts'
import { redisSharedState } from '../../src/stores/redis/index.ts'
import { sharedStateContract } from '../../src/testing/shared-state-contract.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { missing } from '../servers/available.ts'
import type { TcpProxy } from '../servers/proxy.ts'
import { startProxy } from '../servers/proxy.ts'
import type { RedisServer } from '../servers/redis.ts'
import { startRedis } from '../servers/redis.ts'

let server: RedisServer
let proxy: TcpProxy
let redis: Redis
let made = 0

describe.skipIf(missing('redis'))('shared state in Redis', () => {
  beforeAll(async () => {
    server = await startRedis({ cluster: true })
    proxy = await startProxy(server.url)
    redis = new Redis(server.url)
  })
  afterAll(async () => {
    redis?.disconnect()
    await proxy?.stop()
    await server?.stop()
  })

  async function open() {
    const clock = new VirtualClock()
    const prefix = `test-${process.pid}-${++made}`
    const states: SharedState[] = []
    const make = async (url = server.url) => {
      const state = redisSharedState({ url, prefix, serverNow: () => clock.wallNow() })
      states.push(state)
      await state.open()
      return state
    }
    const state = await make(proxy.url)
    return {
      state,
      clock,
      prefix,
      another: () => make(),
      outage: { begin: () => proxy.refuse(), end: () => proxy.restore() },
      async reopen() {
        await state.close()
        return make()
      },
      async close() {
        for (const each of states) await each.close()
      },
    }
  }

  // W: 4, 6, 12
  it.each(sharedStateContract({ open }))('$name', ({ run }) => run())

  // W: 12
  it('leaves no key without an end', async () => {
    const { state, prefix, close } = await open()
    try {
      await state.acquire('l', 'a', 1000)
      await state.exchange({ reporter: 'a', words: [{ name: 'x', value: 1 }], ttlMs: 1000 })
      await state.take({ name: 'b', intervalMs: 100, burst: 5, cost: 1, requestId: 'r' })
      await state.giveBack({ name: 'b', intervalMs: 100, burst: 5, tokens: 1, requestId: 'r' })
      await state.block('c', 1000)
      for (const name of ['run', 'done', 'dropped']) {
        const answer = await state.begin({ name, owner: 'a', fingerprint: 'f', leaseMs: 1000 })
        const token = answer.state === 'started' ? answer.token : ''
        if (name === 'done') await state.finish({ name, token, result: 1, keepMs: 1000 })
        if (name === 'dropped') await state.drop(name, token)
      }
      await state.writeState('s', 1)
      await state.check()
      const keys = await redis.keys(`${prefix}:*`)
      expect(keys.length).toBeGreaterThan(9)
      for (const key of keys) expect([key, await redis.pttl(key)]).toEqual([key, expect.toSatisfy((ttl: number) => ttl > 0)])
    } finally {
      await close()
    }
  })

  // W: 4
  it("goes by the server's clock, and keys end by it", async () => {
    const prefix = `real-${process.pid}`
    const state = redisSharedState({ url: server.url, prefix })
    await state.open()
    try {
      const [seconds, micros] = (await redis.time()) as unknown as [number, number]
      expect(Math.abs((await state.now()) - (Number(seconds) * 1000 + Number(micros) / 1000))).toBeLessThan(1000)
      await state.acquire('l', 'a', 60)
      await state.exchange({ reporter: 'a', words: [{ name: 'x', value: 1 }], ttlMs: 60 })
      await state.take({ name: 'b', intervalMs: 10, burst: 6, cost: 6, requestId: 'r' })
      expect((await redis.keys(`${prefix}:*`)).length).toBe(5)
      const left = async () => (await redis.keys(`${prefix}:*`)).filter((key) => !key.includes(':take:'))
      await expect.poll(left, { timeout: 2000 }).toEqual([])
    } finally {
      await state.close()
    }
  })

  it('works through a client of a cluster', async () => {
    const { hostname: host, port } = new URL(server.url)
    const cluster = new Cluster([{ host, port: Number(port) }])
    const state = redisSharedState({ client: cluster as unknown as RedisClient, prefix: `cluster-${process.pid}` })
    const other = redisSharedState({ url: server.url, prefix: `cluster-${process.pid}` })
    try {
      await Promise.all([state.open(), other.open()])
      let told = 0
      state.onWord(() => void told++)
      await redis.script('FLUSH')
      expect((await state.acquire('l', 'a', 1000)).granted).toBe(true)
      expect((await other.acquire('l', 'b', 1000)).granted).toBe(false)
      expect(await state.take({ name: 'b', intervalMs: 100, burst: 5, cost: 5, requestId: 'r' })).toMatchObject({ granted: 5 })
      expect((await state.check()).map(({ code }) => code)).toEqual(['redis-forgets'])
      await expect.poll(() => redis.pubsub('NUMSUB', `cluster-${process.pid}:{words}:new`)).toEqual([expect.anything(), 1])
      await other.exchange({ reporter: 'a', words: [{ name: 'x', value: 1 }], ttlMs: 1000 })
      await expect.poll(() => told).toBeGreaterThan(0)
      expect((await state.exchange({ reporter: 'b', words: [], ttlMs: 1000 })).words).toHaveLength(1)
    } finally {
      await state.close()
      await other.close()
      cluster.disconnect()
    }
  })

  it('tells other processes at once that there is a word', async () => {
    const [one, two] = [await open(), await open()]
    const other = await one.another()
    try {
      let told = 0
      let toldElsewhere = 0
      other.onWord(() => void told++)
      two.state.onWord(() => void toldElsewhere++)
      await expect.poll(() => redis.pubsub('NUMSUB', `${one.prefix}:{words}:new`)).toEqual([expect.anything(), 1])
      await one.state.exchange({ reporter: 'a', words: [], ttlMs: 1000 })
      await one.state.exchange({ reporter: 'a', words: [{ name: 'x', value: 1 }], ttlMs: 1000 })
      await expect.poll(() => told).toBe(1)
      await other.exchange({ reporter: 'b', words: [{ name: 'x', value: 1 }], ttlMs: 1000 })
      await one.state.fallSilent('a')
      await expect.poll(() => told).toBe(2)
      expect(toldElsewhere).toBe(0)
    } finally {
      await one.close()
      await two.close()
    }
  })
})
