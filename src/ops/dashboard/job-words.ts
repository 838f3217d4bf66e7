/** Jobs in words: what their state is called, and why one does not run. */
import type { DeadCause, JobState } from '../../work/job.ts'
import type { JobView } from '../source.ts'
import type { Shape } from './drawing.ts'
import { sign } from './drawing.ts'
import type { Content, Markup } from './html.ts'
import { html } from './html.ts'
import { ago, clockTime, countdown, plural } from './moments.ts'

const SIGNS: Readonly<Record<JobState, { readonly shape: Shape; readonly tone: string }>> = {
  scheduled: { shape: 'waiting', tone: 'still' },
  available: { shape: 'waiting', tone: 'still' },
  running: { shape: 'running', tone: 'ok' },
  succeeded: { shape: 'done', tone: 'ok' },
  dead: { shape: 'dead', tone: 'bad' },
  cancelled: { shape: 'none', tone: 'still' },
  parked: { shape: 'paused', tone: 'warn' },
}

export function stateBadge({ state, heldBy }: JobView): Markup {
  const held = state === 'available' && heldBy !== undefined
  const { shape, tone } = held ? { shape: 'paused' as const, tone: 'warn' } : SIGNS[state]
  return html`<span class="badge ${tone}">${sign(shape)}${held ? 'held' : state === 'available' ? 'waiting' : state}</span>`
}

const HELD: Readonly<Record<string, string>> = {
  breaker: 'its target is not answering',
  limit: "its target's rate limit is used up",
  pause: 'its target is paused',
  concurrency: 'its target is busy',
}

const NEXT: Readonly<Record<string, string>> = {
  breaker: 'Next probe',
  limit: 'Next turn',
  pause: 'Resumes',
  concurrency: 'Looked at again',
}

/** Why it is where it is, and what happens next. */
export function whyText(job: JobView, now: number): Content {
  switch (job.state) {
    case 'available':
      if (job.heldBy === undefined) return job.cancelRequested ? 'Is being cancelled.' : 'Runs as soon as a worker is free.'
      return html`Held: ${job.heldReason ?? HELD[job.heldBy]}.${job.heldUntil === undefined ? '' : html` ${NEXT[job.heldBy]} ${countdown(job.heldUntil, now)}.`}`
    case 'scheduled':
      return html`${job.attempts === 0 ? 'Runs' : `Failed ${plural(job.attempts, 'time')}; runs again`} ${countdown(job.nextRunAt ?? job.runAt, now)}.`
    case 'running':
      return html`${job.cancelRequested ? 'Asked to stop; ' : ''}attempt ${job.attempts}, ${job.startedAt === undefined ? 'started' : html`started ${ago(job.startedAt, now)}`}.`
    case 'succeeded':
      return html`Succeeded${job.finishedAt === undefined ? '' : html` ${ago(job.finishedAt, now)}`}.`
    case 'dead':
      return html`Failed for good after ${plural(job.attempts, 'attempt')}.`
    case 'cancelled':
      return html`Cancelled${job.finishedAt === undefined ? '' : html` ${ago(job.finishedAt, now)}`}.`
    case 'parked':
      return 'Nobody knows whether its last attempt took effect. It waits for a person: retry or cancel it.'
  }
}

export const CAUSES: Readonly<Record<DeadCause, string>> = {
  attempts: 'all attempts used up',
  rejected: 'the target said never',
  poison: 'took its worker down',
  forbidden: 'not allowed here',
  expired: 'too late to be of use',
}

export function jobLink(id: string): Markup {
  return html`<a class="id" href="${`/jobs/${encodeURIComponent(id)}`}" title="${id}">${id.length > 14 ? `…${id.slice(-10)}` : id}</a>`
}

export function when(at: number, now: number): Markup {
  return html`${ago(at, now)} <span class="quiet">${clockTime(at, now)}</span>`
}
