/** The targets: how each stands, how fast it answers, what waits for it, and what a person can do about it. */
import type { Status, TargetStatus } from '../source.ts'
import type { Shape } from './drawing.ts'
import { sign } from './drawing.ts'
import type { Content, Markup } from './html.ts'
import { constantMarkup, html } from './html.ts'
import { meter } from './meter.ts'
import { ago, clockTime, countdown, countText, latencyText, plural } from './moments.ts'

interface Standing {
  readonly tone: 'ok' | 'bad' | 'warn' | 'still'
  readonly shape: Shape
  readonly word: string
  readonly detail: Content
}

export function targetSection(status: Status): Markup {
  const targets = [...status.targets].sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1))
  return html`<section aria-labelledby="targets-title" id="targets"><h2 id="targets-title">Targets</h2>
<div id="target-list" data-live>${
    targets.length === 0
      ? html`<p class="empty">No target yet. A target appears with the first job or call that aims at it.</p>`
      : html`<ul class="cards">${targets.map((target) => card(target, status.now))}</ul>`
  }</div></section>`
}

function rank({ breaker, paused }: TargetStatus): number {
  const order: Record<string, number> = { open: 0, isolated: 0, 'half-open': 1 }
  return order[breaker?.state ?? ''] ?? (paused === undefined ? 3 : 2)
}

function standing({ breaker, paused, heldBy, heldReason, heldUntil }: TargetStatus, now: number): Standing {
  if (breaker?.state === 'isolated')
    return { tone: 'bad', shape: 'isolated', word: 'Isolated by hand', detail: html`since ${clockTime(breaker.since, now)}` }
  if (breaker?.state === 'open') {
    const probe = breaker.probeAt === undefined ? '' : html`, next probe ${countdown(breaker.probeAt, now)}`
    const found = html`since ${clockTime(breaker.since, now)}${probe}${foundBy(breaker)}`
    return { tone: 'bad', shape: 'down', word: 'Not answering', detail: found }
  }
  if (breaker?.state === 'half-open')
    return { tone: 'warn', shape: 'probing', word: 'Being probed', detail: 'one call at a time' }
  if (paused !== undefined) {
    const detail = paused.until === undefined ? 'until somebody resumes it' : html`resumes ${countdown(paused.until, now)}`
    return { tone: 'still', shape: 'paused', word: 'Paused', detail }
  }
  if (heldBy === 'limit' || heldBy === 'concurrency') {
    const more = heldUntil === undefined ? '' : html`, more ${countdown(heldUntil, now)}`
    return { tone: 'warn', shape: 'waiting', word: 'At its limit', detail: html`${heldReason ?? 'the limit is used up'}${more}` }
  }
  const watched = breaker === undefined || breaker.state === 'disabled' ? 'without a breaker' : 'breaker closed'
  return { tone: 'ok', shape: 'ok', word: 'Answering', detail: watched }
}

/** Who follows the others has not found it down itself. */
function foundBy({ openedBy }: NonNullable<TargetStatus['breaker']>): string {
  return openedBy === undefined ? '' : `, found by ${openedBy.processes} of ${openedBy.of} processes`
}

function card(target: TargetStatus, now: number): Markup {
  const { name, bulkhead, limiter, held, successes, failures, lastError } = target
  const { tone, shape, word, detail } = standing(target, now)
  const calls = successes + failures
  return html`<li class="card ${tone}">
<h3 title="${name}">${name}</h3>
<p class="standing">${sign(shape)}<strong>${word}</strong> <span>${detail}</span></p>
<dl class="facts">
<div><dt>Held</dt><dd>${held === 0 ? 'none' : plural(held, 'job')}</dd></div>
<div><dt>In flight</dt><dd>${inFlight(bulkhead)}</dd></div>
<div><dt>Succeeded</dt><dd>${calls === 0 ? 'no call yet' : html`${share(successes, calls)} of ${countText(calls)}`}</dd></div>
<div><dt>Rate</dt><dd>${limiter === undefined ? 'not limited' : html`${countText(limiter.available)} of ${countText(limiter.capacity)} free${limiter.nextAt === undefined || limiter.available >= 1 ? '' : html`, next ${countdown(limiter.nextAt, now)}`}`}</dd></div>
</dl>
${latency(target)}
${lastError === undefined ? '' : html`<p class="last-error"><span class="quiet">Last error ${ago(lastError.at, now)}</span> <code>${lastError.name}: ${lastError.message.slice(0, 200)}</code></p>`}
<div class="actions" role="group" aria-label="${`Actions for ${name}`}">${actions(target)}</div>
</li>`
}

/** A target without a limit counts all the same; its limit is then 0. */
function inFlight(places: TargetStatus['bulkhead']): Content {
  if (places === undefined || places.limit === 0) return `${countText(places?.inFlight ?? 0)}, not limited`
  return html`${countText(places.inFlight)} of ${countText(places.limit)}${meter(places.inFlight, places.limit)}`
}

function share(part: number, whole: number): string {
  const percent = (part / whole) * 100
  // 99.96 % is not all: only all is 100.
  return part === whole ? '100 %' : `${Math.min(99.9, Math.floor(percent * 10) / 10)} %`
}

/** From p50 to p99 on a logarithmic line of 1 ms to 30 s; the numbers stand beside it. */
function latency({ latency: { count, p50Ms, p95Ms, p99Ms } }: TargetStatus): Markup {
  if (count === 0) return html`<p class="latency quiet">No latency measured lately</p>`
  const at = (ms: number): number => Math.round((Math.log(Math.min(30_000, Math.max(1, ms))) / Math.log(30_000)) * 1000) / 10
  const [from, middle, to] = [at(p50Ms), at(p95Ms), at(p99Ms)]
  const line = constantMarkup(
    `<svg class="range" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="track" y="3.4" width="100" height="1.2"/><rect class="fill" x="${from}" y="2.4" width="${Math.max(1, to - from)}" height="3.2"/><rect class="tick" x="${middle}" width="0.8" height="8"/></svg>`,
  )
  return html`<div class="latency">${line}<p><span>p50 <b>${latencyText(p50Ms)}</b></span> <span>p95 <b>${latencyText(p95Ms)}</b></span> <span>p99 <b>${latencyText(p99Ms)}</b></span></p></div>`
}

function actions({ name, breaker, paused }: TargetStatus): Content {
  const call = (verb: string, label: string, confirm?: string): Markup =>
    html`<button type="button" id="${`${verb} ${name}`}" data-call="${`/v1/targets/${encodeURIComponent(name)}/${verb}`}"${confirm === undefined ? '' : html` data-confirm="${confirm}"`}>${label}</button>`
  const stopped = breaker?.state === 'open' || breaker?.state === 'isolated' || breaker?.state === 'half-open'
  return [
    paused === undefined
      ? call('pause', 'Pause', `Pause ${name}? Its jobs are held until somebody resumes it.`)
      : call('resume', 'Resume'),
    stopped &&
      call('reset', 'Reset breaker', `Reset the breaker of ${name}? Its held jobs run at once, whether or not it answers.`),
    breaker !== undefined &&
      breaker.state !== 'isolated' &&
      breaker.state !== 'disabled' &&
      call('isolate', 'Isolate', `Isolate ${name}? Every call to it is refused until somebody resets it.`),
  ]
}
