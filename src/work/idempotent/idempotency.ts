/**
 * Does what has a key once: a duplicate gets the result of the first, waits for it, or is refused, in this process or any other
 * that shares the state, and after a restart.
 *
 * Not exactly once: between the work and the store's word for it a process may die, and nobody knows then. `onUnknown` says what
 * to do about it; by default nothing is done twice. Pass the key on to whoever can recognise it.
 */
import { hash } from 'node:crypto'
import { hostname } from 'node:os'
import { abortable } from '../../core/abortable.ts'
import type { PolicyDescription } from '../../core/description.ts'
import { HoldfastError, OptionError } from '../../core/errors.ts'
import type { LiveExecution } from '../../core/execution.ts'
import { Flight } from '../../core/flight.ts'
import type { ExecuteOptions, Execution, Operation } from '../../core/operation.ts'
import { BasePolicy, STAGES } from '../../core/policy.ts'
import type { Stage } from '../../core/stage.ts'
import { idSource } from '../ids.ts'
import { checkPayload, fingerprint } from '../payload.ts'
import { mismatch, running } from './idempotency-error.ts'
import { OnceEvents } from './once-events.ts'
import { type OnceKeeper, OnceRun, StoreSilent } from './once-run.ts'
import { type IdempotencyOptions, type OnceRules, readRules } from './options.ts'
import { type Done, recordOf, replay } from './record.ts'
import { RecordCache } from './record-cache.ts'
import { SettleLater } from './settle-later.ts'

export interface OnceOptions extends Omit<ExecuteOptions, 'key'> {
  /** What is to be done, as JSON: the same key with another payload is an error. */
  readonly payload?: unknown
}

interface Underway {
  readonly flight: Flight
  readonly fingerprint: string
  readonly startedAt: number
  /** Resolves when it has ended, however it did. */
  readonly ended: Promise<void>
}

/** The longest key that is kept as it is; of a longer one, its hash. */
const LONGEST_KEY = 400
/** After a failure the store is left alone for so long, where there is a way without it. */
const LOCAL_MS = 1000

export class Idempotency extends BasePolicy {
  readonly #rules: OnceRules
  readonly #cache: RecordCache | undefined
  readonly #later: SettleLater
  readonly #underway = new Map<string, Underway>()
  readonly #events = new OnceEvents(this.events, (execution) => this.about(execution))
  readonly #owner: string
  readonly #nextId: () => string
  #closed = false
  #degraded = false
  #askAgainAt = Number.NEGATIVE_INFINITY

  constructor(options: IdempotencyOptions) {
    const rules = readRules(options)
    super(rules.name, rules.clock)
    this.#rules = rules
    this.#cache = rules.cache === undefined ? undefined : new RecordCache(rules.cache)
    this.#later = new SettleLater(rules)
    this.#owner = rules.owner ?? `${hostname()}#${process.pid}`
    this.#nextId = idSource(rules.clock)
  }

  /** True while the store does not answer, or does not know yet what was done. */
  get degraded(): boolean {
    return this.#degraded || this.#later.pending > 0
  }

  override describe(): PolicyDescription {
    const { windowMs, coolDownMs, leaseMs, onUnknown } = this.#rules
    const state = { inFlight: this.#underway.size, remembered: this.#cache?.size ?? 0, degraded: this.degraded }
    return { name: this.name, type: 'idempotency', options: { windowMs, coolDownMs, leaseMs, onUnknown }, state }
  }

  get [STAGES](): readonly Stage[] {
    return [
      {
        type: 'layer',
        layer: (next) => ((execution: Execution) => this.#enter(next, execution as LiveExecution)) as typeof next,
      },
    ]
  }

  /**
   * Runs `fn` unless its key is taken.
   *
   * @returns what `fn` returned, now or the first time; the first time's is a copy, as JSON has it
   * @throws IdempotencyError when it was not run, or its result dropped; whatever `fn` fails with
   */
  async run<T>(key: string, fn: Operation<T>, options: OnceOptions = {}): Promise<T> {
    const { payload, attributes, ...rest } = options
    if (typeof key !== 'string' || key === '') throw new OptionError('key', 'must be a non-empty string', key)
    return this.execute(fn, { ...rest, key, attributes: payload === undefined ? attributes : { ...attributes, payload } })
  }

  /**
   * Says what became of a key whose outcome nobody knew: it happened, with this result, or it did not.
   *
   * @param payload the one of the call, where it had one
   * @returns false when the key is not unknown
   */
  async resolve(key: string, outcome: { readonly done: unknown } | 'notDone', payload?: unknown): Promise<boolean> {
    const { state, coolDownMs, leaseMs, unknownMs, windowMs } = this.#rules
    const name = this.#storedKey(key)
    const request = { name, owner: this.#nextOwner(), fingerprint: this.#fingerprintOf(payload), leaseMs, keepMs: unknownMs }
    const found = await state.begin({ ...request, takeOver: false })
    if (found.state === 'mismatch') throw mismatch(this.name, key)
    if (found.state === 'started') await state.drop(name, found.token)
    if (found.state !== 'unknown') return false
    const taken = await state.begin({ ...request, takeOver: true })
    if (taken.state !== 'started') return false
    if (outcome === 'notDone') return state.drop(name, taken.token)
    return state.finish({ name, token: taken.token, result: recordOf(outcome.done, windowMs > 0), keepMs: coolDownMs })
  }

  /** Resolves when nothing runs any more and the store was told, as far as it answers. New calls are refused. */
  async close(): Promise<void> {
    this.#closed = true
    while (this.#underway.size > 0) await Promise.all([...this.#underway.values()].map(({ ended }) => ended))
    await this.#later.close()
  }

  #enter(next: Operation<unknown>, call: LiveExecution): unknown {
    const key = this.#rules.keyOf(call)
    if (key === undefined) return next(call)
    if (typeof key !== 'string' || key === '') throw new OptionError('idempotency.keyOf()', 'must answer a non-empty string', key)
    if (call.sync)
      throw new OptionError('executeSync', 'cannot ask a store, whose answer has to be awaited; use execute', this.name)
    if (call.aborted) throw call.abortReason
    if (this.#closed) throw new HoldfastError('no new work: closed', { code: 'ERR_SHUT_DOWN', policy: this.name })
    return this.#once(key, next, call).catch((error: unknown) => {
      this.#events.refused(call, error)
      throw error
    })
  }

  async #once(key: string, next: Operation<unknown>, call: LiveExecution): Promise<unknown> {
    const payload = this.#rules.payloadOf(call)
    const print = this.#fingerprintOf(payload)
    for (;;) {
      const known = this.#cache?.get(key, this.clock.now())
      if (known !== undefined) {
        if (known.fingerprint !== print) throw mismatch(this.name, key)
        return this.#replay(key, known, call)
      }
      const underway = this.#underway.get(key)
      if (underway === undefined) return this.#begin({ key, print, payload }, next, call).join(call)
      if (underway.fingerprint !== print) throw mismatch(this.name, key)
      if (!this.#rules.waits) throw running(this.name, key, this.#owner, this.#leaseLeft(underway))
      this.#events.tell(call, () => ({ type: 'idempotency.joined', where: 'here' }))
      if (!underway.flight.execution.aborted) return underway.flight.join(call)
      // Everybody has left it, but it may not have ended.
      await abortable(underway.ended, call.cancellable ? call.signal : undefined)
    }
  }

  #leaseLeft({ startedAt }: Underway): number {
    const { leaseMs } = this.#rules
    const sinceRenewed = (this.clock.now() - startedAt) % (leaseMs / 3)
    return Math.max(1, Math.ceil(leaseMs - sinceRenewed))
  }

  #begin(
    work: { readonly key: string; readonly print: string; readonly payload: unknown },
    next: Operation<unknown>,
    call: LiveExecution,
  ): Flight {
    const { key, print, payload } = work
    const flight = new Flight(key, call, () => {})
    const stored = this.#storedKey(key)
    const once = { key, stored, fingerprint: print, payload, owner: this.#nextOwner(), flight, next }
    const result = flight.begin(() => this.#throughStore(new OnceRun(once, this.#rules, this.#later, this.#keeper), once))
    const end = (): void => {
      this.#underway.delete(key)
    }
    const underway = { flight, fingerprint: print, startedAt: this.clock.now(), ended: result.then(end, end) }
    this.#underway.set(key, underway)
    return flight
  }

  /** Where the store does not answer, and the options allow it, the work is done all the same. */
  async #throughStore(
    run: OnceRun,
    once: { readonly key: string; readonly fingerprint: string; readonly flight: Flight; readonly next: Operation<unknown> },
  ): Promise<unknown> {
    const { goesLocal, windowMs, coolDownMs } = this.#rules
    try {
      if (!goesLocal || this.clock.now() >= this.#askAgainAt) return await run.go()
    } catch (error) {
      if (!(error instanceof StoreSilent) || run.began) throw error
      this.#degraded = true
      if (!goesLocal) throw error
      this.#askAgainAt = this.clock.now() + LOCAL_MS
      this.#events.trouble(once.flight.execution, 'idempotency.local', error.cause)
    }
    once.flight.execution.refresh()
    const value = await once.next(once.flight.execution)
    this.#remember(once.key, once.fingerprint, { record: recordOf(value, windowMs > 0), ageMs: 0, freeInMs: coolDownMs })
    return value
  }

  #replay(key: string, done: Done, call: LiveExecution): unknown {
    const value = replay(this.name, key, done, this.#rules.windowMs)
    this.#events.tell(call, () => ({ type: 'idempotency.replayed', from: 'memory', ageMs: done.ageMs }))
    return value
  }

  #remember(key: string, print: string, done: Done): void {
    this.#cache?.set(key, print, done, this.clock.now())
  }

  readonly #keeper: OnceKeeper = {
    events: this.#events,
    done: (key, print, done) => this.#remember(key, print, done),
    storeAnswered: () => {
      this.#degraded = false
      this.#askAgainAt = Number.NEGATIVE_INFINITY
    },
  }

  #fingerprintOf(payload: unknown): string {
    return fingerprint(this.name, payload === undefined ? null : checkPayload(payload))
  }

  #nextOwner(): string {
    return `${this.#owner}#${this.#nextId()}`
  }

  /** Text that every store can keep under an index. */
  #storedKey(key: string): string {
    const plain = key.length <= LONGEST_KEY && !key.includes('\0') && key.isWellFormed()
    return `once/${this.name}/${plain ? `=${key}` : `#${hash('sha256', key, 'base64url')}`}`
  }
}

/**
 * @throws OptionError for an unknown option, a value out of bounds, or options that contradict each other
 * @example
 * // given state, client
 * const once = idempotency({ state, name: 'replies', window: '24h' })
 * const reply = await once.run('tweet 17 / profile ada', () => client.reply('17', 'Thanks!'))
 */
export function idempotency(options: IdempotencyOptions): Idempotency {
  return new Idempotency(options)
}
