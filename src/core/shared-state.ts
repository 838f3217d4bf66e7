/**
 * The port of hot state that several processes share: leases, what each process says of a target, token buckets, and records
 * of work that must happen once. Whoever uses it decides locally first: a store that is slow or gone never fails a call, it
 * makes the state local, and health degraded.
 *
 * Rules that every store obeys, proven by testing/shared-state-contract:
 * - One clock, the store's own. Callers pass durations, never times; every answer carries times of that clock, epoch ms.
 * - Every operation is atomic, and safe to send twice: a repetition with the same owner, token or request id, within half a
 *   minute, answers as the first did, and takes nothing again.
 * - Whatever ends by itself (lease, word, record, idle bucket) needs nobody to remove it, and does not pile up.
 * - Durations are rounded up to whole ms and end at 100 years; names have 1 to 512 characters. What is neither is refused with
 *   code `ERR_OPTION`.
 * - Trouble of the store rejects with code `ERR_STORE_UNAVAILABLE` and changes nothing.
 */
import type { StateStore } from './state-store.ts'

export interface SharedCapabilities {
  readonly name: 'memory' | 'sqlite' | 'postgres' | 'redis'
  /** Survives a restart of the store. */
  readonly durable: boolean
  /** Reaches other machines. */
  readonly multiHost: boolean
}

/** A right that one owner has at a time, until it ends by itself. */
export type LeaseAnswer =
  /** It was free, had ended, or was already the asker's; now it lasts until `until`. */
  | { readonly granted: true; readonly until: number; readonly now: number }
  | { readonly granted: false; readonly owner: string; readonly until: number; readonly now: number }

/** What a process says of a name, such as the state of its breaker for a target. Small versioned JSON. */
export interface Word {
  readonly name: string
  /** `undefined` takes the word back. */
  readonly value: unknown
}

export interface HeardWord {
  readonly name: string
  readonly reporter: string
  readonly value: unknown
  /** When it was said last. */
  readonly saidAt: number
}

export interface Exchange {
  /** Who speaks: host + pid + random boot id. */
  readonly reporter: string
  /** Only words that changed need be said again; those said before live on with this call. */
  readonly words: readonly Word[]
  /** All words of this reporter are forgotten so long after its last exchange. */
  readonly ttlMs: number
}

export interface ExchangeAnswer {
  readonly now: number
  /** Everybody who speaks at present, the asker included, whether or not they have a word. */
  readonly reporters: readonly string[]
  /** All words of the others. */
  readonly words: readonly HeardWord[]
}

/** Takes tokens from a bucket that fills by one each `intervalMs` and holds `burst`, by GCRA. */
export interface TakeRequest {
  readonly name: string
  readonly intervalMs: number
  readonly burst: number
  /** How many are wanted, from 1. */
  readonly cost: number
  /** Fewer may be granted, but not fewer than this. Default: `cost`, all or none. */
  readonly atLeast?: number
  /** Tokens of the future may be granted when they are there within so long. Default 0. */
  readonly maxWaitMs?: number
  /** Names this request: sent twice, it takes once. */
  readonly requestId: string
}

export interface TakeAnswer {
  /** 0 when refused. */
  readonly granted: number
  /** Whole tokens left now. */
  readonly remaining: number
  /**
   * When granted: how long to wait before using them, 0 for now. When refused: how long until `atLeast` are there, if nobody
   * else takes them; asked then, it is granted.
   */
  readonly waitMs: number
  readonly now: number
}

/** Begins work that must happen once. */
export interface BeginRequest {
  readonly name: string
  /** This very attempt, not the whole process: the same owner asking again gets the same token. */
  readonly owner: string
  /** Hash of what is to be done; the same name with another one is refused. */
  readonly fingerprint: string
  readonly leaseMs: number
  /** Takes over work whose outcome nobody knows, instead of answering `unknown`. */
  readonly takeOver?: boolean
  /** For how long the name answers `unknown` after a lease that ended without a word. Default a day. */
  readonly keepMs?: number
}

export type BeginAnswer =
  /** Yours: do it, then `finish` or `drop` with this token. */
  | { readonly state: 'started'; readonly token: string; readonly leaseUntil: number; readonly now: number }
  /** Somebody is at it. */
  | { readonly state: 'running'; readonly owner: string; readonly leaseUntil: number; readonly now: number }
  | { readonly state: 'done'; readonly result: unknown; readonly doneAt: number; readonly until: number; readonly now: number }
  /** Its lease ended without a word: it may have happened, or not. */
  | { readonly state: 'unknown'; readonly owner: string; readonly leaseUntil: number; readonly now: number }
  | { readonly state: 'mismatch'; readonly now: number }

export interface FinishRequest {
  readonly name: string
  readonly token: string
  /** JSON. */
  readonly result: unknown
  /** For how long the name answers `done`. */
  readonly keepMs: number
}

/** What is wrong with how the store is set up, such as eviction that may drop a lease. */
export interface SharedWarning {
  readonly code: string
  readonly message: string
  readonly hint: string
}

export interface SharedState extends StateStore {
  readonly capabilities: SharedCapabilities
  /** Where it is, without secrets, for people. */
  readonly description: string

  /** When that rejects, later calls try again by themselves. */
  open(): Promise<void>
  /** Idempotent; afterwards every call rejects. */
  close(): Promise<void>
  /** Proves that it answers now; rejects with the reason otherwise. Answers what its set-up puts at risk. */
  check(): Promise<readonly SharedWarning[]>
  /** Epoch ms by the store's clock. */
  now(): Promise<number>

  /** Takes a lease, or prolongs one's own. */
  acquire(name: string, owner: string, ttlMs: number): Promise<LeaseAnswer>
  /** Ends one's own lease; another's is left. */
  release(name: string, owner: string): Promise<void>

  /** Says what is new, and hears what the others say. */
  exchange(exchange: Exchange): Promise<ExchangeAnswer>
  /** Takes back all words of this reporter, as it leaves. */
  fallSilent(reporter: string): Promise<void>

  take(request: TakeRequest): Promise<TakeAnswer>
  /**
   * Gives tokens back that were granted and not used; never above the burst. The same request id gives back once: that of the
   * take when it is given back in one go, a new one for each part otherwise.
   */
  giveBack(request: Pick<TakeRequest, 'name' | 'intervalMs' | 'burst' | 'requestId'> & { readonly tokens: number }): Promise<void>
  /** Nobody takes from this bucket for so long, as a server asked with its 429. A shorter block never shortens a longer one. */
  block(name: string, ms: number): Promise<void>

  begin(request: BeginRequest): Promise<BeginAnswer>
  /** Prolongs the lease of begun work. False when it is not ours any more. */
  keep(name: string, token: string, leaseMs: number): Promise<boolean>
  /** False when it is not ours any more, and nothing was changed. */
  finish(request: FinishRequest): Promise<boolean>
  /** Frees the name: it did not happen. False when it is not ours any more. */
  drop(name: string, token: string): Promise<boolean>

  /** Called when another process may have said something new. A hint, never relied on. */
  onWord(listener: () => void): () => void
}
