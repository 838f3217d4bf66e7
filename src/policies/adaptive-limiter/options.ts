/**
 * The options of an adaptive limiter, and the algorithm that they ask for.
 */
import type { Clock } from '../../core/clock.ts'
import type { Duration } from '../../core/duration.ts'
import { OptionError } from '../../core/errors.ts'
import type { Random } from '../../core/random.ts'
import { systemRandom } from '../../core/random.ts'
import { checkDuration, checkFunction, checkInteger, checkKnown, checkNumber, checkOneOf } from '../../core/validate.ts'
import { Aimd } from './aimd.ts'
import { Gradient2 } from './gradient2.ts'
import type { AlgorithmName, Bounds, Limit } from './limit.ts'
import type { AdaptiveSettings } from './machine.ts'
import { type BaselineLimit, Probed } from './probed.ts'
import { Vegas } from './vegas.ts'

export interface AdaptiveLimiterOptions {
  /**
   * How the limit is learnt. `'gradient2'` (default) and `'vegas'` watch latency, `'aimd'` watches losses only.
   */
  readonly algorithm?: AlgorithmName
  /** The limit to begin with. Default 20, within `min` and `max`. */
  readonly initial?: number
  /** Default 1. */
  readonly min?: number
  /** Default 200. */
  readonly max?: number
  /** How many calls may wait for a place; more are rejected. Default 0. */
  readonly queue?: number
  /** A call waits at most this long. Default: as long as its own deadline allows. Only with a `queue`. */
  readonly maxWait?: Duration
  /** The limit is looked at once in this time. Default 1 s. */
  readonly window?: Duration
  /** … and not before so many calls have finished. Default 10. */
  readonly minSamples?: number
  /** The round trip of a window: 0 is the fastest call, 0.5 the median. Default 0.5. Not for `'aimd'`. */
  readonly percentile?: number
  /** Calls slower than this are losses, even though they come back. Default: none. */
  readonly lossAfter?: Duration
  /** A window with up to this part of its calls lost is no loss. Default 0.01. */
  readonly lossTolerance?: number
  /** The limit grows to at most so many times what was really in flight. Default 2. */
  readonly inFlightFactor?: number
  /** What remains of the limit after a loss. Default 0.9. `'aimd'` and `'gradient2'`. */
  readonly backoff?: number
  /** The part of a step that is taken. Default 0.2 for `'gradient2'`, 1 for `'vegas'`. */
  readonly smoothing?: number
  /** How much slower than usual calls may become before the limit shrinks. Default 1.5. `'gradient2'` only. */
  readonly tolerance?: number
  /** How many calls may wait inside of the target. Default 4. `'gradient2'` only. */
  readonly queueSize?: number
  /** A full limit measures the round trip without load about this often. Default 5 min. Not for `'aimd'`. */
  readonly probeEvery?: Duration
  /** Which errors are losses; others teach nothing. Default: time-outs, refused connections, HTTP 429, 503 and 504. */
  readonly isLoss?: (error: unknown) => boolean
  /** Which results are losses, such as a response with status 503. Default: none. */
  readonly isLossResult?: (value: unknown) => boolean
  /** `'shadow'` learns and tells what it would reject, and rejects nothing. Default `'enforce'`. */
  readonly mode?: 'enforce' | 'shadow'
  /** Default `'adaptive-limiter'`. */
  readonly name?: string
  readonly clock?: Clock
  /** Spreads probes in time. */
  readonly random?: Random
}

const KNOWN = [
  ...['algorithm', 'initial', 'min', 'max', 'queue', 'maxWait', 'window', 'minSamples', 'percentile', 'lossAfter'],
  ...['lossTolerance', 'inFlightFactor', 'backoff', 'smoothing', 'tolerance', 'queueSize', 'probeEvery', 'isLoss'],
  ...['isLossResult', 'mode', 'name', 'clock', 'random'],
] as const satisfies readonly (keyof AdaptiveLimiterOptions)[]

/** Options that only some algorithms read; in any other they would be silently ignored, so they are refused. */
const ONLY_FOR: Partial<Record<keyof AdaptiveLimiterOptions, readonly AlgorithmName[]>> = {
  percentile: ['vegas', 'gradient2'],
  backoff: ['aimd', 'gradient2'],
  smoothing: ['vegas', 'gradient2'],
  tolerance: ['gradient2'],
  queueSize: ['gradient2'],
  probeEvery: ['vegas', 'gradient2'],
}

export interface CheckedOptions {
  readonly algorithm: AlgorithmName
  readonly limit: Limit
  readonly settings: AdaptiveSettings
  readonly maxWaitMs: number
  readonly shadow: boolean
}

const WHERE = 'adaptiveLimiter'

/** @throws OptionError for what is unknown, out of bounds, or without effect */
export function readOptions(options: AdaptiveLimiterOptions): CheckedOptions {
  checkKnown(options, KNOWN, WHERE)
  const algorithm = checkOneOf(options.algorithm ?? 'gradient2', `${WHERE}.algorithm`, ['aimd', 'vegas', 'gradient2'])
  refuseIdle(options, algorithm)
  const mode = checkOneOf(options.mode ?? 'enforce', `${WHERE}.mode`, ['enforce', 'shadow'])
  return {
    algorithm,
    limit: makeLimit(options, algorithm, mode === 'shadow'),
    settings: readSettings(options),
    maxWaitMs: options.maxWait === undefined ? Number.POSITIVE_INFINITY : checkDuration(options.maxWait, `${WHERE}.maxWait`, 1),
    shadow: mode === 'shadow',
  }
}

function refuseIdle(options: AdaptiveLimiterOptions, algorithm: AlgorithmName): void {
  for (const [option, algorithms] of Object.entries(ONLY_FOR) as [keyof AdaptiveLimiterOptions, AlgorithmName[]][])
    if (options[option] !== undefined && !algorithms.includes(algorithm))
      throw new OptionError(`${WHERE}.${option}`, `does nothing with algorithm '${algorithm}'`, options[option])
  if (options.maxWait !== undefined && (options.queue ?? 0) === 0)
    throw new OptionError(`${WHERE}.maxWait`, "does nothing without a 'queue'", options.maxWait)
}

function readSettings(options: AdaptiveLimiterOptions): AdaptiveSettings {
  return {
    window: {
      ms: checkDuration(options.window ?? 1000, `${WHERE}.window`, 1),
      minSamples: checkInteger(options.minSamples ?? 10, `${WHERE}.minSamples`, 1),
      percentile: checkNumber(options.percentile ?? 0.5, `${WHERE}.percentile`, 0, 1),
      lossTolerance: checkNumber(options.lossTolerance ?? 0.01, `${WHERE}.lossTolerance`, 0, 0.9),
    },
    queueLimit: checkInteger(options.queue ?? 0, `${WHERE}.queue`, 0),
    lossAfterMs:
      options.lossAfter === undefined ? Number.POSITIVE_INFINITY : checkDuration(options.lossAfter, `${WHERE}.lossAfter`, 1),
  }
}

function makeLimit(options: AdaptiveLimiterOptions, algorithm: AlgorithmName, shadow: boolean): Limit {
  const bounds = readBounds(options)
  const backoff = checkNumber(options.backoff ?? 0.9, `${WHERE}.backoff`, 0.1, 0.99)
  if (algorithm === 'aimd') return new Aimd(bounds, backoff)
  const everyMs = checkDuration(options.probeEvery ?? 300_000, `${WHERE}.probeEvery`, 1000)
  const smoothing = checkNumber(options.smoothing ?? (algorithm === 'vegas' ? 1 : 0.2), `${WHERE}.smoothing`, 0.01, 1)
  const inner: BaselineLimit =
    algorithm === 'vegas'
      ? new Vegas(bounds, smoothing)
      : new Gradient2(bounds, {
          tolerance: checkNumber(options.tolerance ?? 1.5, `${WHERE}.tolerance`, 1, 10),
          queueSize: checkNumber(options.queueSize ?? 4, `${WHERE}.queueSize`, 0, 1000),
          smoothing,
          backoff,
        })
  const random = options.random === undefined ? systemRandom : checkFunction(options.random, `${WHERE}.random`)
  return new Probed(inner, bounds.min, everyMs, random, !shadow)
}

function readBounds(options: AdaptiveLimiterOptions): Bounds {
  const min = checkInteger(options.min ?? 1, `${WHERE}.min`, 1)
  const max = checkInteger(options.max ?? Math.max(200, min), `${WHERE}.max`, min)
  return {
    min,
    max,
    initial: checkInteger(options.initial ?? Math.min(max, Math.max(min, 20)), `${WHERE}.initial`, min, max),
    inFlightFactor: checkNumber(options.inFlightFactor ?? 2, `${WHERE}.inFlightFactor`, 1, 100),
  }
}
