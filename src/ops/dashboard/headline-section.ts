/** The top of the page: one sentence on how things stand, and the four answers for each trouble. */
import type { Status } from '../source.ts'
import { sea } from './drawing.ts'
import type { Content, Markup } from './html.ts'
import { html } from './html.ts'
import { clockTime, countText, plural, spanText } from './moments.ts'
import type { Trouble } from './troubles.ts'
import { troublesOf } from './troubles.ts'

const WORD = { healthy: 'Healthy', degraded: 'Degraded', unhealthy: 'Unhealthy' } as const

export function headlineSection(status: Status): Markup {
  const troubles = troublesOf(status)
  return html`<section class="hero ${status.status}" id="headline" data-live aria-labelledby="headline-text">
<div class="hero-text">
<p class="overall">${WORD[status.status]}</p>
<h1 id="headline-text">${headline(status, troubles)}</h1>
<p class="sub">${subline(status, troubles)}</p>
${troubles.length === 0 ? '' : html`<ol class="troubles" aria-label="What is wrong">${troubles.slice(0, 8).map((trouble) => troubleRow(trouble, status.now))}</ol>`}
${troubles.length > 8 ? html`<p class="more">and ${countText(troubles.length - 8)} more below</p>` : ''}
</div>
${sea(status.status)}
</section>
${numbers(status)}`
}

/** Pure words, for the page's title too. */
export function headlineText(status: Status): string {
  const worst = troublesOf(status)[0]
  const down = status.targets.filter(({ breaker }) => breaker?.state === 'open' || breaker?.state === 'half-open')
  if (worst?.severity === 'unhealthy') return worst.what
  if (down.length > 1) return `${countText(down.length)} targets are not answering`
  if (worst?.severity === 'degraded') return worst.what
  return status.targets.length === 0 ? 'Ready for the first job' : 'All targets are answering'
}

function headline(status: Status, troubles: readonly Trouble[]): Content {
  const text = headlineText(status)
  const first = troubles[0]
  return first?.what === text && first.since !== undefined ? html`${text} since ${clockTime(first.since, status.now)}` : text
}

function subline(status: Status, troubles: readonly Trouble[]): Content {
  const first = troubles.find(({ severity }) => severity !== 'note') ?? troubles[0]
  if (first === undefined)
    return `${plural(status.jobs.running, 'job')} running, ${countText(status.jobs.available)} waiting, nothing held.`
  const held = status.held > 0 ? `${plural(status.held, 'job')} held` : 'nothing held'
  return first.nextShort === undefined ? held : html`${held} · ${first.nextShort}`
}

function troubleRow({ severity, what, since, held, next, error }: Trouble, now: number): Markup {
  return html`<li class="trouble ${severity}"><dl>
<div class="what"><dt>What is wrong</dt><dd>${what}${error === undefined ? '' : html`<span class="error">${error.slice(0, 300)}</span>`}</dd></div>
<div><dt>Since</dt><dd>${since === undefined ? html`<span class="quiet">not noted</span>` : html`${clockTime(since, now)}<span class="quiet">for ${spanText(Math.max(0, now - since))}</span>`}</dd></div>
<div><dt>Held because of it</dt><dd>${held}</dd></div>
<div class="next"><dt>What happens next</dt><dd>${next}</dd></div>
</dl></li>`
}

function numbers(status: Status): Markup {
  const { jobs, deadLetters, held, worker, oldestWaitingMs } = status
  const figure = (label: string, value: string, note: string, href?: string): Markup =>
    html`<div><dt>${href === undefined ? label : html`<a href="${href}">${label}</a>`}</dt><dd>${value}<span class="quiet">${note}</span></dd></div>`
  return html`<section aria-label="Numbers" id="numbers" data-live><dl class="numbers">
${figure('Running', countText(jobs.running), `of ${countText(worker.concurrency)} at once`, '/?state=running#jobs')}
${figure('Waiting', countText(Math.max(0, jobs.available - held)), oldestWaitingMs > 0 ? `oldest ${spanText(oldestWaitingMs)}` : 'none is late', '/?state=available#jobs')}
${figure('Held', countText(held), held === 0 ? 'no target refuses' : 'until their target takes them', '/?state=available#jobs')}
${figure('Scheduled', countText(jobs.scheduled), 'for later', '/?state=scheduled#jobs')}
${figure('Dead letters', countText(deadLetters.pending + deadLetters.exhausted), deadLetters.exhausted > 0 ? `${countText(deadLetters.exhausted)} need a person` : 'none needs a person', '/#dead-letters')}
${figure('Succeeded', countText(jobs.succeeded), 'and still kept', '/?state=succeeded#jobs')}
</dl></section>`
}
