/** The contract of every store on a real PostgreSQL. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postgresStore } from '../../src/stores/postgres/postgres-store.ts'
import { PRUNE } from '../../src/stores/postgres/prune.ts'
import { inSchema } from '../../src/stores/postgres/statement.ts'
import { storeContract } from '../../src/testing/store-contract.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { missing } from '../servers/available.ts'
import type { PostgresServer } from '../servers/postgres.ts'
import { startPostgres } from '../servers/postgres.ts'
import { ask, dropSchema, emptySchema, freshSchema } from './postgres-schema.ts'

const schema = freshSchema()
let server: PostgresServer

describe.skipIf(missing('postgres'))('a PostgreSQL store', () => {
  beforeAll(async () => {
    server = await startPostgres()
  }, 60_000)
  afterAll(async () => {
    await dropSchema(server.url, schema)
    await server.stop()
  })

  async function open() {
    const clock = new VirtualClock()
    const make = async () => {
      const store = postgresStore({ url: server.url, schema, notify: false, serverNow: () => clock.wallNow() })
      await store.open()
      return store
    }
    let store = await make()
    return {
      store,
      clock,
      async reopen() {
        await store.close()
        store = await make()
        return store
      },
      async close() {
        await store.close()
        await emptySchema(server.url, schema)
      },
    }
  }

  // W: 1, 6, 8, 18, 22
  it.each(storeContract({ open }))('$name', ({ run }) => run())

  // W: 4
  it("goes by the server's clock", async () => {
    const store = postgresStore({ url: server.url, schema })
    await store.open()
    try {
      expect(Math.abs((await store.now()) - Date.now())).toBeLessThan(5000)
    } finally {
      await store.close()
    }
  })

  it('prunes along one index, and reads nothing of a kind that is kept longer', async () => {
    const store = postgresStore({ url: server.url, schema, notify: false })
    await store.open()
    const past = 'floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint - 60000'
    await ask(
      server.url,
      inSchema(
        `INSERT INTO @jobs (id, kind, target, state, priority, created_at, run_at, finished_at, settled_at)
          SELECT 'j' || n, CASE WHEN n % 100 = 0 THEN 'ping' ELSE 'invoice' END, 't', 'succeeded', 0, 0, 0, m + n % 1000, m + n % 1000
          FROM generate_series(1, 20000) AS n, LATERAL (SELECT ${past} AS m) AS s;
        INSERT INTO @counts VALUES ('job', 'ping', 't', 'succeeded', 200), ('job', 'invoice', 't', 'succeeded', 19800);
        ANALYZE @jobs; ANALYZE @counts`,
        schema,
      ),
    )
    try {
      const values = [null, 1e12, 1e12, 500, ['ping', 'invoice'], [30_000, 1e12], [1e12, 1e12]]
      const explain = inSchema(`EXPLAIN (ANALYZE, FORMAT JSON) ${PRUNE}`, schema)
      const [answer] = await ask<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(server.url, explain, values)
      const looks = nodesOf(answer?.['QUERY PLAN'][0].Plan as PlanNode).filter((node) => node['Relation Name'] === 'jobs')
      const first = looks.find((node) => node['Index Name'] === 'jobs_settled')
      expect(first?.['Index Cond']).toMatch(/kind = .* AND .*settled_at < /)
      // Twice, once for each kind; all of the one and nothing of the other.
      expect([first?.['Actual Loops'], first?.['Actual Rows']]).toEqual([2, 100])
      expect(looks.map((node) => node['Node Type'])).not.toContain('Seq Scan')
      expect(await store.counts()).toMatchObject([{ kind: 'invoice', count: 19_800 }])
    } finally {
      await store.close()
      await emptySchema(server.url, schema)
    }
  })
})

interface PlanNode {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'Index Cond'?: string
  readonly 'Actual Loops'?: number
  readonly 'Actual Rows'?: number
  readonly Plans?: readonly PlanNode[]
}

function nodesOf(node: PlanNode): readonly PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)]
}
