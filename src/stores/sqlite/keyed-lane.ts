/**
 * Which jobs of a lane may run when only so many of its kind with the same key do at once.
 *
 * First in the order of the lane, as far as a window goes; then, when the window is full of jobs that must wait for their
 * keys, from key to key, those beyond the last one served first. So the cost does not grow with what waits for one key, nor
 * does what waits for it stand in the way of others. Under the write lock: nobody else can make a key busy meanwhile.
 */
import type { LaneClaim } from '../../work/store.ts'
import { KEYS_LOOKED_AT, KeySlots, WINDOW } from '../rules/key-slots.ts'
import type { Transaction } from './transaction.ts'

const BUSY = `
  SELECT concurrency_key AS key, count(*) AS n FROM holdfast_jobs INDEXED BY holdfast_jobs_running_keys
  WHERE state = 'running' AND kind = ? AND concurrency_key IS NOT NULL GROUP BY concurrency_key`
const FRONT = `
  SELECT seq, concurrency_key AS key FROM holdfast_jobs INDEXED BY holdfast_jobs_available
  WHERE state = 'available' AND kind = ? AND target = ?
  ORDER BY priority DESC, run_at, seq LIMIT ?`
const KEYED = `
  FROM holdfast_jobs INDEXED BY holdfast_jobs_keyed
  WHERE state = 'available' AND kind = ? AND target = ? AND concurrency_key IS NOT NULL`
const NEXT_LEVEL = `SELECT priority ${KEYED} AND priority < ? ORDER BY priority DESC LIMIT 1`
const NEXT_KEY = `SELECT concurrency_key AS key ${KEYED} AND priority = ? AND concurrency_key > ? ORDER BY concurrency_key LIMIT 1`
const OF_KEY = `SELECT seq ${KEYED} AND priority = ? AND concurrency_key = ? ORDER BY run_at, seq LIMIT ?`

interface Chosen {
  readonly seqs: readonly number[]
  /** Where the search from key to key ended; undefined when the window was enough. */
  readonly lastKey: string | undefined
}

export function chooseByKey(tx: Transaction, lane: LaneClaim & { readonly perKey: number }, beyond: string): Chosen {
  const busy = tx.sql(BUSY).all(lane.kind) as unknown as { key: string; n: number }[]
  const slots = new KeySlots(lane.perKey, new Map(busy.map(({ key, n }) => [key, n])))
  const window = lane.limit + WINDOW
  const front = tx.sql(FRONT).all(lane.kind, lane.target, window) as unknown as { seq: number; key: string | null }[]
  const seqs = new Set<number>()
  for (const { seq, key } of front) if (seqs.size < lane.limit && slots.take(key ?? '')) seqs.add(seq)
  if (seqs.size >= lane.limit || front.length < window) return { seqs: [...seqs], lastKey: undefined }
  const lastKey = fromKeyToKey(tx, lane, slots, seqs, beyond)
  return { seqs: [...seqs], lastKey }
}

/** Adds to `seqs`; answers the last key that it took of, or where it began. */
function fromKeyToKey(tx: Transaction, lane: LaneClaim, slots: KeySlots, seqs: Set<number>, beyond: string): string {
  let lastKey = beyond
  let looked = 0
  for (const level of levels(tx, lane))
    for (const key of keysOf(tx, lane, level, beyond)) {
      const wanted = Math.min(lane.limit - seqs.size, slots.free(key))
      // What the window gave is still in the lane.
      const rows = wanted > 0 ? tx.sql(OF_KEY).all(lane.kind, lane.target, level, key, wanted + seqs.size) : []
      const fresh = (rows as unknown as { seq: number }[]).filter(({ seq }) => !seqs.has(seq)).slice(0, wanted)
      for (const { seq } of fresh) {
        slots.take(key)
        seqs.add(seq)
        lastKey = key
      }
      if (seqs.size >= lane.limit || ++looked >= KEYS_LOOKED_AT) return lastKey
    }
  return lastKey
}

/** The priorities of a lane, highest first. */
function* levels(tx: Transaction, { kind, target }: LaneClaim): Generator<number> {
  let level = Number.MAX_SAFE_INTEGER
  for (;;) {
    const row = tx.sql(NEXT_LEVEL).get(kind, target, level) as { priority: number } | undefined
    if (row === undefined) return
    level = row.priority
    yield level
  }
}

/** No key first, then the keys beyond one, then the others. */
function* keysOf(tx: Transaction, { kind, target }: LaneClaim, level: number, beyond: string): Generator<string> {
  const next = (key: string): string | undefined =>
    (tx.sql(NEXT_KEY).get(kind, target, level, key) as { key: string } | undefined)?.key
  yield ''
  for (let key = next(beyond); key !== undefined; key = next(key)) yield key
  if (beyond !== '') for (let key = next(''); key !== undefined && key <= beyond; key = next(key)) yield key
}
