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
      html`<tr><th scope="row" data-label="Operation" class="long">${operation.operation}</th><td data-label="Calls" class="number">${countText(operation.count)}</td><td data-label="Average" class="number">${latencyText(operation.avgMs)}</td><td data-label="p95" class="number">${latencyText(operation.p95Ms)}</td><td data-label="p99" class="number">${latencyText(operation.p99Ms)}</td><td data-label="Retries" class="number">${countText(operation.retries)}</td><td data-label="Failures" class="number">${countText(operation.failures)}</td></tr>`,
  )}</tbody></table></section></div>`
}
