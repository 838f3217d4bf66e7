/** Dead letters in numbers, as the windows show them. */
import type { DeadLetterGroup, DeadLetterStats } from '../ops/source.ts'
import { DEAD_LETTER_STATUSES, type DeadLetterStatus } from '../work/job.ts'
import type { DeadLetterCount, DeadLetterFacts } from '../work/store.ts'

const MOST_GROUPS = 500

export function letterStats(counts: readonly DeadLetterCount[], facts: DeadLetterFacts): DeadLetterStats {
  const total = none()
  const groups = new Map<string, DeadLetterGroup & Record<DeadLetterStatus, number>>()
  for (const { target, kind, status, count } of counts) {
    const name = JSON.stringify([target, kind])
    const group = groups.get(name) ?? { target, kind, ...none() }
    groups.set(name, group)
    group[status] += count
    total[status] += count
  }
  const sorted = [...groups.values()].sort(
    (a, b) => openOf(b) - openOf(a) || compare(a.target, b.target) || compare(a.kind, b.kind),
  )
  return {
    deadLetters: total,
    groups: sorted.slice(0, MOST_GROUPS),
    ...(sorted.length > MOST_GROUPS ? { moreGroups: sorted.length - MOST_GROUPS } : {}),
    ...facts,
  }
}

export function openOf({ pending, exhausted }: Readonly<Record<'pending' | 'exhausted', number>>): number {
  return pending + exhausted
}

function none(): Record<DeadLetterStatus, number> {
  return Object.fromEntries(DEAD_LETTER_STATUSES.map((status) => [status, 0])) as Record<DeadLetterStatus, number>
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
