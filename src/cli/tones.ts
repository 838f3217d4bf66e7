/** Colours of words that mean something good or bad. */
import type { Health, TargetStatus } from '../ops/source.ts'
import type { DeadLetterStatus, JobState } from '../work/job.ts'
import type { Cell, Tone } from './printer.ts'

const TONES: Readonly<Record<Health | JobState | DeadLetterStatus, Tone>> = {
  healthy: 'good',
  degraded: 'warn',
  unhealthy: 'bad',
  scheduled: 'plain',
  available: 'plain',
  running: 'bold',
  succeeded: 'good',
  dead: 'bad',
  cancelled: 'dim',
  parked: 'warn',
  pending: 'warn',
  retrying: 'plain',
  exhausted: 'bad',
  resolved: 'good',
  discarded: 'dim',
}

/** A state, status or health with its colour. */
export function toned(word: Health | JobState | DeadLetterStatus): Cell {
  return { text: word, tone: TONES[word] ?? 'plain' }
}

export function breakerCell(breaker: TargetStatus['breaker']): Cell {
  if (breaker === undefined) return { text: '-', tone: 'dim' }
  const tone: Tone =
    breaker.state === 'closed' ? 'good' : breaker.state === 'disabled' ? 'dim' : breaker.state === 'half-open' ? 'warn' : 'bad'
  return { text: breaker.state, tone }
}
