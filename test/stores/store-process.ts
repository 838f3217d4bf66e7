/**
 * A process that does one thing to a SQLite store, for tests that need several processes or kill one.
 * Usage: node store-process.ts PATH claim WORKER | add PREFIX | hang | open
 */
import { writeSync } from 'node:fs'
import { systemClock } from '../../src/core/clock.ts'
import { systemRandom } from '../../src/core/random.ts'
import { Database } from '../../src/stores/sqlite/database.ts'
import { enqueue } from '../../src/stores/sqlite/enqueue.ts'
import { sqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'

const [path = '', action, name = ''] = process.argv.slice(2)

export function jobOf(id: string) {
  return { id, kind: 'k', target: 't', payload: { id }, priority: 0, fingerprint: id, idempotencyWindowMs: 0 }
}

function say(line: string): void {
  writeSync(1, `${line}\n`)
}

async function claimAll(): Promise<void> {
  const store = sqliteStore({ path, durability: 'normal' })
  await store.open()
  for (;;) {
    const jobs = await store.claim({ worker: name, leaseMs: 60_000, lanes: [{ kind: 'k', target: 't', limit: 40 }] })
    if (jobs.length === 0) break
    for (const { id } of jobs) say(id)
    const refused = await store.settle(jobs.map(({ id, token }) => ({ id, token, type: 'succeeded' as const })))
    if (refused.length > 0) throw new Error(`refused: ${refused.join()}`)
  }
  await store.close()
}

/** Says each id only after the store has acknowledged it. */
async function addForEver(): Promise<never> {
  const store = sqliteStore({ path })
  await store.open()
  for (let count = 0; ; count += 3) {
    const ids = [0, 1, 2].map((n) => `${name}-${String(count + n).padStart(8, '0')}`)
    await store.enqueue(ids.map(jobOf))
    say(ids.join(' '))
  }
}

/** Stops for good inside a write transaction. */
async function hangInside(): Promise<void> {
  const database = new Database({
    path,
    durability: 'full',
    busyTimeoutMs: 50,
    busyRetryMs: 1000,
    clock: systemClock,
    random: systemRandom,
  })
  await database.open()
  await database.write((tx) => {
    enqueue(tx, [jobOf('uncommitted')])
    say('inside')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30_000)
  })
}

async function openAndClose(): Promise<void> {
  const store = sqliteStore({ path })
  await store.open()
  await store.check()
  say('opened')
  await store.close()
}

if (process.argv[1] === import.meta.filename) {
  if (action === 'claim') await claimAll()
  else if (action === 'add') await addForEver()
  else if (action === 'hang') await hangInside()
  else await openAndClose()
}
