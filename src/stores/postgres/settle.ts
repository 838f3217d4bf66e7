/**
 * Carries out what became of claimed jobs, each under its fence.
 */
import type { Settlement } from '../../work/store.ts'
import { settled } from '../rules/job-changes.ts'
import { closedLetter, letterOf } from '../rules/letter-changes.ts'
import type { HeldJobs } from './changes.ts'
import { lockJobs, writeChanges } from './changes.ts'
import type { Held } from './held.ts'
import type { Session } from './session.ts'
import { areDistinct, succeedAtOnce } from './succeed.ts'

/** Answers the ids whose fence did not hold; needs a transaction. */
export async function settle(session: Session, settlements: readonly Settlement[]): Promise<readonly string[]> {
  const rest = areDistinct(settlements) ? await succeedAtOnce(session, settlements) : settlements
  if (rest.length === 0) return []
  const jobs = await lockJobs(session, [...new Set(rest.map(({ id }) => id))])
  const refused: string[] = []
  // Letters are numbered in the order of the deaths.
  const changed = new Set<Held>()
  for (const settlement of rest) {
    const held = settleOne(jobs, settlement)
    if (held === undefined) refused.push(settlement.id)
    else changed.add(held)
  }
  await writeChanges(session, changed)
  return refused
}

function settleOne({ now, byId }: HeldJobs, settlement: Settlement): Held | undefined {
  const held = byId.get(settlement.id)
  if (held === undefined || held.job.state !== 'running' || held.job.token !== settlement.token) return undefined
  held.job = settled(held.job, settlement, now)
  if (settlement.type === 'dead') held.letter = letterOf(held.job, settlement, held.letter, now)
  else closeLetter(held)
  return held
}

/** The job has ended otherwise than by dying: its dead letter, if it has one, ends too. */
export function closeLetter(held: Held): void {
  held.letter = (held.letter && closedLetter(held.letter, held.job)) ?? held.letter
}
