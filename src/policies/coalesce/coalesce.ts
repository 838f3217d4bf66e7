/**
 * Calls of the same key that run at the same time are one call: the first runs, the others get its result. Where asked, results
 * are kept for a while and given to later calls too.
 *
 * Not for operations whose effect each caller wants, and not for results that can be used once, such as an unread `Response`:
 * every caller gets the same object. It belongs outermost; what stands outside of it happens once per caller.
 *
 * A synchronous call finds nothing in flight that it could wait for: it takes a kept result, or runs.
 */

import { answerWithin } from '../../core/answer-within.ts'
import type { PolicyDescription } from '../../core/description.ts'
import { describeError, isHoldfastError, isRejected, OptionError } from '../../core/errors.ts'
import type { LiveExecution } from '../../core/execution.ts'
import { Flight } from '../../core/flight.ts'
import type { Execution, Operation } from '../../core/operation.ts'
import { BasePolicy, STAGES } from '../../core/policy.ts'
import type { Stage } from '../../core/stage.ts'
import { isThenable } from '../../core/thenable.ts'
import { checkClock, checkDuration, checkFunction, checkInteger, checkKnown, checkName } from '../../core/validate.ts'
import { type Kept, ResultCache } from './machine.ts'
import { type CoalesceOptions, checkCombination, KNOWN_OPTIONS, keepsResults, ttlRule } from './options.ts'
import { checkStore, type ResultStore } from './result-store.ts'
import { type CoalesceStored, hydrate, snapshotOf } from './snapshot.ts'

export interface CoalesceStatus {
  /** Keys whose operation runs. */
  readonly inFlight: number
  /** Callers that wait for them. */
  readonly callers: number
  /** Results kept in this process. */
  readonly entries: number
  /** Operations that go on although every caller has left. */
  readonly abandoned: number
}

const MOST_ENTRIES = 10_000_000

export class Coalesce extends BasePolicy {
  readonly #key: ((execution: Execution) => string | undefined) | undefined
  readonly #ttl: (value: unknown) => number
  readonly #errorTtl: (error: unknown) => number
  readonly #copy: ((value: unknown) => unknown) | undefined
  readonly #cache: ResultCache | undefined
  readonly #store: ResultStore | undefined
  readonly #storeTimeoutMs: number
  readonly #flights = new Map<string, Flight>()
  #abandoned = 0

  constructor(options: CoalesceOptions = {}) {
    checkKnown(options, KNOWN_OPTIONS, 'coalesce')
    super(checkName(options.name ?? 'coalesce', 'coalesce.name'), checkClock(options.clock, 'coalesce.clock'))
    checkCombination(options)
    this.#key = options.key === undefined ? undefined : checkFunction(options.key, 'coalesce.key')
    this.#copy = options.copy === undefined ? undefined : checkFunction(options.copy, 'coalesce.copy')
    this.#ttl = ttlRule(options.ttl, 'coalesce.ttl')
    this.#errorTtl = ttlRule(options.errorTtl, 'coalesce.errorTtl')
    this.#store = options.store === undefined ? undefined : checkStore(options.store, 'coalesce.store')
    this.#storeTimeoutMs = checkDuration(options.storeTimeout ?? 250, 'coalesce.storeTimeout', 1)
    const maxEntries = checkInteger(options.maxEntries ?? 1000, 'coalesce.maxEntries', 1, MOST_ENTRIES)
    this.#cache = keepsResults(options) && this.#store === undefined ? new ResultCache(maxEntries) : undefined
  }

  override describe(): PolicyDescription {
    const keeps = this.#store === undefined ? (this.#cache === undefined ? 'nothing' : 'in this process') : 'in a store'
    return { name: this.name, type: 'coalesce', options: { keeps }, state: { ...this.status() } }
  }

  get [STAGES](): readonly Stage[] {
    return [
      { type: 'layer', layer: (next) => ((execution: Execution) => this.#run(next, execution as LiveExecution)) as typeof next },
    ]
  }

  status(): CoalesceStatus {
    let callers = 0
    let inFlight = 0
    for (const flight of this.#flights.values()) {
      callers += flight.callers
      if (flight.callers > 0) inFlight++
    }
    return { inFlight, callers, entries: this.#cache?.size ?? 0, abandoned: this.#abandoned }
  }

  /**
   * Forgets what is kept under a key; a call of it that runs goes on for its callers, and no later one joins it.
   *
   * @param key as the caller's `key` was, or as the option `key` answered
   * @param operation as the caller's `operation` was; not where the option `key` is used
   */
  async invalidate(key: string, operation?: string): Promise<void> {
    if (this.#key !== undefined && operation !== undefined)
      throw new OptionError('operation', "is no part of the key where the option 'key' makes it", operation)
    const full = this.#key === undefined ? defaultKey(key, operation) : key
    this.#cache?.delete(full)
    this.#flights.delete(full)
    if (this.#store !== undefined) await this.#ask('delete', (store) => store.delete(this.#storeKey(full)))
  }

  /** Forgets every result kept in this process; no later call joins one that runs. A store keeps what it has. */
  clear(): void {
    this.#cache?.clear()
    this.#flights.clear()
  }

  /** The results kept in this process, as data that can outlive it where the results can. Errors are left out. */
  snapshot(): CoalesceStored {
    return snapshotOf(this.#cache, this.clock)
  }

  /**
   * Takes up the results of a snapshot for what is left of their time, and never longer than `ttl` gives them now.
   *
   * @throws OptionError when it is not a snapshot of a version that this release knows
   */
  hydrate(stored: unknown): void {
    hydrate(this.#cache, stored, this.clock, this.#ttl)
  }

  #run(next: Operation<unknown>, call: LiveExecution): unknown {
    const key = this.#keyOf(call)
    if (key === undefined) return next(call)
    if (call.aborted) throw call.abortReason
    const hit = this.#cache?.get(key, call.clock.now())
    if (hit !== undefined) {
      if (this.events.active) this.events.emit({ ...this.about(call), type: 'coalesce.hit', ageMs: hit.ageMs })
      return this.#handOut(hit.kept)
    }
    if (call.sync) return this.#runSync(key, next, call)
    let flight = this.#flights.get(key)
    if (flight === undefined) flight = this.#takeOff(key, next, call)
    else if (this.events.active) this.events.emit({ ...this.about(call), type: 'coalesce.joined', callers: flight.callers + 1 })
    const result = flight.join(call)
    return this.#copy === undefined ? result : result.then(this.#copy)
  }

  #keyOf(call: LiveExecution): string | undefined {
    if (this.#key === undefined) return call.key === undefined ? undefined : defaultKey(call.key, call.operation)
    const key = this.#key(call)
    if (key !== undefined && typeof key !== 'string')
      throw new OptionError('coalesce.key()', 'must answer a string, or undefined to share nothing', key)
    return key
  }

  #handOut(kept: Kept): unknown {
    if ('error' in kept) throw kept.error
    return this.#copy === undefined ? kept.value : this.#copy(kept.value)
  }

  #runSync(key: string, next: Operation<unknown>, call: LiveExecution): unknown {
    if (this.#store !== undefined)
      throw new OptionError('executeSync', 'cannot ask a store, whose answer has to be awaited; use execute', this.name)
    let value: unknown
    try {
      value = next(call)
    } catch (error) {
      if (!call.aborted) this.#keep(key, { error })
      throw error
    }
    // A promise is refused further out.
    if (isThenable(value)) return value
    if (!call.aborted) this.#keep(key, { value })
    return this.#handOut({ value })
  }

  #takeOff(key: string, next: Operation<unknown>, call: LiveExecution): Flight {
    const flight = new Flight(key, call, this.#allLeft)
    this.#flights.set(key, flight)
    const run = this.#store === undefined ? next : () => this.#viaStore(flight, next)
    flight.begin(run).then(
      (value) => this.#landed(flight, { value }),
      (error) => this.#landed(flight, { error }),
    )
    return flight
  }

  readonly #allLeft = (flight: Flight): void => {
    this.#abandoned++
    this.#forget(flight)
    if (this.events.active) this.events.emit({ ...this.about(flight.execution), type: 'coalesce.cancelled' })
  }

  #forget(flight: Flight): void {
    if (this.#flights.get(flight.key) === flight) this.#flights.delete(flight.key)
  }

  #landed(flight: Flight, kept: Kept): void {
    if (flight.execution.aborted) this.#abandoned--
    // What everybody left, or what was invalidated while it ran, is not kept.
    if (this.#flights.get(flight.key) !== flight) return
    if (this.#store === undefined) {
      this.#forget(flight)
      return this.#keep(flight.key, kept)
    }
    // Until it is written newcomers find the result here.
    void this.#write(flight, kept).then(() => this.#forget(flight))
  }

  #keep(key: string, kept: Kept): void {
    if (this.#cache === undefined) return
    const ttlMs = 'value' in kept ? this.#ttl(kept.value) : isKeepable(kept.error) ? this.#errorTtl(kept.error) : 0
    if (ttlMs > 0) this.#cache.set(key, kept, ttlMs, this.clock.now())
  }

  async #viaStore(flight: Flight, next: Operation<unknown>): Promise<unknown> {
    const { execution } = flight
    const found = await this.#ask('get', (store) => store.get(this.#storeKey(flight.key)))
    if (execution.aborted) throw execution.abortReason
    if (typeof found === 'object' && found !== null && 'value' in found) {
      flight.fromStore = true
      if (this.events.active) this.events.emit({ ...this.about(execution), type: 'coalesce.hit' })
      return found.value
    }
    execution.refresh()
    return next(execution)
  }

  async #write(flight: Flight, kept: Kept): Promise<void> {
    if ('error' in kept || flight.fromStore) return
    const ttlMs = this.#ttl(kept.value)
    if (ttlMs > 0) await this.#ask('set', (store) => store.set(this.#storeKey(flight.key), kept.value, ttlMs))
  }

  /** The store's answer; undefined when it fails or takes too long. */
  async #ask(during: 'get' | 'set' | 'delete', ask: (store: ResultStore) => unknown): Promise<unknown> {
    try {
      return await answerWithin(this.clock, this.#storeTimeoutMs, () => ask(this.#store!))
    } catch (error) {
      if (this.events.active)
        this.events.emit({ ...this.about(), type: 'coalesce.store-failed', during, error: describeError(error) })
      return undefined
    }
  }

  #storeKey(key: string): string {
    return `${this.name}:${key}`
  }
}

/** Unambiguous: `a` of operation `b` is no other call's key, whatever characters are in it. */
function defaultKey(key: string, operation: string | undefined): string {
  return operation === undefined ? `:${key}` : `${operation.length}:${operation}:${key}`
}

/** A refusal says nothing of the key, and a wrong use of this library is mended by a change of code. */
function isKeepable(error: unknown): boolean {
  return !isRejected(error) && !(isHoldfastError(error) && error.code === 'ERR_OPTION')
}

/**
 * @throws OptionError for an unknown option, a value out of bounds, or options that would have no effect
 * @example
 * const once = coalesce({ ttl: '5s' })
 * const user = await once.execute(() => ({ name: 'Ada' }), { key: 'user:1' })
 */
export function coalesce(options: CoalesceOptions = {}): Coalesce {
  return new Coalesce(options)
}
