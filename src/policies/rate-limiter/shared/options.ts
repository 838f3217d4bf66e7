/** What a limit that several processes share may be told. */
import type { Clock } from '../../../core/clock.ts'
import type { Duration } from '../../../core/duration.ts'
import { OptionError } from '../../../core/errors.ts'
import type { Execution } from '../../../core/operation.ts'
import { systemRandom } from '../../../core/random.ts'
import type { SharedState } from '../../../core/shared-state.ts'
import { userRule } from '../../../core/user-rule.ts'
import {
  checkClock,
  checkDuration,
  checkFunction,
  checkInteger,
  checkKnown,
  checkName,
  checkNumber,
  checkOneOf,
} from '../../../core/validate.ts'
import { findResponse, type ResponseLike } from '../options.ts'
import type { HandRules } from './machine.ts'

export interface SharedRateLimiterOptions {
  /** Where the processes meet. It is opened, and closed, by whoever made it. */
  readonly state: SharedState
  /** Those of the same name share a limit; all of them must say the same `limit`, `per` and `burst`. */
  readonly name: string
  /** So many calls … */
  readonly limit: number
  /** … in this time, of all processes together. */
  readonly per: Duration
  /** How many may go at once after a pause. Default: `limit`. */
  readonly burst?: number
  /**
   * `'strict'` asks the store for every call, several at a time where they come together; `'leased'` keeps a few permits in
   * hand, decides at once, and asks in the background. Default `'strict'`.
   */
  readonly shared?: 'strict' | 'leased'
  /** Leased only: permits that a process may have in hand, at most `burst`. Default: a tenth of `burst`, at least 1. */
  readonly batch?: number
  /** Leased only: permits in hand that were not used for so long go back. Default 1 s. */
  readonly idle?: Duration
  /** What a call costs; 0 is free. Default 1. */
  readonly cost?: number | ((execution: Execution) => number)
  /** Whose limit a call falls under; undefined is the one for all. Default: the call's own `key`. */
  readonly keyOf?: (execution: Execution) => string | undefined
  /** A call waits up to this long for its turn; a longer wait is rejected. Default 0: reject at once. */
  readonly maxWait?: Duration
  /** Learns from responses, as the local limiter does: a 429, `Retry-After`, or a used-up quota blocks for all processes. */
  readonly learn?: boolean | ((outcome: unknown) => ResponseLike | undefined)
  /** What a server says, or `block`, is believed for at most this long ahead. Default 1 h. */
  readonly maxBlock?: Duration
  /** At most so many keys are known here. Default 10,000. */
  readonly maxKeys?: number
  /** How long the store may take; after that this process decides alone. Default 250 ms. */
  readonly storeTimeout?: Duration
  /** How many processes share the limit, for while the store is lost. Default: those that lately asked, as the store tells. */
  readonly processes?: number | (() => number)
  /**
   * `'shadow'` counts and tells what it would reject or delay, and does neither: a call waits for nobody, the store included.
   * Default `'enforce'`.
   */
  readonly mode?: 'enforce' | 'shadow'
  readonly clock?: Clock
}

const KNOWN = [
  ...['state', 'name', 'limit', 'per', 'burst', 'shared', 'batch', 'idle', 'cost', 'keyOf', 'maxWait', 'learn', 'maxBlock'],
  ...['maxKeys', 'storeTimeout', 'processes', 'mode', 'clock'],
] as readonly (keyof SharedRateLimiterOptions)[]

const WHERE = 'sharedRateLimiter'

/** Options that were checked, in ms. */
export interface SharedRules extends HandRules {
  readonly state: SharedState
  readonly name: string
  readonly strict: boolean
  readonly shadow: boolean
  readonly idleMs: number
  readonly cost: number | ((execution: Execution) => number)
  readonly keyOf: (execution: Execution) => string | undefined
  readonly maxWaitMs: number
  readonly responseOf: ((outcome: unknown) => ResponseLike | undefined) | undefined
  readonly maxBlockMs: number
  readonly maxKeys: number
  readonly storeTimeoutMs: number
  readonly processes: (() => number) | undefined
  readonly clock: Clock
  /** Tells our requests from those of others. */
  readonly owner: string
}

/** The need of how long is asked for ahead, in ms: a few answers of a store. */
const AHEAD_MS = 200

/** What every store can count. */
const SHORTEST_INTERVAL_MS = 0.000_001
const MOST_TOKENS = 1_000_000_000

/** @throws OptionError for what is unknown, out of bounds, or without effect */
export function readRules(options: SharedRateLimiterOptions): SharedRules {
  checkKnown(options, KNOWN, WHERE)
  const strict = checkOneOf(options.shared ?? 'strict', `${WHERE}.shared`, ['strict', 'leased']) === 'strict'
  for (const option of ['batch', 'idle'] as const)
    if (strict && options[option] !== undefined)
      throw new OptionError(`${WHERE}.${option}`, "does nothing without shared: 'leased'", options[option])
  const limit = checkNumber(options.limit, `${WHERE}.limit`, 1e-9)
  const burst = checkInteger(options.burst ?? Math.max(1, Math.floor(limit)), `${WHERE}.burst`, 1, MOST_TOKENS)
  const perMs = checkDuration(options.per, `${WHERE}.per`, 1)
  if (perMs / limit < SHORTEST_INTERVAL_MS)
    throw new OptionError(`${WHERE}.limit`, 'must not be more than 1,000,000,000 a second', limit)
  const { cost = 1, keyOf, learn = false } = options
  const clock = checkClock(options.clock, `${WHERE}.clock`)
  return {
    state: checkState(options.state),
    name: checkSharedName(options.name),
    limit,
    perMs,
    burst,
    strict,
    shadow: checkOneOf(options.mode ?? 'enforce', `${WHERE}.mode`, ['enforce', 'shadow']) === 'shadow',
    most: strict ? 0 : checkInteger(options.batch ?? Math.max(1, Math.floor(burst / 10)), `${WHERE}.batch`, 1, burst),
    aheadMs: AHEAD_MS,
    idleMs: checkDuration(options.idle ?? 1000, `${WHERE}.idle`, 1),
    cost: typeof cost === 'function' ? cost : checkInteger(cost, `${WHERE}.cost`, 0, burst),
    keyOf: keyOf === undefined ? ({ key }) => key : checkFunction(keyOf, `${WHERE}.keyOf`),
    maxWaitMs: checkDuration(options.maxWait ?? 0, `${WHERE}.maxWait`),
    responseOf: typeof learn === 'boolean' ? (learn ? findResponse : undefined) : userRule(learn, `${WHERE}.learn`, undefined),
    maxBlockMs: checkDuration(options.maxBlock ?? '1h', `${WHERE}.maxBlock`, 1),
    maxKeys: checkInteger(options.maxKeys ?? 10_000, `${WHERE}.maxKeys`, 1),
    storeTimeoutMs: checkDuration(options.storeTimeout ?? 250, `${WHERE}.storeTimeout`, 1),
    processes: checkProcesses(options.processes),
    clock,
    owner: `${clock.wallNow().toString(36)}-${Math.floor(systemRandom() * 2 ** 48).toString(36)}`,
  }
}

function checkState(state: SharedState): SharedState {
  const methods = ['take', 'giveBack', 'block', 'now', 'writeState', 'readStates', 'deleteState'] as const
  if (!methods.every((method) => typeof (state as Partial<SharedState> | undefined)?.[method] === 'function'))
    throw new OptionError(`${WHERE}.state`, 'must be a shared state, such as memorySharedState()', state)
  return state
}

function checkSharedName(value: string): string {
  const name = checkName(value, `${WHERE}.name`)
  if (name.length > 200 || name.includes('\0') || !name.isWellFormed())
    throw new OptionError(`${WHERE}.name`, 'must be well-formed text of at most 200 characters', name)
  return name
}

function checkProcesses(processes: SharedRateLimiterOptions['processes']): (() => number) | undefined {
  const where = `${WHERE}.processes`
  if (processes === undefined) return undefined
  if (typeof processes === 'function') return userRule(processes, where, 1)
  const fixed = checkInteger(processes, where, 1)
  return () => fixed
}
