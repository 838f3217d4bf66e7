import { mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import type { SharedState } from '../../core/shared-state.ts'
import { sharedStateContract } from '../../testing/shared-state-contract.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { sqliteSharedState, sqliteStore } from './index.ts'

async function openFile() {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-shared-'))
  const path = join(folder, 'shared.db')
  const clock = new VirtualClock()
  const states: SharedState[] = []
  const make = async () => {
    const state = sqliteSharedState({ path, durability: 'normal', clock })
    states.push(state)
    await state.open()
    return state
  }
  const state = await make()
  return {
    state,
    clock,
    path,
    another: make,
    outage: {
      async begin() {
        renameSync(path, `${path}.away`)
      },
      async end() {
        renameSync(`${path}.away`, path)
      },
    },
    async reopen() {
      await state.close()
      return make()
    },
    async close() {
      for (const each of states) await each.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function openBesideJobs() {
  const clock = new VirtualClock()
  const store = sqliteStore({ path: ':memory:', clock })
  await store.open()
  const another = async () => {
    const state = store.sharedState()
    await state.open()
    return state
  }
  return { state: await another(), clock, another, close: () => store.close() }
}

// W: 4, 6, 9
describe('shared state in a SQLite file', () => {
  it.each(sharedStateContract({ open: openFile }))('$name', ({ run }) => run())

  // W: 6
  it('removes what has ended with the writes that come anyway', async () => {
    const { state, clock, path, close } = await openFile()
    for (let n = 0; n < 300; n++) {
      await state.acquire(`lease ${n}`, 'a', 1000)
      await state.take({ name: `bucket ${n}`, intervalMs: 100, burst: 5, cost: 5, requestId: 'r' })
      await state.begin({ name: `once ${n}`, owner: 'a', fingerprint: 'f', leaseMs: 1000, keepMs: 1000 })
    }
    await clock.advance(120_000)
    for (let n = 0; n < 300; n++) await state.acquire('again', 'a', 1000)
    const db = new DatabaseSync(path)
    const rows = ['leases', 'buckets', 'grants', 'once'].map(
      (table) => (db.prepare(`SELECT count(*) AS n FROM holdfast_${table}`).get() as { n: number }).n,
    )
    db.close()
    await close()
    expect(rows).toEqual([1, 0, 0, 0])
  })
})

describe('shared state beside the jobs of a SQLite store', () => {
  it.each(sharedStateContract({ open: openBesideJobs }))('$name', ({ run }) => run())

  it('ends with the store, and leaves it open', async () => {
    const store = sqliteStore({ path: ':memory:' })
    const state = store.sharedState()
    await expect(state.now()).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    await store.open()
    await state.open()
    expect((await state.acquire('l', 'a', 1000)).granted).toBe(true)
    const other = store.sharedState()
    await other.open()
    await state.close()
    expect((await other.acquire('l', 'b', 1000)).granted).toBe(false)
    await store.close()
    await expect(other.acquire('l', 'b', 1000)).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
  })
})

describe('the options of shared state in SQLite', () => {
  it('are checked when it is made', () => {
    expect(() => sqliteSharedState({ path: '' })).toThrow("'path' must be a non-empty string")
    expect(() => sqliteSharedState({ path: 'x', durable: true } as never)).toThrow("'sqliteSharedState.durable' is not an option")
  })
})
