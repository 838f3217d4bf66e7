/**
 * Times and numbers for people. The server writes UTC; the page's script puts the reader's own time in, and keeps
 * countdowns going.
 */
import type { Markup } from './html.ts'
import { html } from './html.ts'

/** `14:02`, with the date when it is not today's. */
export function clockTime(at: number, now: number): Markup {
  return html`<time datetime="${iso(at)}" data-at="${Math.round(at)}">${clockText(at, now)}</time>`
}

/** `3 min ago`, kept going. */
export function ago(at: number, now: number): Markup {
  return html`<time datetime="${iso(at)}" data-ago="${Math.round(at)}">${agoText(now - at)}</time>`
}

/** `in 12 s`, counting down. */
export function countdown(until: number, now: number): Markup {
  return html`<time datetime="${iso(until)}" data-until="${Math.round(until)}">${inText(until - now)}</time>`
}

function iso(at: number): string {
  return Number.isFinite(at) && Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : ''
}

function clockText(at: number, now: number): string {
  const text = iso(at)
  return text.slice(0, 10) === iso(now).slice(0, 10)
    ? `${text.slice(11, 16)} UTC`
    : `${text.slice(0, 10)} ${text.slice(11, 16)} UTC`
}

export function agoText(ms: number): string {
  return ms < 5000 ? 'just now' : `${spanText(ms)} ago`
}

export function inText(ms: number): string {
  return ms <= 0 ? 'now' : `in ${spanText(ms)}`
}

const SPACE = '\u00a0'

/** One unit is enough, on one line: `12 s`, `4 min`, `3 h`, `2 d`. The page's script has the same rule. */
export function spanText(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / 1000))
  if (seconds < 100) return `${seconds}${SPACE}s`
  if (seconds < 5400) return `${Math.round(seconds / 60)}${SPACE}min`
  if (seconds < 129_600) return `${Math.round(seconds / 3600)}${SPACE}h`
  return `${Math.round(seconds / 86_400)}${SPACE}d`
}

/** `0.8 ms`, `42 ms`, `1.3 s`. */
export function latencyText(ms: number): string {
  if (ms < 10) return `${Math.round(ms * 10) / 10} ms`
  if (ms < 1000) return `${Math.round(ms)} ms`
  return `${Math.round(ms / 100) / 10} s`
}

/** `12,345` */
export function countText(count: number): string {
  return String(Math.round(count)).replaceAll(/\B(?=(\d{3})+$)/g, ',')
}

export function plural(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? '' : 's'}`
}
