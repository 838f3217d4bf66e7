/** One job: why it is where it is, its story, and what it carries. */
import type { HistoryEntry } from '../../work/job.ts'
import type { JobView } from '../source.ts'
import type { Content, Markup } from './html.ts'
import { html } from './html.ts'
import { stateBadge, when, whyText } from './job-words.ts'
import { clockTime, countdown, countText } from './moments.ts'

export function jobPage(job: JobView, now: number): Markup {
  return html`<article id="job" data-live class="job">
<p class="crumbs"><a href="/#jobs">Jobs</a></p>
<h1>${job.kind} <span class="quiet">for</span> ${job.target}</h1>
<p class="standing">${stateBadge(job)} <span>${whyText(job, now)}</span></p>
<div class="actions" role="group" aria-label="Actions">${actions(job)}</div>
<div class="columns">
<section aria-labelledby="story-title"><h2 id="story-title">What happened</h2>${story(job, now)}</section>
<section aria-labelledby="facts-title"><h2 id="facts-title">Details</h2>${facts(job, now)}</section>
</div>
<section aria-labelledby="payload-title"><h2 id="payload-title">Payload</h2><pre tabindex="0"><code>${pretty(job.payload)}</code></pre></section>
${job.result === undefined ? '' : html`<section aria-labelledby="result-title"><h2 id="result-title">Result</h2><pre tabindex="0"><code>${pretty(job.result)}</code></pre></section>`}
</article>`
}

function actions({ id, state, kind }: JobView): Content {
  const path = `/v1/jobs/${encodeURIComponent(id)}`
  const letter = `/v1/dead-letters/${encodeURIComponent(id)}`
  return [
    ['scheduled', 'parked', 'cancelled'].includes(state) &&
      html`<button type="button" id="retry" data-call="${`${path}/retry`}">${state === 'scheduled' ? 'Run now' : 'Retry'}</button>`,
    ['scheduled', 'available', 'running', 'parked'].includes(state) &&
      html`<button type="button" class="danger" id="cancel" data-call="${`${path}/cancel`}" data-confirm="${`Cancel this ${kind}?`}">Cancel</button>`,
    state === 'dead' && html`<button type="button" id="redrive" data-call="${`${letter}/redrive`}">Redrive</button>`,
    state === 'dead' &&
      html`<button type="button" class="danger" id="discard" data-call="${`${letter}/discard`}" data-confirm="Discard it? It is not tried again.">Discard</button>`,
  ]
}

function story(job: JobView, now: number): Markup {
  const upcoming = job.nextRunAt !== undefined && (job.state === 'scheduled' || job.state === 'available')
  return html`<ol class="story">
<li><p><strong>sent</strong> ${when(job.createdAt, now)}</p></li>
${job.history.map((entry) => storyLine(entry, now))}
${job.state === 'running' && job.startedAt !== undefined ? html`<li class="current"><p><strong>runs</strong> attempt ${job.attempts} ${when(job.startedAt, now)}</p></li>` : ''}
${upcoming ? html`<li class="next"><p><strong>${job.heldBy === undefined ? 'runs' : 'may run'}</strong> ${countdown(job.nextRunAt as number, now)}</p></li>` : ''}
</ol>`
}

function storyLine({ at, event, attempt, reason, error, worker }: HistoryEntry, now: number): Markup {
  return html`<li class="${event}"><p><strong>${event}</strong>${attempt > 0 ? ` attempt ${attempt}` : ''} ${when(at, now)}</p>
${reason === undefined ? '' : html`<p>${reason}</p>`}
${error === undefined ? '' : html`<p><code class="error">${error.name}: ${error.message}</code>${error.status === undefined ? '' : ` status ${error.status}`}</p>`}
${worker === undefined ? '' : html`<p class="quiet">worker ${worker}</p>`}</li>`
}

function facts(job: JobView, now: number): Markup {
  const fact = (label: string, value: Content): Markup => html`<div><dt>${label}</dt><dd>${value}</dd></div>`
  return html`<dl class="facts">
${fact('Id', html`<code>${job.id}</code>`)}
${job.idempotencyKey === undefined ? '' : fact('Idempotency key', html`<code>${job.idempotencyKey}</code>`)}
${job.batchId === undefined ? '' : fact('Batch', html`<a href="${`/?batch=${encodeURIComponent(job.batchId)}#jobs`}">${job.batchId}</a>`)}
${fact('Attempts', job.maxAttempts === undefined ? countText(job.attempts) : `${countText(job.attempts)} of ${countText(job.maxAttempts)}`)}
${fact('Priority', String(job.priority))}
${job.generation > 0 ? fact('Redriven', `${countText(job.generation)} times`) : ''}
${job.lostLeases > 0 ? fact('Workers lost', countText(job.lostLeases)) : ''}
${job.worker === undefined ? '' : fact('Worker', html`<code>${job.worker}</code>`)}
${job.traceparent === undefined ? '' : fact('Trace', html`<code>${job.traceparent}</code>`)}
${job.finishedAt === undefined ? '' : fact('Finished', clockTime(job.finishedAt, now))}
</dl>`
}

/** Longer than this, the end is cut: a page is for looking. */
const LONGEST = 20_000

function pretty(value: unknown): string {
  const text = JSON.stringify(value, undefined, 2) ?? 'nothing'
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}\n… ${countText(text.length - LONGEST)} characters more` : text
}
