/** What is done again and again: when last, when next, and whether somebody paused it. */
import { formatDuration } from '../../core/duration.ts'
import type { ScheduleView, Status } from '../source.ts'
import type { Content, Markup } from './html.ts'
import { html } from './html.ts'
import { jobLink } from './job-words.ts'
import { ago, countdown } from './moments.ts'

const MOST = 50

/** Those that come next first; nothing at all when there are none. */
export function scheduleSection({ schedules, now }: Status): Content {
  if (schedules.length === 0) return html`<div id="schedules" data-live></div>`
  const at = ({ nextAt }: ScheduleView): number => nextAt ?? Number.MAX_SAFE_INTEGER
  const shown = [...schedules].sort((a, b) => at(a) - at(b)).slice(0, MOST)
  return html`<div id="schedules" data-live><section aria-labelledby="schedules-title"><h2 id="schedules-title">Schedules</h2>
<table class="rows labelled"><caption class="hidden">Schedules, the next ones first</caption>
<thead><tr><th scope="col">Schedule</th><th scope="col">Kind</th><th scope="col">Times</th><th scope="col">Last</th><th scope="col">Next</th><th scope="col"><span class="hidden">Actions</span></th></tr></thead>
<tbody>${shown.map((schedule) => row(schedule, now))}</tbody></table></section></div>`
}

function row(schedule: ScheduleView, now: number): Markup {
  const { name, kind, paused, nextAt, lastAt, lastJob } = schedule
  const last = lastAt === undefined ? '' : html`${ago(lastAt, now)}${lastJob === undefined ? '' : html` ${jobLink(lastJob)}`}`
  const next = paused ? 'paused until resumed' : nextAt === undefined ? 'never' : countdown(nextAt, now)
  return html`<tr><th scope="row" class="long">${name}</th><td data-label="Kind">${kind}</td><td data-label="Times">${timesOf(schedule)}</td><td data-label="Last">${last}</td><td data-label="Next">${next}</td>
<td class="actions" role="group" aria-label="${`Actions for ${name}`}">${button(name, paused ? 'resume' : 'pause', paused ? 'Resume' : 'Pause')}${button(name, 'run', 'Run now')}</td></tr>`
}

function timesOf({ cron, everyMs, timezone }: ScheduleView): string {
  return cron === undefined ? `every ${formatDuration(everyMs ?? 0)}` : `${cron} ${timezone}`
}

function button(name: string, verb: string, label: string): Markup {
  const id = `${verb} schedule ${name}`
  return html`<button type="button" id="${id}" data-call="${`/v1/schedules/${encodeURIComponent(name)}/${verb}`}">${label}</button>`
}
