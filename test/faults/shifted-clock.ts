/**
 * The system's clock, whose wall time is stepped by SIGUSR2: one hour forward, back to the truth, one hour back, back to the
 * truth, and so on. As when a person or a time server sets the clock, monotonic time does not change. The system's own clock
 * is not touched.
 */
import type { Clock } from '../../src/core/clock.ts'
import { systemClock } from '../../src/core/clock.ts'

const HOUR = 3_600_000
export const STEPS = [0, HOUR, 0, -HOUR] as const

export interface ShiftedClock extends Clock {
  /** Where it is among `STEPS`, counted from the first. */
  readonly position: number
  step(): void
  dispose(): void
}

export function shiftedClock(first: number): ShiftedClock {
  let position = first
  const step = (): void => void position++
  process.on('SIGUSR2', step)
  return {
    ...systemClock,
    get position() {
      return position
    },
    wallNow: () => systemClock.wallNow() + (STEPS[position % STEPS.length] as number),
    step,
    dispose: () => process.off('SIGUSR2', step),
  }
}
