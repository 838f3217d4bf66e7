/**
 * The common case, many at a time: jobs that succeed with nothing to tell (no history), and so without a dead letter.
 * Everything else goes job by job, see settle.ts.
 */
import type { Settlement } from '../../work/store.ts'
import { toJson } from './job-rows.ts'
import type { Transaction } from './transaction.ts'

type Success = Settlement & { readonly type: 'succeeded' }
type HeldRow = readonly [seq: number, id: string, kind: string, target: string, token: number]

const HELD = `
  SELECT j.seq, j.id, j.kind, j.target, j.token FROM json_each(?) AS given CROSS JOIN holdfast_jobs AS j ON j.id = given.value
  WHERE j.state = 'running' AND j.history IS NULL`
const SUCCEED = `
  UPDATE holdfast_jobs SET state = 'succeeded', finished_at = ?, settled_at = ?, worker = NULL, lease_until = NULL,
    cancel_requested = 0, result = ?`
const SUCCEED_ONE = `${SUCCEED} WHERE seq = ?`
const SUCCEED_MANY = `${SUCCEED} WHERE seq IN (SELECT value FROM json_each(?))`

/** Answers the settlements that it has carried out. */
export function succeedAtOnce(tx: Transaction, settlements: readonly Settlement[]): ReadonlySet<Settlement> {
  const done = new Set<Settlement>()
  const successes = settlements.filter((settlement): settlement is Success => settlement.type === 'succeeded')
  // Of two settlements of one job the first counts: that needs them one by one.
  if (successes.length === 0 || new Set(settlements.map(({ id }) => id)).size < settlements.length) return done
  const held = heldJobs(tx, successes)
  const plain: number[] = []
  for (const success of successes) {
    const row = held.get(success.id)
    if (row === undefined || row[4] !== success.token) continue
    const [seq, , kind, target] = row
    const result = toJson(success.result)
    if (result === null) plain.push(seq)
    else tx.sql(SUCCEED_ONE).run(tx.now, tx.now, result, seq)
    tx.tally.move('job', { kind, target }, 'running', 'succeeded')
    done.add(success)
  }
  if (plain.length > 0) tx.sql(SUCCEED_MANY).run(tx.now, tx.now, null, JSON.stringify(plain))
  return done
}

function heldJobs(tx: Transaction, successes: readonly Success[]): ReadonlyMap<string, HeldRow> {
  const rows = tx.tuples(HELD).all(JSON.stringify(successes.map(({ id }) => id))) as unknown as HeldRow[]
  return new Map(rows.map((row) => [row[1], row]))
}
