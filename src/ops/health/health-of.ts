/**
 * What the state of things says about health, in reasons that people can read.
 *
 * Trouble outside (an open breaker, dead letters, a backlog) is `degraded`: the process holds the work and goes on. Only a
 * store that takes no writes is `unhealthy`, because then nothing can be promised.
 */
import { formatDuration } from '../../core/duration.ts'
import type { DeadLetterStatus } from '../../work/job.ts'
import type { Health, HealthReason, Status, TargetStatus } from '../source.ts'
import { worstOf } from './health-checks.ts'

export interface HealthFacts {
  /** Epoch ms. */
  readonly now: number
  /** `since`: when those who work on it noticed. */
  readonly store: Pick<Status['store'], 'ok' | 'message'> & { readonly since?: number | undefined }
  readonly shared?: Pick<NonNullable<Status['shared']>, 'ok' | 'message'>
  readonly targets: readonly TargetStatus[]
  readonly deadLetters: Partial<Record<DeadLetterStatus, number>>
  /** When the oldest came that is pending or exhausted. */
  readonly oldestLetterAt?: number | undefined
  readonly held: number
  readonly oldestWaitingMs: number
  readonly worker?: Pick<Status['worker'], 'state'> & {
    readonly skewMs?: number
    /** The store's clock and this process's differ by more than people should live with. */
    readonly isSkewed?: boolean
  }
  /** Reasons from registered checks, added as they are. */
  readonly checks?: readonly HealthReason[]
}

export interface HealthLimits {
  /** A due job that waits longer than this, without being held, is a backlog. Default 5 min. */
  readonly backlogMs?: number
}

export interface HealthVerdict {
  readonly status: Health
  readonly reasons: readonly HealthReason[]
}

/** Remembers since when each reason holds, from one verdict to the next. */
export type Since = Map<string, number>

/** @param since kept by the caller between verdicts; without one, reasons begin now unless the facts say when */
export function healthOf(facts: HealthFacts, limits: HealthLimits = {}, since: Since = new Map()): HealthVerdict {
  const found = [
    ...storeReasons(facts),
    ...sharedReasons(facts),
    ...targetsReasons(facts),
    ...deadLetterReasons(facts),
    ...backlogReasons(facts, limits.backlogMs ?? 300_000),
    ...workerReasons(facts),
    ...clockReasons(facts),
  ]
  const seen = new Set(found.map(({ check }) => check))
  for (const check of since.keys()) if (!seen.has(check)) since.delete(check)
  const reasons = found.map((reason) => {
    const began = reason.since ?? since.get(reason.check) ?? facts.now
    since.set(reason.check, began)
    return { ...reason, since: began }
  })
  const all = [...reasons, ...(facts.checks ?? [])]
  return { status: worstOf(all.map(({ status }) => status)), reasons: all }
}

type Found = Omit<HealthReason, 'since'> & { readonly since?: number }

function storeReasons({ store }: HealthFacts): readonly Found[] {
  if (store.ok) return []
  const because = store.message === undefined ? '' : `: ${store.message}`
  const began = store.since === undefined ? {} : { since: store.since }
  return [{ check: 'store', status: 'unhealthy', message: `the store takes no writes${because}`, ...began }]
}

/** Where jobs and state are in one store, one reason is enough. */
function sharedReasons({ store, shared }: HealthFacts): readonly Found[] {
  if (!store.ok || shared === undefined || shared.ok) return []
  return [{ check: 'shared-state', status: 'degraded', message: `shared state: ${shared.message ?? 'not there'}` }]
}

/** When a network goes, everything behind it does: then those that most work waits for stand for all. */
const MOST_TARGET_REASONS = 20

function targetsReasons({ targets, now }: HealthFacts): readonly Found[] {
  const ill = targets.filter((target) => targetReasons(target).length > 0)
  if (ill.length <= MOST_TARGET_REASONS) return ill.flatMap(targetReasons)
  const worst = ill.toSorted((a, b) => b.held - a.held).slice(0, MOST_TARGET_REASONS)
  const rest = ill.length - worst.length
  const began = Math.min(now, ...ill.map(({ breaker }) => breaker?.since ?? now))
  const more: Found = { check: 'targets', status: 'degraded', message: `${count(rest, 'more target')} in trouble`, since: began }
  return [...worst.flatMap(targetReasons), more]
}

function targetReasons({ name, breaker, paused, held }: TargetStatus): readonly Found[] {
  const waiting = held > 0 ? `, ${count(held, 'job')} held` : ''
  const check = `target:${name}`
  if (breaker?.state === 'isolated')
    return [{ check, status: 'degraded', message: `${name} is isolated by hand${waiting}`, since: breaker.since }]
  if (breaker?.state === 'open')
    return [{ check, status: 'degraded', message: `${name} is not answering${waiting}`, since: breaker.since }]
  if (breaker?.state === 'half-open')
    return [{ check, status: 'degraded', message: `${name} is being probed${waiting}`, since: breaker.since }]
  const began = paused?.since === undefined ? {} : { since: paused.since }
  // A pause is what somebody wanted; only work that piles up behind it is worth a word.
  if (paused !== undefined && held > 0) return [{ check, status: 'degraded', message: `${name} is paused${waiting}`, ...began }]
  return []
}

function deadLetterReasons({ deadLetters, oldestLetterAt }: HealthFacts): readonly Found[] {
  const pending = deadLetters.pending ?? 0
  const exhausted = deadLetters.exhausted ?? 0
  if (pending + exhausted === 0) return []
  const forPerson = exhausted > 0 ? `, ${exhausted} of them ${exhausted === 1 ? 'waits' : 'wait'} for a person` : ''
  const message = `${count(pending + exhausted, 'dead letter')}${forPerson}`
  return [{ check: 'dead-letters', status: 'degraded', message, ...(oldestLetterAt !== undefined && { since: oldestLetterAt }) }]
}

function backlogReasons({ now, oldestWaitingMs, held }: HealthFacts, limitMs: number): readonly Found[] {
  // Held jobs wait for their target, which has a reason of its own.
  if (oldestWaitingMs <= limitMs || held > 0) return []
  const message = `the oldest due job has waited ${formatDuration(oldestWaitingMs)}`
  return [{ check: 'backlog', status: 'degraded', message, since: now - (oldestWaitingMs - limitMs) }]
}

function workerReasons({ worker }: HealthFacts): readonly Found[] {
  if (worker === undefined || worker.state === 'running') return []
  return [{ check: 'worker', status: 'degraded', message: `the worker is ${worker.state}` }]
}

function clockReasons({ worker }: HealthFacts): readonly Found[] {
  if (worker?.isSkewed !== true) return []
  const { skewMs = 0 } = worker
  const message = `the store's clock is ${formatDuration(Math.abs(skewMs))} ${skewMs > 0 ? 'ahead of' : 'behind'} this host's`
  return [{ check: 'clock', status: 'degraded', message }]
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
