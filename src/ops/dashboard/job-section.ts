/** The recent jobs, filtered; and what to try when there are none. */
import { JOB_STATES } from '../../work/job.ts'
import type { JobFilter, Page } from '../../work/store.ts'
import type { JobView } from '../source.ts'
import type { Content, Markup } from './html.ts'
import { html } from './html.ts'
import { jobLink, stateBadge, whyText } from './job-words.ts'
import { ago } from './moments.ts'

export interface JobSectionOptions {
  readonly page: Page<JobView>
  readonly filter: JobFilter
  readonly targets: readonly string[]
  readonly now: number
  /** Where this server answers, for the command to try. */
  readonly origin: string
  readonly needsToken: boolean
}

export function jobSection(options: JobSectionOptions): Markup {
  const { page, filter } = options
  return html`<section aria-labelledby="jobs-title" id="jobs"><h2 id="jobs-title">Jobs</h2>
${filterForm(options)}
<div id="job-list" data-live>${page.items.length === 0 ? empty(options) : table(page.items, options.now)}${pager(page, filter)}</div>
</section>`
}

function filterForm({ filter, targets }: JobSectionOptions): Markup {
  return html`<form class="filter" method="get" action="/#jobs">
<label>State <select name="state"><option value="">any</option>${JOB_STATES.map((state) => html`<option value="${state}"${state === filter.state ? html` selected` : ''}>${state === 'available' ? 'waiting or held' : state}</option>`)}</select></label>
<label>Kind <input name="kind" value="${filter.kind ?? ''}" placeholder="any" autocomplete="off" spellcheck="false"></label>
<label>Target <input name="target" value="${filter.target ?? ''}" placeholder="any" list="known-targets" autocomplete="off" spellcheck="false"></label>
<datalist id="known-targets">${targets.slice(0, 100).map((name) => html`<option value="${name}"></option>`)}</datalist>
${filter.batch === undefined ? '' : html`<label>Batch <input name="batch" value="${filter.batch}" autocomplete="off" spellcheck="false"></label>`}
<button type="submit">Show</button>${isFiltered(filter) ? html` <a class="clear" href="/#jobs">Show all</a>` : ''}
</form>`
}

function isFiltered({ state, kind, target, batch }: JobFilter): boolean {
  return state !== undefined || kind !== undefined || target !== undefined || batch !== undefined
}

function table(jobs: readonly JobView[], now: number): Markup {
  return html`<table class="rows"><caption class="hidden">Jobs, newest first</caption>
<thead><tr><th scope="col">State</th><th scope="col">Job</th><th scope="col">Kind</th><th scope="col">Target</th><th scope="col">Attempts</th><th scope="col">Sent</th><th scope="col">What happens next</th></tr></thead>
<tbody>${jobs.map(
    (job) => html`<tr>
<td>${stateBadge(job)}</td>
<th scope="row">${jobLink(job.id)}</th>
<td class="kind">${job.kind}</td>
<td class="long">${job.target}</td>
<td class="number attempts">${job.attempts}</td>
<td class="end">${ago(job.createdAt, now)}</td>
<td class="why">${whyText(job, now)}${lastError(job)}</td>
</tr>`,
  )}</tbody></table>`
}

function lastError({ lastError: error, state }: JobView): Content {
  if (error === undefined || state === 'succeeded') return ''
  return html` <code class="error">${error.name}: ${error.message.slice(0, 160)}</code>`
}

function pager({ nextCursor }: Page<JobView>, filter: JobFilter): Content {
  if (nextCursor === undefined && filter.cursor === undefined) return ''
  const link = (cursor?: string): string => {
    const query = new URLSearchParams()
    for (const name of ['state', 'kind', 'target', 'batch'] as const)
      if (filter[name] !== undefined) query.set(name, filter[name])
    if (cursor !== undefined) query.set('cursor', cursor)
    return `/?${query.toString()}#jobs`
  }
  return html`<p class="pager">${filter.cursor === undefined ? '' : html`<a href="${link()}">Newest</a>`}${nextCursor === undefined ? '' : html`<a href="${link(nextCursor)}" rel="next">Older jobs</a>`}</p>`
}

function empty({ filter, origin, needsToken }: JobSectionOptions): Markup {
  if (isFiltered(filter) || filter.cursor !== undefined)
    return html`<p class="empty">No job matches. <a href="/#jobs">Show all jobs</a></p>`
  const token = needsToken ? '  -H "authorization: Bearer $HOLDFAST_TOKEN" \\\n' : ''
  const command = `curl ${origin}/v1/jobs \\\n  -H 'content-type: application/json' \\\n${token}  -d '{"kind":"http","payload":{"url":"https://example.com/"},"idempotencyKey":"first-try"}'`
  return html`<div class="empty"><p>No job yet. Send the first one:</p><pre><code>${command}</code></pre><p>It shows up here at once. Send it again, and the same job answers: the key makes sure that it is done once.</p></div>`
}
