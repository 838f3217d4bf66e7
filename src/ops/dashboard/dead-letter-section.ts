/** What failed for good, why, and the two things a person can do about it. */
import type { DeadCause, DeadLetter } from '../../work/job.ts'
import type { DeadLetterGroup, DeadLetterStats } from '../source.ts'
import { sign } from './drawing.ts'
import type { Content, Markup } from './html.ts'
import { html } from './html.ts'
import { CAUSES, jobLink } from './job-words.ts'
import { ago, countdown, countText, plural } from './moments.ts'

export interface DeadLetterSectionOptions {
  readonly letters: readonly DeadLetter[]
  /** Pending and exhausted together, shown or not. */
  readonly total: number
  readonly stats: DeadLetterStats
  readonly now: number
}

export function deadLetterSection({ letters, total, stats, now }: DeadLetterSectionOptions): Markup {
  return html`<section aria-labelledby="dead-letters-title" id="dead-letters"><h2 id="dead-letters-title">Dead letters</h2>
<div id="dead-letter-list" data-live>${
    letters.length === 0
      ? html`<p class="empty">None. What fails for good is kept here, never thrown away.</p>`
      : html`<p class="actions">${redriveAll(total)}<span class="quiet">${total > letters.length ? `${countText(letters.length)} of ${countText(total)} are shown.` : ''}</span></p>${summary(stats, now)}${table(letters, now)}`
  }</div></section>`
}

/** So many targets are told apart; `holdfast dlq stats` has all. */
const MOST_GROUPS = 10

function summary({ groups, oldestAt, nextRetryAt, causes }: DeadLetterStats, now: number): Markup {
  const open = groups.filter(({ pending, exhausted }) => pending + exhausted > 0)
  const told = Object.entries(causes).sort(([, a], [, b]) => b - a)
  const lane = ({ target, kind, pending, exhausted }: DeadLetterGroup): Markup =>
    html`<li><b>${countText(pending + exhausted)}</b> ${kind} for <span class="long">${target}</span>${exhausted > 0 ? ` (${countText(exhausted)} for a person)` : ''}</li>`
  return html`<p class="quiet" id="dead-letter-summary">${oldestAt === undefined ? '' : html`The oldest came ${ago(oldestAt, now)}. `}${nextRetryAt === undefined ? 'None comes back by its clock.' : html`The next is tried again ${countdown(nextRetryAt, now)}.`}${told.length === 0 ? '' : ` Why: ${told.map(([cause, count]) => `${CAUSES[cause as DeadCause] ?? cause} (${countText(count)})`).join(', ')}.`}</p>
${open.length < 2 ? '' : html`<ul class="quiet" aria-label="Dead letters by target and kind">${open.slice(0, MOST_GROUPS).map(lane)}${open.length > MOST_GROUPS ? html`<li>and more: <code>holdfast dlq stats</code></li>` : ''}</ul>`}`
}

/** The most that one call takes; it can be pressed again. */
const AT_ONCE = 1000

function redriveAll(total: number): Markup {
  const many =
    total === 1
      ? 'the dead letter'
      : total <= AT_ONCE
        ? `all ${countText(total)} dead letters`
        : `the first ${countText(AT_ONCE)} dead letters`
  return html`<button type="button" id="redrive all" data-call="/v1/dead-letters/redrive" data-body="${JSON.stringify({ limit: AT_ONCE })}" data-confirm="${`Redrive ${many}? Each runs again from its first attempt.`}">Redrive all</button>`
}

function table(letters: readonly DeadLetter[], now: number): Markup {
  return html`<table class="rows"><caption class="hidden">Dead letters that are pending or exhausted</caption>
<thead><tr><th scope="col">Job</th><th scope="col">Kind</th><th scope="col">Target</th><th scope="col">Cause</th><th scope="col">Died</th><th scope="col">What happens next</th><th scope="col"><span class="hidden">Actions</span></th></tr></thead>
<tbody>${letters.map((letter) => row(letter, now))}</tbody></table>`
}

function row(letter: DeadLetter, now: number): Markup {
  const { id, kind, target, cause, error, attempts } = letter
  const path = `/v1/dead-letters/${encodeURIComponent(id)}`
  return html`<tr>
<th scope="row">${jobLink(id)}</th>
<td>${kind}</td>
<td class="long">${target}</td>
<td class="why"><span class="badge bad">${sign('dead')}${CAUSES[cause] ?? cause}</span> <span class="quiet">${plural(attempts, 'attempt')}</span> <code class="error">${error.name}: ${error.message.slice(0, 160)}</code></td>
<td class="end">${ago(letter.createdAt, now)}</td>
<td class="wide">${nextText(letter, now)}</td>
<td class="actions" role="group" aria-label="${`Actions for ${id}`}"><button type="button" id="${`redrive ${id}`}" data-call="${`${path}/redrive`}">Redrive</button><button type="button" class="danger" id="${`discard ${id}`}" data-call="${`${path}/discard`}" data-confirm="${`Discard the dead letter of ${kind}? It is not tried again.`}">Discard</button></td>
</tr>`
}

function nextText({ status, nextRetryAt, targetDown }: DeadLetter, now: number): Content {
  if (status === 'exhausted') return 'Waits for a person.'
  if (targetDown) return 'Comes back when its target answers.'
  return nextRetryAt === undefined ? 'Waits for a person.' : html`Tried again ${countdown(nextRetryAt, now)}.`
}
