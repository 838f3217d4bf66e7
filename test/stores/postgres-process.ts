/**
 * A process that does one thing to a PostgreSQL store, for tests that need several processes.
 * Usage: node postgres-process.ts URL SCHEMA claim WORKER | open | listen
 */
import { writeSync } from 'node:fs'
import { postgresStore } from '../../src/stores/postgres/postgres-store.ts'

const [url = '', schema = '', action, name = ''] = process.argv.slice(2)

function say(line: string): void {
  writeSync(1, `${line}\n`)
}

/** Two claims at a time, each settled before the next: says each id that it was given and could settle. */
async function claimAll(): Promise<void> {
  const store = postgresStore({ url, schema })
  await store.open()
  const loop = async (): Promise<void> => {
    for (;;) {
      const lanes = ['a', 'b'].map((target) => ({ kind: 'k', target, limit: 20 }))
      const jobs = await store.claim({ worker: name, leaseMs: 60_000, lanes })
      if (jobs.length === 0) return
      const refused = await store.settle(jobs.map(({ id, token }) => ({ id, token, type: 'succeeded' as const })))
      if (refused.length > 0) throw new Error(`refused: ${refused.join()}`)
      say(jobs.map(({ id }) => id).join('\n'))
    }
  }
  await Promise.all([loop(), loop()])
  await store.close()
}

async function openAndClose(): Promise<void> {
  const store = postgresStore({ url, schema })
  await store.open()
  await store.check()
  say('opened')
  await store.close()
}

/** Says `heard` once somebody told of work. */
async function listen(): Promise<void> {
  const store = postgresStore({ url, schema })
  await store.open()
  const heard = new Promise<void>((resolve) => store.onWork(resolve))
  say('listens')
  await heard
  say('heard')
  await store.close()
}

if (action === 'claim') await claimAll()
else if (action === 'listen') await listen()
else await openAndClose()
