/** A right that one owner has at a time. */
import type { LeaseAnswer } from '../../../core/shared-state.ts'
import type { Session } from '../session.ts'

const ACQUIRE = 'SELECT holder, ends, at_ms AS now FROM @acquire($1, $2, $3, $4)'
const RELEASE = 'DELETE FROM @leases WHERE name = $1 AND owner = $2'

export async function acquire(session: Session, name: string, owner: string, ttlMs: number): Promise<LeaseAnswer> {
  const [row] = await session.rows<{ holder: string; ends: number; now: number }>(ACQUIRE, [session.told, name, owner, ttlMs])
  const { holder, ends: until, now } = row as { holder: string; ends: number; now: number }
  return holder === owner ? { granted: true, until, now } : { granted: false, owner: holder, until, now }
}

export async function release(session: Session, name: string, owner: string): Promise<void> {
  await session.rows(RELEASE, [name, owner])
}
