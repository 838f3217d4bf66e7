/**
 * The life of a job, as data. Every state change of every store is one of these transitions; the diagram in
 * docs/work/lifecycle.md is compared with this table by a test.
 */
import type { JobState } from './job.ts'

export type Transition =
  | 'enqueue'
  | 'schedule'
  | 'become-due'
  | 'claim'
  | 'succeed'
  | 'retry-later'
  | 'return'
  | 'rescue'
  | 'die'
  | 'park'
  | 'cancel'
  | 'retry-now'
  | 'redrive'

export const LIFECYCLE: Readonly<Record<Transition, { readonly from: readonly (JobState | 'new')[]; readonly to: JobState }>> = {
  enqueue: { from: ['new'], to: 'available' },
  schedule: { from: ['new'], to: 'scheduled' },
  'become-due': { from: ['scheduled'], to: 'available' },
  claim: { from: ['available'], to: 'running' },
  succeed: { from: ['running'], to: 'succeeded' },
  'retry-later': { from: ['running'], to: 'scheduled' },
  /** Handed back without a delay; with one, the job is scheduled. */
  return: { from: ['running'], to: 'available' },
  rescue: { from: ['running'], to: 'available' },
  die: { from: ['running'], to: 'dead' },
  park: { from: ['running'], to: 'parked' },
  cancel: { from: ['scheduled', 'available', 'running', 'parked'], to: 'cancelled' },
  'retry-now': { from: ['scheduled', 'parked', 'dead', 'cancelled'], to: 'available' },
  redrive: { from: ['dead'], to: 'available' },
}

/** True when the job will never run again by itself. */
export function isFinal(state: JobState): boolean {
  return state === 'succeeded' || state === 'dead' || state === 'cancelled'
}

/** True when `transition` may happen to a job in `state`. */
export function mayHappen(transition: Transition, state: JobState | 'new'): boolean {
  return LIFECYCLE[transition].from.includes(state)
}
