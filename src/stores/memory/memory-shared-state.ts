/**
 * Shared state in this process's memory: for tests, and for one process that wants the same code as many. Those who share it
 * share the object.
 */
import { randomUUID } from 'node:crypto'
import type { Clock } from '../../core/clock.ts'
import { systemClock } from '../../core/clock.ts'
import type {
  BeginAnswer,
  BeginRequest,
  Exchange,
  ExchangeAnswer,
  FinishRequest,
  HeardWord,
  LeaseAnswer,
  SharedCapabilities,
  SharedState,
  SharedWarning,
  TakeAnswer,
  TakeRequest,
} from '../../core/shared-state.ts'
import type { StoredState } from '../../core/state-store.ts'
import { checkKnown } from '../../core/validate.ts'
import type { Bucket } from '../rules/bucket.ts'
import { blocked, givenBack, idleAt, remainingIn, settled, takeFrom } from '../rules/bucket.ts'
import type { OnceRecord } from '../rules/once-record.ts'
import { begun, dropped, finished, kept } from '../rules/once-record.ts'
import type { GiveBackRequest } from '../rules/shared-arguments.ts'
import {
  checkBegin,
  checkExchange,
  checkFinish,
  checkGiveBack,
  checkShared,
  checkTake,
  lasting,
  RESEND_MS,
  toJson,
} from '../rules/shared-arguments.ts'
import { notOpen } from '../rules/unavailable.ts'
import { WorkListeners } from '../rules/work-listeners.ts'
import { EndingMap } from './ending-map.ts'

export interface MemorySharedStateOptions {
  /** Default: the system's. Its `wallNow` is the store's clock. */
  readonly clock?: Clock
}

interface Lease {
  readonly owner: string
  readonly ttlMs: number
  readonly until: number
}

interface Reporter {
  readonly words: Map<string, { readonly json: string; readonly saidAt: number }>
  readonly ttlMs: number
  readonly until: number
}

/** What a request id was granted. */
interface Grant {
  readonly granted: number
  readonly readyAt: number
  readonly until: number
}

/**
 * Makes shared state that ends with its object.
 *
 * @throws OptionError
 * @example
 * const state = memorySharedState()
 * await state.open()
 * const lease = await state.acquire('probe/api', 'process-1', 5000)
 */
export function memorySharedState(options: MemorySharedStateOptions = {}): SharedState {
  checkKnown(options, ['clock'], 'memorySharedState')
  return new MemorySharedState(options.clock ?? systemClock)
}

class MemorySharedState implements SharedState {
  readonly capabilities: SharedCapabilities = { name: 'memory', durable: false, multiHost: false }
  readonly description = 'memory:'
  readonly #clock: Clock
  readonly #listeners = new WorkListeners()
  #phase: 'new' | 'open' | 'closed' = 'new'
  readonly #leases = new EndingMap<Lease>(({ until }) => until)
  readonly #reporters = new EndingMap<Reporter>(({ until }) => until)
  readonly #buckets = new EndingMap<Bucket>(idleAt)
  readonly #grants = new EndingMap<Grant>(({ until }) => until)
  readonly #records = new EndingMap<OnceRecord>(({ until }) => until)
  readonly #states = new Map<string, { readonly json: string; readonly updatedAt: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async open(): Promise<void> {
    if (this.#phase === 'closed') throw notOpen(this.description, true)
    this.#phase = 'open'
  }

  async close(): Promise<void> {
    this.#phase = 'closed'
    this.#listeners.clear()
  }

  async check(): Promise<readonly SharedWarning[]> {
    this.#now()
    return []
  }

  async now(): Promise<number> {
    return this.#now()
  }

  async acquire(name: string, owner: string, ttlMs: number): Promise<LeaseAnswer> {
    checkShared(name, 'name')
    checkShared(owner, 'owner')
    const ttl = lasting(ttlMs, 'ttlMs')
    const now = this.#now()
    const held = this.#leases.get(name, now)
    if (held === undefined || held.owner === owner) {
      this.#leases.set(name, { owner, ttlMs: ttl, until: now + ttl }, now)
      return { granted: true, until: now + ttl, now }
    }
    // A clock that was set back must not prolong it.
    const until = Math.min(held.until, now + held.ttlMs)
    if (until < held.until) this.#leases.set(name, { ...held, until }, now)
    return { granted: false, owner: held.owner, until, now }
  }

  async release(name: string, owner: string): Promise<void> {
    checkShared(name, 'name')
    checkShared(owner, 'owner')
    if (this.#leases.get(name, this.#now())?.owner === owner) this.#leases.delete(name)
  }

  async exchange(exchange: Exchange): Promise<ExchangeAnswer> {
    const { reporter, ttlMs, said, takenBack } = checkExchange(exchange)
    const now = this.#now()
    const words = this.#reporters.get(reporter, now)?.words ?? new Map()
    for (const { name, json } of said) words.set(name, { json, saidAt: now })
    for (const name of takenBack) words.delete(name)
    this.#reporters.set(reporter, { words, ttlMs, until: now + ttlMs }, now)
    if (said.length + takenBack.length > 0) this.#listeners.tell()
    return { now, ...this.#heardBy(reporter, now) }
  }

  #heardBy(listener: string, now: number): Pick<ExchangeAnswer, 'reporters' | 'words'> {
    const live = this.#reporters.live(now)
    const words: HeardWord[] = []
    for (const [reporter, row] of live) {
      if (row.until > now + row.ttlMs) this.#reporters.set(reporter, { ...row, until: now + row.ttlMs }, now)
      if (reporter === listener) continue
      for (const [name, { json, saidAt }] of row.words) words.push({ name, reporter, value: JSON.parse(json) as unknown, saidAt })
    }
    return { reporters: live.map(([reporter]) => reporter), words }
  }

  async fallSilent(reporter: string): Promise<void> {
    checkShared(reporter, 'reporter')
    const spoke = this.#reporters.get(reporter, this.#now()) !== undefined
    this.#reporters.delete(reporter)
    if (spoke) this.#listeners.tell()
  }

  async take(request: TakeRequest): Promise<TakeAnswer> {
    const checked = checkTake(request)
    const now = this.#now()
    const before = settled(this.#buckets.get(checked.name, now), now)
    const id = grantKey('take', checked.name, checked.requestId)
    const earlier = this.#grants.get(id, now)
    if (earlier !== undefined) {
      const { granted, readyAt } = earlier
      return { granted, remaining: remainingIn(before, checked), waitMs: Math.max(0, readyAt - now), now }
    }
    const { bucket, answer } = takeFrom(before, checked)
    this.#keep(checked.name, bucket, now)
    if (answer.granted > 0)
      this.#grants.set(id, { granted: answer.granted, readyAt: now + answer.waitMs, until: now + RESEND_MS }, now)
    return answer
  }

  async giveBack(request: GiveBackRequest): Promise<void> {
    const { name, intervalMs, requestId, tokens } = checkGiveBack(request)
    const now = this.#now()
    const id = grantKey('back', name, requestId)
    if (this.#grants.get(id, now) !== undefined) return
    this.#grants.set(id, { granted: tokens, readyAt: now, until: now + RESEND_MS }, now)
    this.#keep(name, givenBack(settled(this.#buckets.get(name, now), now), tokens, intervalMs), now)
  }

  async block(name: string, ms: number): Promise<void> {
    checkShared(name, 'name')
    const length = lasting(ms, 'ms', 0)
    const now = this.#now()
    this.#keep(name, blocked(settled(this.#buckets.get(name, now), now), length), now)
  }

  /** A full bucket is as good as none. */
  #keep(name: string, bucket: Bucket, now: number): void {
    if (idleAt(bucket) > now) this.#buckets.set(name, bucket, now)
    else this.#buckets.delete(name)
  }

  async begin(request: BeginRequest): Promise<BeginAnswer> {
    const checked = checkBegin(request)
    const now = this.#now()
    const { answer, record } = begun(this.#records.get(checked.name, now), checked, randomUUID(), now)
    if (record !== undefined) this.#records.set(checked.name, record, now)
    return answer
  }

  async keep(name: string, token: string, leaseMs: number): Promise<boolean> {
    checkShared(token, 'token')
    const lease = lasting(leaseMs, 'leaseMs')
    return this.#change(checkShared(name, 'name'), (record, now) => kept(record, token, lease, now))
  }

  async finish(request: FinishRequest): Promise<boolean> {
    const { name, token, json, keepMs } = checkFinish(request)
    return this.#change(name, (record, now) => finished(record, token, json, keepMs, now))
  }

  async drop(name: string, token: string): Promise<boolean> {
    checkShared(token, 'token')
    return this.#change(checkShared(name, 'name'), (record, now) => dropped(record, token, now))
  }

  #change(name: string, change: (record: OnceRecord | undefined, now: number) => OnceRecord | undefined): boolean {
    const now = this.#now()
    const record = change(this.#records.get(name, now), now)
    if (record !== undefined) this.#records.set(name, record, now)
    return record !== undefined
  }

  async readStates(prefix: string): Promise<readonly StoredState[]> {
    this.#now()
    return [...this.#states]
      .filter(([name]) => name.startsWith(prefix))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { json, updatedAt }]) => ({ name, value: JSON.parse(json) as unknown, updatedAt }))
  }

  async writeState(name: string, value: unknown): Promise<void> {
    this.#states.set(checkShared(name, 'name'), { json: toJson(value), updatedAt: this.#now() })
  }

  async deleteState(name: string): Promise<void> {
    this.#now()
    this.#states.delete(name)
  }

  onWord(listener: () => void): () => void {
    return this.#listeners.add(listener)
  }

  #now(): number {
    if (this.#phase !== 'open') throw notOpen(this.description, this.#phase === 'closed')
    return Math.floor(this.#clock.wallNow())
  }
}

function grantKey(what: 'take' | 'back', name: string, requestId: string): string {
  return `${what} ${name.length} ${name} ${requestId}`
}
