/**
 * Small named states of targets: a breaker's snapshot, a pause.
 */
import type { StoredState } from '../../core/state-store.ts'
import type { Session } from './session.ts'
import { CLOCK } from './session.ts'

const READ = 'SELECT name, value, updated_at AS "updatedAt" FROM @states WHERE starts_with(name, $1) ORDER BY name'
const WRITE = `
  WITH ${CLOCK}
  INSERT INTO @states (name, value, updated_at) SELECT $2, $3, now FROM clock
  ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`

export async function readStates(session: Session, prefix: string): Promise<readonly StoredState[]> {
  const rows = await session.rows<{ name: string; value: string; updatedAt: number }>(READ, [prefix])
  return rows.map(({ name, value, updatedAt }) => ({ name, value: JSON.parse(value) as unknown, updatedAt }))
}

export async function writeState(session: Session, name: string, value: unknown): Promise<void> {
  await session.rows(WRITE, [session.told, name, (JSON.stringify(value) as string | undefined) ?? 'null'])
}

export async function deleteState(session: Session, name: string): Promise<void> {
  await session.rows('DELETE FROM @states WHERE name = $1', [name])
}
