/**
 * How long to wait between attempts: pure functions of the attempt, the delay before, and chance.
 *
 * Jitter is applied inside the cap, so that it does not vanish there. Sources: full, equal and decorrelated jitter after Marc
 * Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
 */
import type { Duration } from '../../core/duration.ts'
import { OptionError } from '../../core/errors.ts'
import type { Random } from '../../core/random.ts'
import { checkDuration, checkKnown, checkNumber, checkOneOf } from '../../core/validate.ts'

export type BackoffType = 'constant' | 'linear' | 'exponential' | 'sequence'
/**
 * `none`; `full`: anything from 0 to the delay; `equal`: half the delay plus anything up to the other half; `decorrelated`:
 * anything from `initial` to three times the delay before.
 */
export type Jitter = 'none' | 'full' | 'equal' | 'decorrelated'

export interface BackoffOptions {
  /** Default `'exponential'`, or `'sequence'` where there are `delays`. */
  readonly type?: BackoffType
  /** The first delay. Default 200 ms. */
  readonly initial?: Duration
  /** What an exponential delay is multiplied with; decorrelated jitter has its own. Default 2. */
  readonly factor?: number
  /** No delay is longer. Default 30 s. */
  readonly max?: Duration
  /** Each delay of a sequence in turn; the last one is used again. */
  readonly delays?: readonly Duration[]
  /** Default `'full'`. */
  readonly jitter?: Jitter
}

/** The delay in ms before attempt `attempt + 1`; `previous` is the delay before, 0 at first. */
export type Backoff = (attempt: number, previous: number, random: Random) => number

/**
 * The waits of a retry as a function, for whoever waits by other means. Pure: chance is given to it.
 *
 * @param where what options are called in errors
 * @throws OptionError for an unknown option or a value out of bounds
 * @example run
 * const wait = backoff({ initial: '1s', max: '60s', jitter: 'none' })
 * wait(3, 0, Math.random) // 4000: the wait in ms after the third attempt
 */
export function backoff(options: BackoffOptions = {}, where = 'backoff'): Backoff {
  checkKnown(options, ['type', 'initial', 'factor', 'max', 'delays', 'jitter'], where)
  const usual = options.delays === undefined ? 'exponential' : 'sequence'
  const type = checkOneOf(options.type ?? usual, `${where}.type`, ['constant', 'linear', 'exponential', 'sequence'])
  const jitter = checkOneOf(options.jitter ?? 'full', `${where}.jitter`, ['none', 'full', 'equal', 'decorrelated'])
  refuseIdle(options, type, jitter, where)
  if (type === 'sequence') return jittered(sequence(options.delays, `${where}.delays`), jitter)
  const initial = checkDuration(options.initial ?? 200, `${where}.initial`)
  const max = checkDuration(options.max ?? Math.max(30_000, initial), `${where}.max`, initial)
  const factor = checkNumber(options.factor ?? 2, `${where}.factor`, 1, 1000)
  if (jitter === 'decorrelated') return decorrelated(initial, max)
  return jittered((attempt) => {
    if (type === 'constant') return initial
    if (type === 'linear') return Math.min(max, initial * attempt)
    // A factor that has grown beyond all numbers times nothing would be no number.
    return initial === 0 ? 0 : Math.min(max, initial * factor ** (attempt - 1))
  }, jitter)
}

function jittered(raw: (attempt: number) => number, jitter: Jitter): Backoff {
  if (jitter === 'none') return raw
  if (jitter === 'full') return (attempt, _previous, random) => raw(attempt) * random()
  return (attempt, _previous, random) => (raw(attempt) * (1 + random())) / 2
}

function decorrelated(initial: number, max: number): Backoff {
  return (_attempt, previous, random) => {
    const high = Math.min(max, Math.max(initial, previous) * 3)
    return initial + (high - initial) * random()
  }
}

function sequence(delays: readonly Duration[] | undefined, where: string): (attempt: number) => number {
  if (!Array.isArray(delays) || delays.length === 0)
    throw new OptionError(where, 'must be an array of at least one duration', delays)
  const all = delays.map((delay, index) => checkDuration(delay, `${where}[${index}]`))
  return (attempt) => all[Math.min(attempt, all.length) - 1]!
}

/** Options that the others make meaningless are mistakes, not decoration. */
function refuseIdle(options: BackoffOptions, type: BackoffType, jitter: Jitter, where: string): void {
  const idle = (option: 'factor' | 'initial' | 'max' | 'delays', beside: string): void => {
    if (options[option] !== undefined) throw new OptionError(`${where}.${option}`, `does nothing with ${beside}`, options[option])
  }
  if (jitter === 'decorrelated') {
    if (type !== 'exponential')
      throw new OptionError(`${where}.type`, 'does nothing with decorrelated jitter, which grows by itself', type)
    idle('factor', 'decorrelated jitter')
  }
  if (type !== 'exponential') idle('factor', `type '${type}'`)
  if (type !== 'sequence') return idle('delays', `type '${type}'`)
  idle('initial', "type 'sequence'")
  idle('max', "type 'sequence'")
}

/** Why there is no further attempt. */
export type GiveUpReason = 'attempts' | 'not-retryable' | 'elapsed' | 'deadline' | 'retry-after' | 'budget'
