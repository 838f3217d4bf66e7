import type { DeadLetter, Job } from '../../work/job.ts'
import { isFinal } from '../../work/lifecycle.ts'
import type { DeadLetterCount, JobCount } from '../../work/store.ts'

/** Jobs by kind, target and state. */
export function countJobs(jobs: readonly Job[]): readonly JobCount[] {
  const counts = new Map<string, { -readonly [K in keyof JobCount]: JobCount[K] }>()
  for (const { kind, target, state, runAt } of jobs) {
    const name = JSON.stringify([kind, target, state])
    const oldest = isFinal(state) ? 0 : runAt
    const count = counts.get(name)
    if (count === undefined) counts.set(name, { kind, target, state, count: 1, oldestRunAt: oldest })
    else {
      count.count++
      count.oldestRunAt = Math.min(count.oldestRunAt, oldest)
    }
  }
  return [...counts.values()]
}

/** Dead letters by kind, target and status. */
export function countLetters(letters: readonly DeadLetter[]): readonly DeadLetterCount[] {
  const counts = new Map<string, { -readonly [K in keyof DeadLetterCount]: DeadLetterCount[K] }>()
  for (const { kind, target, status } of letters) {
    const name = JSON.stringify([kind, target, status])
    const count = counts.get(name)
    if (count === undefined) counts.set(name, { kind, target, status, count: 1 })
    else count.count++
  }
  return [...counts.values()]
}
