/**
 * The window of a throttle as plain data that outlives the process. Times are wall times; on the way back in, what lies in the
 * future is taken for now, and what is too old is dropped.
 */
import type { Clock } from '../../core/clock.ts'
import { OptionError } from '../../core/errors.ts'
import type { ThrottleMachine } from './machine.ts'

export interface ThrottleStored {
  readonly version: 1
  readonly slices: readonly {
    /** Epoch ms. */
    readonly at: number
    readonly requests: number
    readonly accepts: number
  }[]
}

export function snapshotOf({ window }: ThrottleMachine, clock: Clock): ThrottleStored {
  const now = clock.now()
  const offset = clock.wallNow() - now
  window.expire(now)
  const slices = [...window.slices()].map(({ index, requests, accepts }) => ({
    at: Math.round(Math.min(now, window.timeOf(index)) + offset),
    requests,
    accepts,
  }))
  return { version: 1, slices }
}

/** @throws OptionError when it is not a snapshot of version 1 */
export function hydrate(machine: ThrottleMachine, stored: unknown, clock: Clock): void {
  const { version, slices } = (stored ?? {}) as Partial<ThrottleStored>
  if (version !== 1 || !Array.isArray(slices))
    throw new OptionError('snapshot', 'must be a throttle snapshot of version 1', stored)
  const now = clock.now()
  const offset = clock.wallNow() - now
  const { window } = machine
  window.expire(now)
  machine.clear()
  for (const slice of slices as readonly unknown[]) {
    const { at, requests, accepts } = (slice ?? {}) as Record<string, unknown>
    if (!isMoment(at)) continue
    const counted = whole(requests)
    window.count(window.sliceAt(Math.min(now, at - offset)), counted, Math.min(counted, whole(accepts)))
  }
}

function isMoment(value: unknown): value is number {
  return Number.isFinite(value)
}

function whole(value: unknown): number {
  return isMoment(value) ? Math.max(0, Math.floor(value)) : 0
}
