/** Targets as the windows show them: what the process knows of each, joined with the jobs that the store counts. */
import { NO_LATENCY } from '../ops/metrics/latency.ts'
import type { TargetStatus } from '../ops/source.ts'
import type { Target, TargetSnapshot } from '../targets/target.ts'
import type { JobState } from '../work/job.ts'
import type { JobCount } from '../work/store.ts'
import type { Sharing } from './sharing.ts'
import type { TargetBook } from './target-book.ts'

export type JobsByState = Partial<Record<JobState, number>>

export function jobsByTarget(counts: readonly JobCount[]): ReadonlyMap<string, JobsByState> {
  const byTarget = new Map<string, Partial<Record<JobState, number>>>()
  for (const { target, state, count } of counts) {
    const jobs = byTarget.get(target) ?? {}
    jobs[state] = (jobs[state] ?? 0) + count
    byTarget.set(target, jobs)
  }
  return byTarget
}

/** What the store tells of a target that this process has not met. */
export function viewStranger(name: string, jobs: JobsByState): TargetStatus {
  return { name, latency: NO_LATENCY, successes: 0, failures: 0, jobs, held: 0 }
}

/** So many targets are in a status; `GET /v1/targets` has all of them. */
export const MOST_TARGETS = 500

/** Of many those first that something is the matter with, then those that work waits for; they keep their order. */
export function mostTelling(targets: readonly TargetStatus[]): readonly TargetStatus[] {
  if (targets.length <= MOST_TARGETS) return targets
  const told = new Set(targets.toSorted((a, b) => weightOf(b) - weightOf(a)).slice(0, MOST_TARGETS))
  return targets.filter((target) => told.has(target))
}

function weightOf({ breaker, paused, held, jobs }: TargetStatus): number {
  const inTrouble = held > 0 || paused !== undefined || (breaker !== undefined && breaker.state !== 'closed')
  const busy = (jobs.running ?? 0) + (jobs.available ?? 0) + (jobs.scheduled ?? 0) + (jobs.dead ?? 0)
  return (inTrouble ? 1e12 : 0) + held + busy
}

export function viewTarget(target: Target, jobs: JobsByState, book: TargetBook, sharing?: Sharing): TargetStatus {
  const snapshot = target.snapshot()
  const admission = target.admit()
  const { bulkhead, successes, failures, lastError, name } = snapshot
  return {
    name,
    ...breakerOf(snapshot, sharing),
    ...limiterOf(snapshot),
    bulkhead: bulkhead ?? { inFlight: snapshot.inFlight, limit: 0, queued: 0 },
    ...pauseOf(snapshot),
    ...(admission.admitted ? {} : heldOf(admission)),
    latency: book.latency(name),
    successes,
    failures,
    jobs,
    held: admission.admitted ? 0 : (jobs.available ?? 0),
    ...(lastError === undefined ? {} : { lastError }),
  }
}

function breakerOf({ breaker, name }: TargetSnapshot, sharing: Sharing | undefined): Pick<TargetStatus, 'breaker'> {
  if (breaker === undefined) return {}
  const { state, since, reason, probeAt, calls, failures } = breaker
  const story = reason === '' ? {} : { reason }
  const next = probeAt === undefined ? {} : { probeAt }
  return { breaker: { state, since, failures, calls, ...next, ...story, ...sharing?.openedBy(name) } }
}

function limiterOf({ limiter }: TargetSnapshot): Pick<TargetStatus, 'limiter'> {
  if (limiter === undefined) return {}
  const { available, capacity, nextAt } = limiter
  return { limiter: { available, capacity, ...(nextAt === undefined ? {} : { nextAt }) } }
}

function pauseOf({ pausedUntil, pausedSince }: TargetSnapshot): Pick<TargetStatus, 'paused'> {
  if (pausedUntil === undefined) return {}
  const since = pausedSince === undefined ? {} : { since: pausedSince }
  return { paused: { ...since, ...(Number.isFinite(pausedUntil) ? { until: pausedUntil } : {}) } }
}

function heldOf({
  heldBy,
  heldUntil,
  reason,
}: {
  heldBy: NonNullable<TargetStatus['heldBy']>
  heldUntil?: number
  reason: string
}) {
  return { heldBy, heldReason: reason, ...(heldUntil === undefined ? {} : { heldUntil }) }
}
