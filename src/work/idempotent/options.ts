/** What an idempotency may be told. */
import type { Clock } from '../../core/clock.ts'
import { systemClock } from '../../core/clock.ts'
import type { Duration } from '../../core/duration.ts'
import { OptionError } from '../../core/errors.ts'
import type { Execution } from '../../core/operation.ts'
import type { SharedState } from '../../core/shared-state.ts'
import { checkDuration, checkFunction, checkInteger, checkKnown, checkName, checkOneOf } from '../../core/validate.ts'
import type { UnknownPolicy } from '../kind.ts'

/** What a user's `verify` found out: it happened (with its result, where duplicates need one), it did not, or nobody can say. */
export type OnceVerdict = 'done' | 'notDone' | 'unknown' | { readonly done: unknown }

export type OnceVerify = (
  key: string,
  context: { readonly payload: unknown; readonly signal: AbortSignal },
) => OnceVerdict | PromiseLike<OnceVerdict>

export interface IdempotencyOptions {
  /** Where the keys are kept; its durability and reach are theirs. */
  readonly state: SharedState
  /** Keys of another name are other keys. No `/`. Default `'idempotency'`. */
  readonly name?: string
  /** For how long after it was done a duplicate gets the result; 0 keeps no results. Default 24 h. */
  readonly window?: Duration
  /** For how long after it was done the key does not run again; not shorter than `window`. Default: `window`. */
  readonly coolDown?: Duration
  /** Who runs and is not heard of for so long is given up; renewed at a third of it. Default 30 s, at least 100 ms. */
  readonly lease?: Duration
  /** What a duplicate of a call that runs does. Default `'wait'`: it gets the result when that is there. */
  readonly whenRunning?: 'wait' | 'reject'
  /**
   * When nobody knows whether it happened (a crash, a timeout, a cancel in the middle): run it again, ask `verify`, or refuse
   * until a person says so. Default `'park'`.
   */
  readonly onUnknown?: UnknownPolicy
  /** Required by, and only for, `onUnknown: 'verify'`. */
  readonly verify?: OnceVerify
  /** When the store does not answer: refuse the call, or do it once in this process. Default `'reject'`. */
  readonly whenUnavailable?: 'reject' | 'local'
  /** True for a failure that is final: it is kept as a result is, and duplicates fail at once. Default: none, failures free the key. */
  readonly keepError?: (error: unknown) => boolean
  /** True for a failure after which it may have happened. Default: timeouts, and whatever ends a call that was cancelled. */
  readonly mayHaveHappened?: (error: unknown, execution: Execution) => boolean
  /** As a policy: the key of a call, undefined for a call that may run as often as it likes. Default: its `key`. */
  readonly keyOf?: (execution: Execution) => string | undefined
  /** What a key stands for, JSON: the same key with another payload is an error. Default: `attributes.payload`. */
  readonly payloadOf?: (execution: Execution) => unknown
  /** What is done is remembered in this process too, and duplicates answered without the store. Default 1000 keys, idle for 1 h. */
  readonly cache?: { readonly maxKeys?: number; readonly idle?: Duration } | false
  /** How long the store may take to answer. Default 2 s. */
  readonly storeTimeout?: Duration
  /** Who we are, for people. Default: host and process. */
  readonly owner?: string
  readonly clock?: Clock
}

const KNOWN = [
  ...['state', 'name', 'window', 'coolDown', 'lease', 'whenRunning', 'onUnknown', 'verify', 'whenUnavailable', 'keepError'],
  ...['mayHaveHappened', 'keyOf', 'payloadOf', 'cache', 'storeTimeout', 'owner', 'clock'],
] as readonly (keyof IdempotencyOptions)[]

const WHERE = 'idempotency'
const DAY_MS = 86_400_000

/** Options that were checked, in ms. */
export interface OnceRules {
  readonly state: SharedState
  readonly name: string
  readonly windowMs: number
  readonly coolDownMs: number
  /** For how long a crash is remembered. */
  readonly unknownMs: number
  readonly leaseMs: number
  readonly waits: boolean
  readonly onUnknown: UnknownPolicy
  readonly verify: OnceVerify | undefined
  readonly goesLocal: boolean
  readonly keepError: (error: unknown) => boolean
  readonly mayHaveHappened: (error: unknown, execution: Execution) => boolean
  readonly keyOf: (execution: Execution) => string | undefined
  readonly payloadOf: (execution: Execution) => unknown
  readonly cache: { readonly maxKeys: number; readonly idleMs: number } | undefined
  readonly storeTimeoutMs: number
  readonly owner: string | undefined
  readonly clock: Clock
}

/** @throws OptionError for what is unknown, out of bounds, contradictory or without effect */
export function readRules(options: IdempotencyOptions): OnceRules {
  checkKnown(options, KNOWN, WHERE)
  const onUnknown = checkOneOf(options.onUnknown ?? 'park', `${WHERE}.onUnknown`, ['rerun', 'verify', 'park'])
  if ((onUnknown === 'verify') !== (options.verify !== undefined))
    throw new OptionError(`${WHERE}.verify`, "must be given with onUnknown: 'verify', and only then", options.verify)
  const windowMs = checkDuration(options.window ?? DAY_MS, `${WHERE}.window`)
  const coolDownMs = checkDuration(options.coolDown ?? windowMs, `${WHERE}.coolDown`, 1)
  if (coolDownMs < windowMs)
    throw new OptionError(`${WHERE}.coolDown`, "must not be shorter than 'window'", options.coolDown, 'Shorten both.')
  const given = <F>(option: 'keepError' | 'mayHaveHappened' | 'keyOf' | 'payloadOf', otherwise: F): F =>
    options[option] === undefined ? otherwise : (checkFunction(options[option], `${WHERE}.${option}`) as F)
  return {
    state: checkState(options.state),
    name: checkOnceName(options.name ?? 'idempotency'),
    windowMs,
    coolDownMs,
    unknownMs: Math.max(coolDownMs, DAY_MS),
    leaseMs: checkDuration(options.lease ?? 30_000, `${WHERE}.lease`, 100),
    waits: checkOneOf(options.whenRunning ?? 'wait', `${WHERE}.whenRunning`, ['wait', 'reject']) === 'wait',
    onUnknown,
    verify: options.verify === undefined ? undefined : checkFunction(options.verify, `${WHERE}.verify`),
    goesLocal: checkOneOf(options.whenUnavailable ?? 'reject', `${WHERE}.whenUnavailable`, ['reject', 'local']) === 'local',
    keepError: given('keepError', () => false),
    mayHaveHappened: given('mayHaveHappened', isTimeout),
    keyOf: given('keyOf', ({ key }: Execution) => key),
    payloadOf: given('payloadOf', ({ attributes }: Execution) => attributes.payload),
    cache: checkCache(options.cache ?? {}),
    storeTimeoutMs: checkDuration(options.storeTimeout ?? 2000, `${WHERE}.storeTimeout`, 1),
    owner: options.owner === undefined ? undefined : checkName(options.owner, `${WHERE}.owner`),
    clock: options.clock ?? systemClock,
  }
}

function checkState(state: SharedState): SharedState {
  const methods = ['begin', 'keep', 'finish', 'drop'] as const
  if (!methods.every((method) => typeof (state as Partial<SharedState> | undefined)?.[method] === 'function'))
    throw new OptionError(`${WHERE}.state`, 'must be a shared state, such as memorySharedState()', state)
  return state
}

function checkOnceName(value: string): string {
  const name = checkName(value, `${WHERE}.name`)
  if (name.includes('/') || name.length > 64)
    throw new OptionError(`${WHERE}.name`, "must have at most 64 characters and no '/'", name)
  return name
}

function checkCache(cache: Exclude<IdempotencyOptions['cache'], undefined>): OnceRules['cache'] {
  if (cache === false) return undefined
  checkKnown(cache, ['maxKeys', 'idle'], `${WHERE}.cache`)
  return {
    maxKeys: checkInteger(cache.maxKeys ?? 1000, `${WHERE}.cache.maxKeys`, 1),
    idleMs: checkDuration(cache.idle ?? 3_600_000, `${WHERE}.cache.idle`, 1),
  }
}

/** The timeouts of every library bear this name. */
function isTimeout(error: unknown): boolean {
  return typeof error === 'object' && error !== null && (error as { name?: unknown }).name === 'TimeoutError'
}
