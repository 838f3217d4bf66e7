/** Which event tells of which settlement. Emitted only once the store has taken it. */
import type { EventBus, WorkEvent } from '../core/events.ts'
import type { Job } from './job.ts'
import type { Settlement } from './store.ts'

export function tellSettled(events: EventBus, at: number, job: Job, settlement: Settlement, durationMs: number): void {
  if (!events.active) return
  const common = { at, job: job.id, kind: job.kind, target: job.target }
  events.emit(eventOf(common, job, settlement, durationMs))
}

/** What tells that a job went to another worker; `at` is the caller's to add. */
export function lostLease(job: Job, worker: string) {
  return { type: 'job.lost-lease', job: job.id, kind: job.kind, target: job.target, worker } as const
}

function eventOf(
  common: { at: number; job: string; kind: string; target: string },
  job: Job,
  settlement: Settlement,
  durationMs: number,
): WorkEvent {
  const attempt = job.attempts
  switch (settlement.type) {
    case 'succeeded':
      return { ...common, type: 'job.succeeded', attempt, durationMs }
    case 'retry':
      return { ...common, type: 'job.retrying', attempt, delayMs: settlement.delayMs, error: settlement.error }
    case 'returned':
      return { ...common, type: 'job.returned', reason: settlement.reason, delayMs: settlement.delayMs }
    case 'dead':
      return { ...common, type: 'job.dead', attempt, cause: settlement.cause, error: settlement.error }
    case 'parked':
      return { ...common, type: 'job.parked', reason: settlement.reason }
    case 'cancelled':
      return { ...common, type: 'job.cancelled' }
    case 'rescued':
      return { ...common, type: 'job.rescued', from: job.worker ?? '', to: 'available', reason: settlement.reason }
  }
}
