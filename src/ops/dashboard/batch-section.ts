/** Jobs that belong together: how far they are, since when, and what follows when all have ended. */
import type { Batch, Status } from '../source.ts'
import type { Content, Markup } from './html.ts'
import { html } from './html.ts'
import { jobLink } from './job-words.ts'
import { meter } from './meter.ts'
import { ago, countText, plural } from './moments.ts'

/** Those that have not ended first; nothing at all when there are none. */
export function batchSection({ batches, now }: Status): Content {
  if (batches.length === 0) return html`<div id="batches" data-live></div>`
  return html`<div id="batches" data-live><section aria-labelledby="batches-title"><h2 id="batches-title">Batches</h2>
<table class="rows"><caption class="hidden">Batches, those that have not ended first</caption>
<thead><tr><th scope="col">Batch</th><th scope="col">Progress</th><th scope="col">Sent</th><th scope="col">What follows</th></tr></thead>
<tbody>${batches.map((batch) => row(batch, now))}</tbody></table></section></div>`
}

function row(batch: Batch, now: number): Markup {
  const { id, total, pending, createdAt } = batch
  const ended = total - pending
  return html`<tr><th scope="row" class="name"><a href="${`/?batch=${encodeURIComponent(id)}#jobs`}" title="${id}">${shortOf(id)}</a></th>
<td class="progress">${countText(ended)} of ${countText(total)} ended${outcomes(batch)}${meter(ended, total)}</td>
<td class="end">${ago(createdAt, now)}</td>
<td class="wide">${nextText(batch, now)}</td></tr>`
}

/** Names that people gave are told in full; of one that was made, the end tells it from the others. */
function shortOf(id: string): string {
  return /^[0-9A-HJKMNP-TV-Z]{26}$/.test(id) ? `…${id.slice(-10)}` : id
}

/** Success is not worth a word; what did not succeed is. */
function outcomes({ dead, cancelled }: Batch): Content {
  return [
    dead > 0 && html`, <span class="bad">${countText(dead)} dead</span>`,
    cancelled > 0 && `, ${countText(cancelled)} cancelled`,
  ]
}

function nextText({ completedAt, parked = 0, callback, callbackKind }: Batch, now: number): Content {
  if (completedAt !== undefined)
    return html`Ended ${ago(completedAt, now)}${callback === undefined ? '' : html`; then ${callbackKind} ${jobLink(callback)}`}.`
  const follows = callbackKind === undefined ? 'Nothing follows.' : `When all have ended, ${callbackKind} follows.`
  if (parked === 0) return follows
  const waits = `${plural(parked, 'job')} ${parked === 1 ? 'waits' : 'wait'} for a person: retry or cancel ${parked === 1 ? 'it' : 'them'}.`
  return `${waits} ${follows}`
}
