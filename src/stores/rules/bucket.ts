/**
 * A token bucket as GCRA has it, pure, and the same in every store: what is missing to a full bucket, in ms, at a time of the
 * store. Distances rather than points in time lose no precision, and a clock that is set back makes nobody wait for it.
 *
 * PostgreSQL and Redis say the same in languages of their own.
 */
import type { TakeAnswer } from '../../core/shared-state.ts'
import type { CheckedTake } from './shared-arguments.ts'

export interface Bucket {
  readonly at: number
  /** Until it is full again. Above `burst` intervals: tokens of the future are taken. */
  readonly debtMs: number
  /** Nobody takes for so long. */
  readonly blockMs: number
}

export interface Taken {
  readonly bucket: Bucket
  readonly answer: TakeAnswer
}

/** As it is now: what time has filled is full. */
export function settled(bucket: Bucket | undefined, now: number): Bucket {
  if (bucket === undefined) return { at: now, debtMs: 0, blockMs: 0 }
  const elapsed = Math.max(0, now - bucket.at)
  return { at: now, debtMs: Math.max(0, bucket.debtMs - elapsed), blockMs: Math.max(0, bucket.blockMs - elapsed) }
}

/** From when on nothing need be known of it. */
export function idleAt(bucket: Bucket): number {
  return bucket.at + Math.ceil(Math.max(bucket.debtMs, bucket.blockMs))
}

/** `bucket` is settled. When refused, it comes back as it is. */
export function takeFrom(bucket: Bucket, request: CheckedTake): Taken {
  const { intervalMs, burst, cost, atLeast, maxWaitMs } = request
  const tolerance = toleranceOf(intervalMs)
  const holds = burst * intervalMs
  const room = holds + maxWaitMs - bucket.debtMs
  const granted = bucket.blockMs > 0 ? 0 : Math.min(cost, Math.floor((room + tolerance) / intervalMs))
  if (granted < atLeast) {
    const until = Math.max(bucket.blockMs, bucket.debtMs + atLeast * intervalMs - holds)
    return {
      bucket,
      answer: { granted: 0, remaining: remainingIn(bucket, request), waitMs: wholeMs(until, tolerance), now: bucket.at },
    }
  }
  const left = { ...bucket, debtMs: bucket.debtMs + granted * intervalMs }
  const waitMs = wholeMs(left.debtMs - holds, tolerance)
  return { bucket: left, answer: { granted, remaining: remainingIn(left, request), waitMs, now: bucket.at } }
}

/** Whole tokens that may be taken now. */
export function remainingIn(bucket: Bucket, { intervalMs, burst }: Pick<CheckedTake, 'intervalMs' | 'burst'>): number {
  if (bucket.blockMs > 0) return 0
  return Math.max(0, Math.floor((burst * intervalMs - bucket.debtMs + toleranceOf(intervalMs)) / intervalMs))
}

/** `bucket` is settled. */
export function givenBack(bucket: Bucket, tokens: number, intervalMs: number): Bucket {
  return { ...bucket, debtMs: Math.max(0, bucket.debtMs - tokens * intervalMs) }
}

/** `bucket` is settled. */
export function blocked(bucket: Bucket, ms: number): Bucket {
  return { ...bucket, blockMs: Math.max(bucket.blockMs, ms) }
}

/** What sums of fractions may be off by. */
function toleranceOf(intervalMs: number): number {
  return Math.min(0.001, intervalMs / 100)
}

/** Up, so that nobody is early; half the tolerance, so that whoever asks then is granted. */
function wholeMs(ms: number, tolerance: number): number {
  return Math.max(0, Math.ceil(ms - tolerance / 2))
}
