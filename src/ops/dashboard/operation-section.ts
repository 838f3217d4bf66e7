/** Operations of the recent past, in numbers. */
import type { Status } from '../source.ts'
import type { Content } from './html.ts'
import { html } from './html.ts'
import { countText, latencyText } from './moments.ts'

const MOST = 20

/** The busiest first; nothing at all when nothing ran. */
export function operationSection({ operations }: Status): Content {
  if (operations.length === 0) return html`<div id="operations" data-live></div>`
  const shown = [...operations].sort((a, b) => b.count - a.count).slice(0, MOST)
  return html`<div id="operations" data-live><section aria-labelledby="operations-title"><h2 id="operations-title">Operations</h2>
<table class="rows figures"><caption class="hidden">Operations, the busiest first</caption>
<thead><tr><th scope="col">Operation</th><th scope="col">Calls</th><th scope="col">Average</th><th scope="col">p95</th><th scope="col">p99</th><th scope="col">Retries</th><th scope="col">Failures</th></tr></thead>
<tbody>${shown.map(
    (operation) =>
      html`<tr><th scope="row" data-label="Operation" class="long">${nameOf(operation.operation)}</th><td data-label="Calls" class="number">${countText(operation.count)}</td><td data-label="Average" class="number">${took(operation, operation.avgMs)}</td><td data-label="p95" class="number">${took(operation, operation.p95Ms)}</td><td data-label="p99" class="number">${took(operation, operation.p99Ms)}</td><td data-label="Retries" class="number">${countText(operation.retries)}</td><td data-label="Failures" class="number">${countText(operation.failures)}</td></tr>`,
  )}</tbody></table></section></div>`
}

/** `job:x` is the whole of a job of kind x, as against the calls that it made. */
function nameOf(operation: string): Content {
  return operation.startsWith('job:') ? html`${operation.slice('job:'.length)} <span class="quiet">jobs</span>` : operation
}

function took({ count }: Status['operations'][number], ms: number): string {
  return count === 0 ? '–' : latencyText(ms)
}
