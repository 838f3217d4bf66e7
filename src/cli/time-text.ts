/**
 * Points in time for people: «in 12 s», «3 min ago».
 */
import { parseIsoTime } from '../core/iso-time.ts'

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const

/** How far an epoch time is from `now`, in one unit. */
export function relativeTime(at: number, now: number): string {
  const distance = Math.abs(at - now)
  if (distance < 1000) return 'now'
  const text = spanText(distance)
  return at > now ? `in ${text}` : `${text} ago`
}

/** A span in one unit, rounded down: «12 s», «3 min». */
export function spanText(ms: number): string {
  for (const [unit, length] of UNITS) if (ms >= length) return `${Math.floor(ms / length)} ${unit}`
  return `${Math.round(ms)} ms`
}

/** An epoch time as ISO 8601, in UTC and whole seconds. */
export function isoTime(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')
}

/**
 * Reads a point in time as people give it: ISO 8601, epoch ms, or a span from now (`10m`).
 * Answers undefined for anything else.
 */
export function readTime(text: string, now: number): number | undefined {
  const span = /^\+?(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text)
  if (span !== null) return now + Number(span[1]) * (SPANS[span[2] as string] as number)
  if (/^\d{12,}$/.test(text)) return Number(text)
  return parseIsoTime(text)
}
const SPANS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
