/** Token buckets: what they decide is rules/bucket.ts, here they are kept. */
import type { TakeAnswer } from '../../../core/shared-state.ts'
import type { Bucket } from '../../rules/bucket.ts'
import { blocked, givenBack, idleAt, remainingIn, settled, takeFrom } from '../../rules/bucket.ts'
import type { CheckedTake, GiveBackRequest } from '../../rules/shared-arguments.ts'
import { RESEND_MS } from '../../rules/shared-arguments.ts'
import type { Transaction } from '../transaction.ts'

/** How late a bucket that is full may be removed. */
const STEP_MS = 60_000

interface BucketRow {
  readonly at: number
  readonly debt: number
  readonly block: number
}

export function take(tx: Transaction, request: CheckedTake): TakeAnswer {
  const { now } = tx
  const { name } = request
  const before = bucketOf(tx, name)
  const id = grantId('take', name, request.requestId)
  const earlier = grantOf(tx, id)
  if (earlier !== undefined) {
    const { granted, readyAt } = earlier
    return { granted, remaining: remainingIn(before, request), waitMs: Math.max(0, readyAt - now), now }
  }
  const { bucket, answer } = takeFrom(before, request)
  if (answer.granted > 0) {
    remember(tx, id, answer.granted, now + answer.waitMs)
    keep(tx, name, bucket)
  } else if (isAhead(tx, name)) keep(tx, name, bucket)
  return answer
}

export function giveBack(tx: Transaction, { name, intervalMs, requestId, tokens }: GiveBackRequest): void {
  const id = grantId('back', name, requestId)
  if (grantOf(tx, id) !== undefined) return
  remember(tx, id, tokens, tx.now)
  keep(tx, name, givenBack(bucketOf(tx, name), tokens, intervalMs))
}

export function block(tx: Transaction, name: string, ms: number): void {
  keep(tx, name, blocked(bucketOf(tx, name), ms))
}

function bucketOf(tx: Transaction, name: string): Bucket {
  const row = tx.sql('SELECT at, debt, block FROM holdfast_buckets WHERE name = ?').get(name) as BucketRow | undefined
  return settled(row && { at: row.at, debtMs: row.debt, blockMs: row.block }, tx.now)
}

/** The clock was set back: unless it is written, time stands still for the bucket until the clock is there again. */
function isAhead(tx: Transaction, name: string): boolean {
  return tx.sql('SELECT 1 FROM holdfast_buckets WHERE name = ? AND at > ?').get(name, tx.now) !== undefined
}

function keep(tx: Transaction, name: string, bucket: Bucket): void {
  const until = idleAt(bucket)
  if (until <= tx.now) tx.sql('DELETE FROM holdfast_buckets WHERE name = ?').run(name)
  else
    tx.sql(
      `INSERT INTO holdfast_buckets (name, at, debt, block, until) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET at = excluded.at, debt = excluded.debt, block = excluded.block, until = excluded.until`,
    ).run(name, bucket.at, bucket.debtMs, bucket.blockMs, Math.ceil(until / STEP_MS) * STEP_MS)
}

interface Grant {
  readonly granted: number
  readonly readyAt: number
}

function grantOf(tx: Transaction, id: string): Grant | undefined {
  const text = 'SELECT granted, ready_at AS readyAt FROM holdfast_grants WHERE id = ? AND until > ?'
  return tx.sql(text).get(id, tx.now) as Grant | undefined
}

function remember(tx: Transaction, id: string, granted: number, readyAt: number): void {
  const text = 'INSERT OR REPLACE INTO holdfast_grants (id, granted, ready_at, until) VALUES (?, ?, ?, ?)'
  tx.sql(text).run(id, granted, readyAt, tx.now + RESEND_MS)
}

function grantId(what: 'take' | 'back', name: string, requestId: string): string {
  return `${what} ${name.length} ${name} ${requestId}`
}
