/** Work that must happen once, as rules/once-record.ts has it; the server decides, in functions of its own. */
import type { BeginAnswer } from '../../../core/shared-state.ts'
import type { CheckedBegin } from '../../rules/shared-arguments.ts'
import type { Session } from '../session.ts'

const BEGIN = `
  SELECT answer, who, given, found_result AS result, time_a AS "timeA", time_b AS "timeB", at_ms AS now
  FROM @begin($1, $2, $3, $4, $5, $6, $7, $8)`
const SETTLE = 'SELECT @settle_once($1, $2, $3, $4, $5, $6) AS ours'

interface BeginRow {
  readonly answer: BeginAnswer['state']
  readonly who: string
  readonly given: string
  readonly result: string
  /** The lease's end; or when it was done. */
  readonly timeA: number
  /** Until when it is known to be done. */
  readonly timeB: number
  readonly now: number
}

/** `token` is the one to give out, if it comes to that. */
export async function begin(session: Session, request: CheckedBegin, token: string): Promise<BeginAnswer> {
  const { name, owner, fingerprint, leaseMs, keepMs, takeOver } = request
  const [row] = await session.rows<BeginRow>(BEGIN, [session.told, name, owner, fingerprint, token, leaseMs, keepMs, takeOver])
  const { answer: state, who, given, result, timeA, timeB, now } = row as BeginRow
  switch (state) {
    case 'started':
      return { state, token: given, leaseUntil: timeA, now }
    case 'done':
      return { state, result: JSON.parse(result) as unknown, doneAt: timeA, until: timeB, now }
    case 'mismatch':
      return { state, now }
    default:
      return { state, owner: who, leaseUntil: timeA, now }
  }
}

/** `lasts`: the lease to come, how long the result is kept, or for how long a repetition is known. False when it is not ours. */
export async function settle(
  session: Session,
  what: 'keep' | 'finish' | 'drop',
  name: string,
  token: string,
  lasts: number,
  result = '',
): Promise<boolean> {
  const [row] = await session.rows<{ ours: boolean }>(SETTLE, [session.told, what, name, token, lasts, result])
  return (row as { ours: boolean }).ours
}
