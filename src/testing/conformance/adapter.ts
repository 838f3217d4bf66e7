/**
 * What the conformance scenarios see of a library: how to make its parts, and how to let time pass.
 *
 * A part that a library does not have is left out, and the scenarios that need it do not apply. A part is made the way the
 * library's own documentation would, with the option that serves it best; a scenario never looks inside.
 */

/** What a scenario gives to run. A library hands it what it has: a signal, the number of the attempt. */
export type Work = (context: { readonly signal?: AbortSignal; readonly attempt?: number }) => unknown

export interface CallOptions {
  /** Cancels the call. Only given to parts that say they take one. */
  readonly signal?: AbortSignal
  readonly key?: string
}

/** Anything that runs work under a policy. It always answers with a promise. */
export interface Caller {
  call(work: Work, options?: CallOptions): Promise<unknown>
}

/** Moves time for everything that an adapter made. */
export interface ConformanceTime {
  /** Monotonic ms. */
  now(): number
  /** Epoch ms. */
  wallNow(): number
  /** Lets `ms` pass, with what becomes due, and lets promises settle; `advance(0)` only the latter. */
  advance(ms: number): Promise<void>
  /** Moves the wall clock alone, as NTP or a person would. */
  stepWall(ms: number): void
  /** True when nothing passes but by `advance`, so that waits can be compared to the ms. */
  readonly exact: boolean
  /** Timers that wait, where that can be told. */
  pendingTimers?(): number
}

export type BreakerState = 'closed' | 'open' | 'half-open' | 'isolated'

export interface BreakerSpec {
  /** So many failures in a row, with no success among them, open it. */
  readonly failures: number
  readonly openMs: number
  /** How many calls may probe at once when it is half-open. */
  readonly probes?: number
}

export interface BreakerPart extends Caller {
  state(): BreakerState
}

export interface RateBreakerSpec {
  /** It opens when more than this share of the finished calls failed … */
  readonly failureRate: number
  /** … of at least so many … */
  readonly minimumCalls: number
  /** … in this time. */
  readonly windowMs: number
  readonly openMs: number
}

export interface RetrySpec {
  /** Total: the first call counts. */
  readonly attempts: number
  readonly delayMs: number
  /** What each wait is multiplied with. Default 1. */
  readonly factor?: number
  readonly maxDelayMs?: number
}

export interface LimiterPart {
  /** Takes one if there is one; otherwise says when. */
  take(key?: string): Promise<{ readonly allowed: boolean; readonly retryAfterMs?: number }>
}

export interface RateSpec {
  readonly limit: number
  readonly perMs: number
}

export interface Keyed {
  /** How many keys are remembered. */
  keys(): number
}

/** A right that was taken by hand. */
export interface PermitPart {
  release(): void
}

/** What lets in, by hand. Answers nothing when it does not. */
export interface PermitGate {
  acquire(): PermitPart | undefined
}

export interface HedgeSpec {
  /** So many runs at most, the first included. */
  readonly attempts: number
  /** The next one starts after this long. */
  readonly delayMs: number
}

/** A store as somebody else's client offers it: every answer is a promise. */
export interface AsyncStore {
  get(key: string): Promise<unknown>
  set(key: string, value: unknown): Promise<void>
}

/** The parts, by the name under which scenarios ask for them. */
export interface Parts {
  breaker(spec: BreakerSpec): BreakerPart
  /** A breaker whose probe is given up after `probeMs`, in the library's best way. */
  leasedBreaker(spec: BreakerSpec & { readonly probeMs: number }): BreakerPart
  /** A breaker whose calls take a signal. */
  cancellableBreaker(spec: BreakerSpec): BreakerPart
  rateBreaker(spec: RateBreakerSpec): BreakerPart
  /** A breaker that can be written down and made again from that, in another process. */
  storedBreaker(spec: BreakerSpec, stored?: unknown): BreakerPart & { snapshot(): unknown }
  /** The same, taken out of use and put back by hand. */
  isolatableBreaker(spec: BreakerSpec, stored?: unknown): BreakerPart & { snapshot(): unknown; isolate(): void; release(): void }
  /** A breaker in which calls can be admitted without a function: half-open, with one probe. */
  probePermits(): Promise<PermitGate>
  /** A limit on what runs at once, taken by hand. */
  permits(limit: number): PermitGate
  /** After closing, a breaker that lets calls in again little by little, over `rampMs`. */
  rampingBreaker(spec: BreakerSpec & { readonly rampMs: number }): BreakerPart

  timeout(limitMs: number): Caller
  /** Its work is given a signal. */
  signallingTimeout(limitMs: number): Caller
  /** Its calls take a signal. */
  cancellableTimeout(limitMs: number): Caller
  /** At most `limit` at once, and each at most `limitMs`. */
  timedBulkhead(spec: { readonly limit: number; readonly limitMs: number }): Caller

  retry(spec: RetrySpec): Caller
  /** Its calls take a signal. */
  cancellableRetry(spec: RetrySpec): Caller
  /** Waits are spread, in the library's best way. */
  jitteredRetry(spec: RetrySpec): Caller
  /** Waits grow by exactly `factor`, without jitter. */
  growingRetry(spec: RetrySpec): Caller
  /** An option that is called `maxAttempts`. */
  maxAttempts(count: number): Caller
  /** Retries that share a budget: so many in all. `delayMs` before each. */
  budgetedRetry(spec: RetrySpec & { readonly budget: number }): Caller
  /** Retries that obey what a server asked for. `failure` makes the error of an answer with these headers. */
  obedientRetry(spec: RetrySpec & { readonly longestMs: number }): Caller & {
    failure(headers: Readonly<Record<string, string>>): unknown
  }
  /** Ends, as a whole, within this long. */
  boundedObedientRetry(spec: RetrySpec & { readonly withinMs: number }): Caller & {
    failure(headers: Readonly<Record<string, string>>): unknown
  }

  /** At most `limit` at once; `queue` may wait. */
  bulkhead(spec: { readonly limit: number; readonly queue: number }): Caller
  /** Its calls take a signal. */
  cancellableBulkhead(spec: { readonly limit: number; readonly queue: number }): Caller

  /** Rejects what is too much. */
  limiter(spec: RateSpec): LimiterPart
  keyedLimiter(spec: RateSpec): LimiterPart & Keyed
  /** The same with a cap on the number of keys. */
  cappedLimiter(spec: RateSpec & { readonly maxKeys: number }): LimiterPart & Keyed
  /** Lets what is too much wait for its turn. */
  pacer(spec: RateSpec): Caller
  keyedPacer(spec: RateSpec): Caller & Keyed

  /** Runs the same work again when it is slow, and takes the first good answer. */
  hedge(spec: HedgeSpec): Caller
  /** Refuses calls on this side while the target takes only some of them. `refusal` is an error that means that it did not. */
  throttle(): Caller & { readonly refusal: unknown }
  /** A limit on what runs at once that finds itself between these. `dropped` is an error that means overload. */
  adaptiveLimiter(spec: { readonly initial: number; readonly min: number; readonly max: number }): Caller & {
    limit(): number
    readonly dropped: unknown
  }
  /** Answers from a store that answers with promises. */
  storedCache(store: AsyncStore): Caller

  /** One listener on everything that the library tells of calls. */
  observed(listener: () => void): Caller
  /** Compositions of two or more policies, one of them a retry for three attempts, each observed as a whole. */
  observedCompositions(listener: () => void): Readonly<Record<string, Caller>>
  /** Options in the library's own words, and what is made of them. */
  twins(): { readonly options: Record<string, unknown>; make(options: Record<string, unknown>): Caller }
  /** Makers of parts with an option that does not exist. */
  unknownOptions(): readonly (readonly [name: string, make: () => unknown])[]
  /** What can be shut down for good. `check` is asked periodically, where the library has such a thing. */
  stoppable(spec: {
    readonly checkEveryMs: number
    readonly check: () => Promise<void>
  }): Caller & { stop(): void | Promise<void> }

  /** Every part that runs work, each in its plainest form. */
  callers(): Readonly<Record<string, Caller>>
}

export type PartName = keyof Parts

export interface Adapter extends Partial<Parts> {
  /** The library, with its version. */
  readonly name: string
  readonly time: ConformanceTime
  /** True when the library says with this error that time ran out. */
  isTimeout?(error: unknown): boolean
}

/** Makes an adapter for one scenario, with a time of its own. `real` asks for the platform's own clock. */
export type AdapterFactory = (clock: 'any' | 'real') => Adapter | Promise<Adapter>

/** An adapter that has these parts for certain. */
export type Equipped<Name extends PartName> = Adapter & Pick<Parts, Name>
