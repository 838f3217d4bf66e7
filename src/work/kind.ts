/**
 * A kind of job: what to do, at which target, and what happens when it does not work. Defined once, before any job of it.
 */
import type { Clock } from '../core/clock.ts'
import type { Duration } from '../core/duration.ts'
import { OptionError } from '../core/errors.ts'
import { checkDuration, checkFunction, checkInteger, checkKnown, checkName, checkOneOf } from '../core/validate.ts'
import type { Backoff, BackoffOptions } from './backoff.ts'
import { compileBackoff } from './backoff.ts'
import type { Job } from './job.ts'
import { MAX_PRIORITY } from './job.ts'
import type { KindRetention, RetentionOptions } from './kind-retention.ts'
import { compileRetention } from './kind-retention.ts'
import type { Fence } from './store.ts'

/** What a handler knows about the job it does. */
export interface JobContext {
  readonly id: string
  readonly kind: string
  readonly target: string
  /** From 1; the same number again after a refusal, a shutdown or a lost lease. */
  readonly attempt: number
  /** The same in every attempt, and in every generation: pass it on to whatever must not happen twice. */
  readonly idempotencyKey: string
  readonly traceparent?: string
  /** How often the job came back from the dead letters. */
  readonly generation: number
  /** Aborts on timeout, cancel, lost lease and shutdown. Made when first read. */
  readonly signal: AbortSignal
  /** When the time is up, as a reading of `clock.now()`. */
  readonly deadline: number
  readonly clock: Clock
  /** Proof of this claim, for a store's `completeWith`. */
  readonly fence: Fence
  readonly log?: JobLog
}

/** Notes from a handler, for the installation's log. */
export type JobLog = (message: string, details?: Readonly<Record<string, unknown>>) => void

/** Does the job. Returns its result (JSON, kept with the job), or a value of steering.ts. */
export type Handler<P = unknown> = (payload: P, context: JobContext) => unknown

/**
 * What to do when nobody knows whether an attempt took effect (timed out after it began, worker gone in the middle):
 * run it again, ask `verify` first, or set it aside for a person.
 */
export type UnknownPolicy = 'rerun' | 'verify' | 'park'

/** `done`: it took effect; `notDone`: it did not, run it again; `unknown`: a person has to look. */
export type VerifyAnswer = 'done' | 'notDone' | 'unknown'

export type Verify<P = unknown> = (
  payload: P,
  context: { readonly id: string; readonly idempotencyKey: string; readonly job: Job; readonly signal: AbortSignal },
) => VerifyAnswer | PromiseLike<VerifyAnswer>

export interface KindOptions<P = unknown> {
  readonly name: string
  /** The target, or how to read it off a payload. */
  readonly target: string | ((payload: P, idempotencyKey?: string) => string)
  readonly handler: Handler<P>
  /** All attempts that count, the first included. Default 10. */
  readonly maxAttempts?: number
  /** Default 1 s, doubling to 5 min, equal jitter. */
  readonly backoff?: BackoffOptions
  /** The longest wait that a target's `Retry-After` is granted. Default 1 h. */
  readonly retryAfterMax?: Duration
  /** For one attempt. Default 30 s. */
  readonly timeout?: Duration
  /** How long a claim holds without renewal, which comes at a third of it. Default 30 s, at least 1 s. */
  readonly lease?: Duration
  /** Default `rerun`. */
  readonly onUnknown?: UnknownPolicy
  /** Required by, and only for, `onUnknown: 'verify'`. */
  readonly verify?: Verify<P>
  /** Jobs of this kind at once in one worker. Default: the worker's. */
  readonly concurrency?: number
  /**
   * What must not run side by side, such as an account or a document: of jobs of this kind with the same key at most
   * `concurrencyPerKey` run at once, whichever processes share the store. Undefined: no limit for this job. Every process must
   * define it alike. Default: no keys.
   */
  readonly concurrencyKey?: (payload: P) => string | undefined
  /** Default 1. Only with `concurrencyKey`. */
  readonly concurrencyPerKey?: number
  /** From -1000 to 1000, higher first; a request may say otherwise. Default 0. */
  readonly priority?: number
  /** Set aside as poison when its worker vanished so often. Default 3. */
  readonly maxLostLeases?: number
  /** For how long a key answers with its first job. Default 24 h. */
  readonly idempotencyWindow?: Duration
  /** How dead letters come back by themselves: so often, after growing waits. Default 5, from 5 min by 3 to 6 h. */
  readonly deadLetter?: BackoffOptions & { readonly retries?: number }
  /**
   * How long finished jobs of this kind are kept, and how many; the kind is then counted alone. What it leaves out is as for all
   * kinds. Every process must define it alike. Default: the runtime's `retention`, with all other kinds together.
   */
  readonly retention?: RetentionOptions
  /** Throws what is wrong with a payload, best as `JobInvalidError` with the field's path. */
  readonly validate?: (payload: P) => void
}

/** A kind as compiled by `defineKind`: frozen, in milliseconds. */
export interface Kind {
  readonly name: string
  readonly targetOf: (payload: unknown, idempotencyKey?: string) => string
  readonly handler: Handler
  readonly maxAttempts: number
  readonly backoff: Backoff
  readonly retryAfterMaxMs: number
  readonly timeoutMs: number
  readonly leaseMs: number
  readonly onUnknown: UnknownPolicy
  readonly verify?: Verify
  readonly concurrency: number
  readonly concurrencyKey?: (payload: unknown) => string | undefined
  /** Infinite without keys. */
  readonly concurrencyPerKey: number
  readonly priority: number
  readonly maxLostLeases: number
  readonly idempotencyWindowMs: number
  readonly deadLetter: Backoff & { readonly retries: number }
  /** Absent: as for all kinds. */
  readonly retention?: KindRetention
  readonly validate?: (payload: unknown) => void
}

const KNOWN = [
  'name',
  'target',
  'handler',
  'maxAttempts',
  'backoff',
  'retryAfterMax',
  'timeout',
  'lease',
  'onUnknown',
  'verify',
  'concurrency',
  'concurrencyKey',
  'concurrencyPerKey',
  'priority',
  'maxLostLeases',
  'idempotencyWindow',
  'deadLetter',
  'retention',
  'validate',
] as const

const MAX_PER_KEY = 1_000_000

/**
 * Checks and freezes a kind.
 *
 * @throws OptionError naming the kind and the option
 * @example
 * // given send
 * const mail = defineKind({ name: 'mail', target: 'smtp', handler: (payload, { signal }) => send(payload, signal) })
 */
export function defineKind<P = unknown>(options: KindOptions<P>): Kind {
  checkKnown(options, KNOWN, 'kind')
  const name = checkKindName(options.name)
  const where = (option: string): string => `kind '${name}'.${option}`
  const onUnknown = checkOneOf(options.onUnknown ?? 'rerun', where('onUnknown'), ['rerun', 'verify', 'park'] as const)
  if ((onUnknown === 'verify') !== (options.verify !== undefined))
    throw new OptionError(where('verify'), "must be given with onUnknown: 'verify', and only then", options.verify)
  return Object.freeze({
    name,
    targetOf: compileTarget(options.target as KindOptions['target'], where('target')),
    handler: checkFunction(options.handler, where('handler')) as Handler,
    maxAttempts: checkInteger(options.maxAttempts ?? 10, where('maxAttempts'), 1),
    backoff: compileBackoff(options.backoff ?? {}, { initial: '1s', factor: 2, max: '5m', jitter: 'equal' }, where('backoff')),
    retryAfterMaxMs: checkDuration(options.retryAfterMax ?? '1h', where('retryAfterMax')),
    timeoutMs: checkDuration(options.timeout ?? '30s', where('timeout'), 1),
    leaseMs: checkDuration(options.lease ?? '30s', where('lease'), 1000),
    onUnknown,
    ...(options.verify === undefined ? {} : { verify: checkFunction(options.verify, where('verify')) as Verify }),
    concurrency: options.concurrency === undefined ? Infinity : checkInteger(options.concurrency, where('concurrency'), 1),
    ...compileKeys(options as KindOptions, where),
    priority: checkInteger(options.priority ?? 0, where('priority'), -MAX_PRIORITY, MAX_PRIORITY),
    maxLostLeases: checkInteger(options.maxLostLeases ?? 3, where('maxLostLeases'), 1),
    idempotencyWindowMs: checkDuration(options.idempotencyWindow ?? '24h', where('idempotencyWindow')),
    deadLetter: compileDeadLetter(options.deadLetter ?? {}, where('deadLetter')),
    ...(options.retention === undefined ? {} : { retention: compileRetention(options.retention, where('retention')) }),
    ...(options.validate === undefined
      ? {}
      : { validate: checkFunction(options.validate, where('validate')) as (payload: unknown) => void }),
  })
}

/** Kinds by name. @throws OptionError when two have the same one */
export function kindTable(kinds: Iterable<Kind>): ReadonlyMap<string, Kind> {
  const table = new Map<string, Kind>()
  for (const kind of kinds) {
    if (table.has(kind.name)) throw new OptionError('kinds', 'must have different names', kind.name)
    table.set(kind.name, kind)
  }
  return table
}

function checkKindName(value: unknown): string {
  const name = checkName(value, 'kind.name')
  if (!/^[A-Za-z0-9][\w.:-]{0,99}$/.test(name))
    throw new OptionError('kind.name', 'must be 1 to 100 letters, digits and . _ : -, beginning with a letter or digit', name)
  return name
}

function compileTarget(target: KindOptions['target'], where: string): Kind['targetOf'] {
  if (typeof target === 'function') return target
  const name = checkName(target, where)
  return () => name
}

function compileKeys(
  { concurrencyKey, concurrencyPerKey }: KindOptions,
  where: (option: string) => string,
): Pick<Kind, 'concurrencyKey' | 'concurrencyPerKey'> {
  if (concurrencyKey === undefined && concurrencyPerKey !== undefined)
    throw new OptionError(where('concurrencyPerKey'), "goes with 'concurrencyKey'", concurrencyPerKey)
  if (concurrencyKey === undefined) return { concurrencyPerKey: Number.POSITIVE_INFINITY }
  return {
    concurrencyKey: checkFunction(concurrencyKey, where('concurrencyKey')),
    concurrencyPerKey: checkInteger(concurrencyPerKey ?? 1, where('concurrencyPerKey'), 1, MAX_PER_KEY),
  }
}

function compileDeadLetter(options: NonNullable<KindOptions['deadLetter']>, where: string): Kind['deadLetter'] {
  checkKnown(options, ['retries', 'initial', 'factor', 'max', 'jitter'], where)
  const { retries = 5, ...backoff } = options
  return Object.freeze({
    ...compileBackoff(backoff, { initial: '5m', factor: 3, max: '6h', jitter: 'equal' }, where),
    retries: checkInteger(retries, `${where}.retries`, 0),
  })
}
