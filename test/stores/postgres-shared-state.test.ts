/** The contract of shared state on a real PostgreSQL. */
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { SharedState } from '../../src/core/shared-state.ts'
import { postgresSharedState, postgresStore } from '../../src/stores/postgres/index.ts'
import { sharedStateContract } from '../../src/testing/shared-state-contract.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { missing } from '../servers/available.ts'
import type { PostgresServer } from '../servers/postgres.ts'
import { startPostgres } from '../servers/postgres.ts'
import type { TcpProxy } from '../servers/proxy.ts'
import { startProxy } from '../servers/proxy.ts'
import { ask, dropSchema, emptySchema, freshSchema } from './postgres-schema.ts'

const schema = freshSchema()
let server: PostgresServer
let proxy: TcpProxy
let direct: pg.Pool
let proxied: pg.Pool

describe.skipIf(missing('postgres'))('shared state in PostgreSQL', () => {
  beforeAll(async () => {
    server = await startPostgres()
    proxy = await startProxy(server.url)
    const [one, two] = [server.url, proxy.url].map((connectionString) => new pg.Pool({ connectionString, max: 12 }))
    direct = one as pg.Pool
    proxied = two as pg.Pool
    for (const pool of [direct, proxied]) {
      pool.on('error', () => {})
      pool.on('connect', (client) => client.on('error', () => {}))
    }
  }, 60_000)
  afterEach(() => emptySchema(server.url, schema, 'shared'))
  afterAll(async () => {
    await direct?.end()
    await proxied?.end()
    await proxy?.stop()
    await dropSchema(server.url, schema)
    await server.stop()
  })

  async function open() {
    const clock = new VirtualClock()
    const states: SharedState[] = []
    // Connections outlive the cases, which saves most of their time.
    const make = async (pool = direct) => {
      const state = postgresSharedState({ pool, schema, prepare: true, serverNow: () => clock.wallNow() })
      states.push(state)
      await state.open()
      return state
    }
    const state = await make(proxied)
    return {
      state,
      clock,
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

  // W: 4, 6, 11
  it.each(sharedStateContract({ open }))('$name', ({ run }) => run())

  // W: 4
  it("goes by the server's clock", async () => {
    const state = postgresSharedState({ url: server.url, schema })
    await state.open()
    try {
      expect(Math.abs((await state.now()) - Date.now())).toBeLessThan(5000)
    } finally {
      await state.close()
    }
  })

  // W: 11
  it('grants what there is and no more while its connections are cut again and again', async () => {
    const states = [0, 1, 2, 3].map(() => postgresSharedState({ url: server.url, schema, notify: false }))
    await Promise.all(states.map((state) => state.open()))
    const failures: unknown[] = []
    const patiently = async (state: SharedState, requestId: string): Promise<number> => {
      for (;;)
        try {
          const bucket = { name: 'cut', intervalMs: 60_000, burst: 150, cost: 1 }
          return (await state.take({ ...bucket, requestId })).granted
        } catch (error) {
          failures.push(error)
          await new Promise((resolve) => setTimeout(resolve, 10))
        }
    }
    let granted = 0
    let running = true
    const lines = Array.from({ length: 10 }, async (_, line) => {
      for (let n = 0; n < 20; n++) {
        const one = await patiently(states[line % 4] as SharedState, `${line} ${n}`)
        granted += one
      }
    })
    const cutting = (async () => {
      const cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast'"
      for (; running; await new Promise((resolve) => setTimeout(resolve, 40))) await ask(server.url, cut)
    })()
    await Promise.all(lines)
    running = false
    await cutting
    for (const state of states) await state.close()
    expect(granted).toBe(150)
    for (const failure of failures) expect(failure).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
  })

  it('has no plan compiled, whatever a pool of the caller has set: that took a second for each', async () => {
    const { close } = await open()
    await close()
    const compiled = `SELECT proname FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
      WHERE n.nspname = '${schema}' AND NOT 'jit=off' = ANY (proconfig) AND 'enable_seqscan=off' = ANY (proconfig)`
    expect(await ask(server.url, compiled)).toEqual([])
  })

  it('lives beside the jobs of a store, and ends with it', async () => {
    const store = postgresStore({ url: server.url, schema, notify: false })
    const state = store.sharedState()
    await store.open()
    await state.open()
    expect((await state.acquire('l', 'a', 1000)).granted).toBe(true)
    await state.close()
    await expect(state.now()).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    const other = store.sharedState()
    await other.open()
    expect((await other.acquire('l', 'b', 1000)).granted).toBe(false)
    await store.close()
    await expect(other.now()).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
  })

  it('tells other processes at once that there is a word', async () => {
    const [one, other] = [0, 1].map(() => postgresSharedState({ url: server.url, schema })) as [SharedState, SharedState]
    try {
      let told = 0
      other.onWord(() => void told++)
      await Promise.all([one.open(), other.open()])
      await one.exchange({ reporter: 'a', words: [], ttlMs: 1000 })
      await one.exchange({ reporter: 'a', words: [{ name: 'x', value: 1 }], ttlMs: 1000 })
      await expect.poll(() => told).toBe(1)
      await other.exchange({ reporter: 'b', words: [{ name: 'x', value: 1 }], ttlMs: 1000 })
      await one.fallSilent('a')
      await expect.poll(() => told).toBe(2)
    } finally {
      await one.close()
      await other.close()
    }
  })

  // W: 6
  it('removes what has ended with the operations that come anyway', async () => {
    const { state, clock, close } = await open()
    try {
      for (let n = 0; n < 60; n++) {
        await state.acquire(`lease ${n}`, 'a', 1000)
        await state.take({ name: `bucket ${n}`, intervalMs: 100, burst: 5, cost: 5, requestId: 'r' })
        await state.begin({ name: `once ${n}`, owner: 'a', fingerprint: 'f', leaseMs: 1000, keepMs: 1000 })
      }
      await clock.advance(120_000)
      for (let n = 0; n < 201; n++) await state.acquire('again', 'a', 1000)
      const counts = ['leases', 'buckets', 'grants', 'once'].map((table) => `(SELECT count(*) FROM "${schema}".${table})::int`)
      const rows = () => ask(server.url, `SELECT ARRAY[${counts.join()}] AS n`)
      await expect.poll(rows).toEqual([{ n: [1, 0, 0, 0] }])
    } finally {
      await close()
    }
  })
})
