/**
 * Work that must happen once: what its record becomes at each step, pure, and the same in every store. PostgreSQL and Redis say
 * the same in languages of their own.
 */
import type { BeginAnswer } from '../../core/shared-state.ts'
import type { CheckedBegin } from './shared-arguments.ts'
import { RESEND_MS } from './shared-arguments.ts'

export interface OnceRecord {
  readonly fingerprint: string
  readonly owner: string
  readonly token: string
  /** `dropped` is as good as none, but answers the one that dropped it, should it say so twice. */
  readonly state: 'running' | 'done' | 'dropped'
  readonly leaseMs: number
  readonly leaseUntil: number
  /** How long it is known that nobody knows. */
  readonly keepMs: number
  /** JSON. */
  readonly result: string
  readonly doneAt: number
  /** Forgotten then. */
  readonly until: number
  /** The token that freed the name last. */
  readonly droppedToken: string
}

export interface Begun {
  readonly answer: BeginAnswer
  /** What to keep instead; absent when nothing changes. */
  readonly record?: OnceRecord
}

/** `token` is the one to give out, if it comes to that. */
export function begun(known: OnceRecord | undefined, request: CheckedBegin, token: string, now: number): Begun {
  const found = known === undefined || known.until <= now ? undefined : known
  if (found === undefined || found.state === 'dropped') return started(request, token, now, found?.droppedToken ?? '')
  if (found.fingerprint !== request.fingerprint) return { answer: { state: 'mismatch', now } }
  if (found.state === 'done') {
    const { doneAt, until } = found
    return { answer: { state: 'done', result: JSON.parse(found.result) as unknown, doneAt, until, now } }
  }
  // A clock that was set back must not prolong it.
  const leaseUntil = Math.min(found.leaseUntil, now + found.leaseMs)
  const record = leaseUntil === found.leaseUntil ? {} : { record: leased(found, leaseUntil) }
  const { owner } = found
  if (leaseUntil > now) {
    if (owner === request.owner) return { answer: { state: 'started', token: found.token, leaseUntil, now }, ...record }
    return { answer: { state: 'running', owner, leaseUntil, now }, ...record }
  }
  if (request.takeOver) return started(request, token, now, found.droppedToken)
  return { answer: { state: 'unknown', owner, leaseUntil, now }, ...record }
}

function started(request: CheckedBegin, token: string, now: number, droppedToken: string): Begun {
  const { fingerprint, owner, leaseMs, keepMs } = request
  const leaseUntil = now + leaseMs
  const bare = { fingerprint, owner, token, leaseMs, keepMs, result: '', doneAt: 0, droppedToken, leaseUntil, until: 0 }
  return { answer: { state: 'started', token, leaseUntil, now }, record: leased({ ...bare, state: 'running' }, leaseUntil) }
}

function leased(record: OnceRecord, leaseUntil: number): OnceRecord {
  return { ...record, leaseUntil, until: leaseUntil + record.keepMs }
}

/** Whether this token may still say what became of it. Its lease may have ended, if nobody took over. */
function isOurs(record: OnceRecord | undefined, token: string, now: number): record is OnceRecord {
  return record !== undefined && record.until > now && record.state === 'running' && record.token === token
}

/** Undefined when it is not ours any more. */
export function kept(record: OnceRecord | undefined, token: string, leaseMs: number, now: number): OnceRecord | undefined {
  return isOurs(record, token, now) ? leased({ ...record, leaseMs }, now + leaseMs) : undefined
}

/** Undefined when it is not ours any more; the record itself when it was finished so before. */
export function finished(
  record: OnceRecord | undefined,
  token: string,
  result: string,
  keepMs: number,
  now: number,
): OnceRecord | undefined {
  if (record?.state === 'done' && record.token === token && record.until > now) return record
  return isOurs(record, token, now) ? { ...record, state: 'done', result, doneAt: now, until: now + keepMs } : undefined
}

/** Undefined when it is not ours any more; the record itself when this token freed the name before. */
export function dropped(record: OnceRecord | undefined, token: string, now: number): OnceRecord | undefined {
  if (record !== undefined && record.until > now && record.droppedToken === token) return record
  return isOurs(record, token, now) ? { ...record, state: 'dropped', droppedToken: token, until: now + RESEND_MS } : undefined
}
