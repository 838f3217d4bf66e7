/** Token buckets, as rules/bucket.ts has them; the server decides, in functions of its own. */
import type { TakeAnswer } from '../../../core/shared-state.ts'
import type { CheckedTake, GiveBackRequest } from '../../rules/shared-arguments.ts'
import { RESEND_MS } from '../../rules/shared-arguments.ts'
import type { Session } from '../session.ts'

const TAKE = `SELECT granted, remaining, wait_ms AS "waitMs", at_ms AS now FROM @take($1, $2, $3, $4, $5, $6, $7, $8, $9)`
const GIVE_BACK = 'SELECT @give_back($1, $2, $3, $4, $5, $6)'
const BLOCK = 'SELECT @block($1, $2, $3)'

export async function take(session: Session, request: CheckedTake): Promise<TakeAnswer> {
  const { name, intervalMs, burst, cost, atLeast, maxWaitMs, requestId } = request
  const id = grantId('take', name, requestId)
  const asked = [session.told, name, intervalMs, burst, cost, atLeast, maxWaitMs, id, RESEND_MS]
  const [answer] = await session.rows<TakeAnswer>(TAKE, asked)
  return answer as TakeAnswer
}

export async function giveBack(session: Session, { name, intervalMs, requestId, tokens }: GiveBackRequest): Promise<void> {
  await session.rows(GIVE_BACK, [session.told, name, intervalMs, tokens, grantId('back', name, requestId), RESEND_MS])
}

export async function block(session: Session, name: string, ms: number): Promise<void> {
  await session.rows(BLOCK, [session.told, name, ms])
}

function grantId(what: 'take' | 'back', name: string, requestId: string): string {
  return `${what} ${name.length} ${name} ${requestId}`
}
