/**
 * The store's own history of claims and successes, kept by triggers in the database itself: whatever Holdfast says or believes,
 * each change of a job leaves a row.
 */
import { DatabaseSync } from 'node:sqlite'
import { ask } from '../stores/postgres-schema.ts'
import type { StoreAddress } from './store-address.ts'

export interface Trail {
  /** Claims as `id token`; twice the same would be a token given twice. */
  readonly claims: readonly string[]
  /** Successes: the id, and the token under which it came about. */
  readonly successes: readonly { readonly id: string; readonly token: number }[]
  /** Every job there is. */
  readonly jobs: ReadonlyMap<string, { readonly state: string; readonly token: number; readonly lostLeases: number }>
}

interface Row {
  readonly id: string
  readonly token: number
  readonly event: string
}

const SQLITE = `
  CREATE TABLE IF NOT EXISTS trail (id TEXT NOT NULL, token INTEGER NOT NULL, event TEXT NOT NULL);
  CREATE TRIGGER IF NOT EXISTS trail_of_jobs AFTER UPDATE OF state ON holdfast_jobs
  WHEN NEW.state <> OLD.state AND NEW.state IN ('running', 'succeeded')
  BEGIN INSERT INTO trail VALUES (NEW.id, NEW.token, NEW.state); END;`

const postgres = (schema: string): string => `
  CREATE TABLE "${schema}".trail (id text NOT NULL, token bigint NOT NULL, event text NOT NULL);
  CREATE FUNCTION "${schema}".leave_trail() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO "${schema}".trail VALUES (NEW.id, NEW.token, NEW.state); RETURN NULL; END $$;
  CREATE TRIGGER trail_of_jobs AFTER UPDATE OF state ON "${schema}".jobs FOR EACH ROW
    WHEN (NEW.state <> OLD.state AND NEW.state IN ('running', 'succeeded'))
    EXECUTE FUNCTION "${schema}".leave_trail();`

/** To be called once the store has its tables. */
export async function leaveTrail(address: StoreAddress): Promise<void> {
  if (address.kind === 'postgres') await ask(address.url, postgres(address.schema))
  else
    onFile(address.path, (db) => {
      db.exec(SQLITE)
      return []
    })
}

export async function readTrail(address: StoreAddress): Promise<Trail> {
  const events = await rows<Row>(address, 'SELECT id, token, event FROM @trail')
  const jobs = await rows<{ id: string; state: string; token: number; lost_leases: number }>(
    address,
    'SELECT id, state, token, lost_leases FROM @jobs',
  )
  const of = (event: string) => events.filter((row) => row.event === event).map(({ id, token }) => ({ id, token: Number(token) }))
  return {
    claims: of('running').map(({ id, token }) => `${id} ${token}`),
    successes: of('succeeded'),
    jobs: new Map(jobs.map((job) => [job.id, { state: job.state, token: Number(job.token), lostLeases: job.lost_leases }])),
  }
}

async function rows<T>(address: StoreAddress, text: string): Promise<T[]> {
  if (address.kind === 'postgres') return ask<T>(address.url, text.replace(/@(\w+)/, `"${address.schema}".$1`))
  return onFile(address.path, (db) => db.prepare(text.replace('@jobs', 'holdfast_jobs').replace('@', '')).all() as T[])
}

function onFile<T>(path: string, work: (db: DatabaseSync) => T[]): T[] {
  const db = new DatabaseSync(path, { timeout: 10_000 })
  try {
    return work(db)
  } finally {
    db.close()
  }
}
