/**
 * What one process says of a target to the others, and what is made of it when it is heard.
 *
 * `at` is a stamp of the store's clock. It orders a finding and a close that know of each other whatever clocks do: each new
 * one is stamped later than all that its process knew. How long an open breaker stays open travels as what is left of it.
 */
import type { HeardWord } from '../../core/shared-state.ts'

/** A breaker that opened by what its own process saw. One that only follows others has nothing to say. */
export interface Finding {
  readonly at: number
  readonly leftMs: number
  /** In a row, by which the open time grows. */
  readonly openings: number
  /** Several callers failed: an outage, not one caller's trouble. */
  readonly several: boolean
  readonly reason: string
}

export interface TargetWord {
  readonly version: 1
  readonly down?: Finding
  /** The target answers this process; said only against somebody who says that it is down. */
  readonly up?: true
  /** Its probes were good, or somebody reset it. */
  readonly closed?: { readonly at: number; readonly byHand?: true }
  /** It has a call to probe with. */
  readonly wants?: true
  /** The target asked to be left alone (429). */
  readonly patience?: { readonly at: number; readonly leftMs: number }
}

/** A word in this process's own time. */
export interface Heard {
  readonly reporter: string
  readonly down?: Omit<Finding, 'leftMs'> & { readonly endAt: number }
  readonly up: boolean
  readonly closed?: { readonly at: number; readonly byHand: boolean }
  readonly wants: boolean
  readonly patience?: { readonly at: number; readonly endAt: number }
}

export const WORD_PREFIX = 'target:'
const LONGEST_NAME = 480
/** No breaker of ours stays open longer, and no 429 asks for more. */
const LONGEST_MS = 7 * 86_400_000

/** Names that no store takes are not shared; their targets stay local. */
export function isShareable(name: string): boolean {
  return name.length <= LONGEST_NAME && name.isWellFormed() && !name.includes('\0')
}

/**
 * @param storeNow the store's clock when it answered
 * @param now this process's monotonic clock then
 * @returns undefined for a word that this release cannot read
 */
export function heardOf({ reporter, value, saidAt }: HeardWord, storeNow: number, now: number): Heard | undefined {
  const word = (value ?? {}) as { readonly [field in keyof TargetWord]?: unknown }
  if (word.version !== 1) return undefined
  // A clock that was set back must not make it last longer than was said.
  const age = Math.max(0, storeNow - saidAt)
  const down = record(word.down)
  const closed = record(word.closed)
  const patience = record(word.patience)
  return {
    reporter,
    up: word.up === true,
    wants: word.wants === true,
    ...(down && {
      down: {
        at: number(down.at),
        endAt: endOf(down.leftMs, age, now),
        openings: Math.max(0, Math.floor(number(down.openings))),
        several: down.several === true,
        reason: String(down.reason ?? '').slice(0, 200),
      },
    }),
    ...(closed && { closed: { at: number(closed.at), byHand: closed.byHand === true } }),
    ...(patience && { patience: { at: number(patience.at), endAt: endOf(patience.leftMs, age, now) } }),
  }
}

function endOf(leftMs: unknown, age: number, now: number): number {
  return now + Math.min(Math.max(0, number(leftMs) - age), LONGEST_MS)
}

function record(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
}

function number(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0
}
