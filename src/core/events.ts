/**
 * What happens inside, told to whoever listens. One typed union; `type` is `room.verb`.
 *
 * Without a listener an emitter costs one branch and makes no object. A listener that throws never reaches the call: its
 * error is reported once, as an uncaught error in a microtask of its own would hide which listener it was.
 */
import type { ErrorSummary } from './errors.ts'

interface Common {
  /** Epoch ms. */
  readonly at: number
  /** The policy's name; work events have none. */
  readonly policy?: string
  readonly target?: string
  /** The operation's name, when the caller gave one. */
  readonly operation?: string
  /** The id of the execution, when there was one. */
  readonly execution?: string
  /** The key of a keyed policy (a user, an IP, a peer). */
  readonly key?: string
}

export type BreakerStateName = 'closed' | 'open' | 'half-open' | 'isolated' | 'disabled'

export type PolicyEvent = Common &
  (
    | {
        readonly type: 'retry.scheduled'
        readonly attempt: number
        readonly elapsedMs: number
        readonly delayMs: number
        readonly error: ErrorSummary
      }
    | {
        readonly type: 'retry.gave-up'
        readonly attempt: number
        readonly elapsedMs: number
        readonly reason: string
        readonly error: ErrorSummary
      }
    | { readonly type: 'timeout.expired'; readonly limitMs: number }
    | { readonly type: 'timeout.abandoned'; readonly limitMs: number; readonly running: number }
    /** Abandoned work has ended after all; `running` counts what is left. */
    | { readonly type: 'timeout.settled'; readonly limitMs: number; readonly running: number }
    | {
        /** `would-change`: of a breaker in shadow mode. */
        readonly type: 'circuit-breaker.changed' | 'circuit-breaker.would-change'
        readonly from: BreakerStateName
        readonly to: BreakerStateName
        readonly reason: string
        readonly retryAfterMs?: number
      }
    | { readonly type: 'circuit-breaker.rejected' | 'circuit-breaker.would-reject'; readonly retryAfterMs?: number }
    | { readonly type: 'circuit-breaker.stale'; readonly outcome: string }
    | { readonly type: 'rate-limiter.rejected'; readonly retryAfterMs: number }
    | { readonly type: 'rate-limiter.delayed'; readonly delayMs: number }
    | { readonly type: 'rate-limiter.would-reject'; readonly retryAfterMs: number }
    | { readonly type: 'rate-limiter.would-delay'; readonly delayMs: number }
    /** Nothing goes before `retryAfterMs` have passed, because the server said so, or somebody by hand. */
    | { readonly type: 'rate-limiter.blocked'; readonly retryAfterMs: number; readonly by: 'server' | 'hand' }
    /** The store of a shared limit is lost: until it is restored this process keeps to its share, one of so many. */
    | { readonly type: 'rate-limiter.degraded'; readonly processes: number; readonly error: ErrorSummary }
    | { readonly type: 'rate-limiter.restored' }
    | {
        readonly type: 'bulkhead.rejected' | 'bulkhead.would-reject' | 'bulkhead.queued'
        readonly inFlight: number
        readonly queued: number
        /** Why it was rejected. */
        readonly reason?: 'full' | 'dropped' | 'max-wait' | 'deadline'
      }
    | { readonly type: 'bulkhead.resized'; readonly from: number; readonly to: number }
    /** `error` is absent where an unacceptable result was replaced. */
    | { readonly type: 'fallback.used'; readonly error?: ErrorSummary }
    | { readonly type: 'fallback.failed'; readonly error: ErrorSummary }
    /** `hedge` counts from 1; in the others 0 is the first call. */
    | {
        readonly type: 'hedge.started'
        readonly hedge: number
        readonly elapsedMs: number
        readonly reason: 'delay' | 'failure'
      }
    | { readonly type: 'hedge.won'; readonly hedge: number; readonly elapsedMs: number; readonly started: number }
    | { readonly type: 'hedge.cancelled'; readonly hedge: number }
    | { readonly type: 'hedge.denied'; readonly hedge: number; readonly reason: 'budget' | 'deadline' }
    | { readonly type: 'hedge.abandoned'; readonly hedge: number; readonly running: number }
    | { readonly type: 'coalesce.joined'; readonly callers: number }
    /** `ageMs` is unknown for what a store had. */
    | { readonly type: 'coalesce.hit'; readonly ageMs?: number }
    /** Every caller has left; the operation was aborted. */
    | { readonly type: 'coalesce.cancelled' }
    | { readonly type: 'coalesce.store-failed'; readonly during: 'get' | 'set' | 'delete'; readonly error: ErrorSummary }
    /** Told once, at the first refusal; again only after an extra call was granted in between. */
    | {
        readonly type: 'budget.exhausted'
        readonly calls: number
        readonly extras: number
        readonly allowed: number
        readonly shadow: boolean
      }
    | {
        readonly type: 'adaptive-limiter.changed'
        readonly from: number
        readonly to: number
        readonly reason: string
        readonly rttMs?: number
        readonly baselineMs?: number
      }
    | {
        readonly type: 'adaptive-limiter.rejected' | 'adaptive-limiter.would-reject' | 'adaptive-limiter.queued'
        readonly limit: number
        readonly inFlight: number
        readonly queued: number
        readonly retryAfterMs?: number
      }
    | {
        readonly type: 'throttle.rejected' | 'throttle.would-reject'
        readonly probability: number
        readonly requests: number
        readonly accepts: number
      }
    | {
        readonly type: 'chaos.injected'
        readonly kind: 'fault' | 'latency' | 'result' | 'behavior'
        readonly injected: number
        readonly delayMs?: number
      }
    | { readonly type: 'chaos.stopped'; readonly reason: string; readonly injected: number }
    | { readonly type: 'execution.succeeded'; readonly durationMs: number; readonly attempts: number }
    | { readonly type: 'execution.failed'; readonly durationMs: number; readonly attempts: number; readonly error: ErrorSummary }
    | { readonly type: 'execution.cancelled'; readonly durationMs: number }
  )

/** Durable work tells of jobs by id, kind and target. */
export type WorkEvent = Common & { readonly job?: string; readonly kind?: string } & (
    | { readonly type: 'job.enqueued'; readonly duplicate: boolean }
    | { readonly type: 'job.started'; readonly attempt: number; readonly worker: string }
    | { readonly type: 'job.succeeded'; readonly attempt: number; readonly durationMs: number }
    | { readonly type: 'job.retrying'; readonly attempt: number; readonly delayMs: number; readonly error: ErrorSummary }
    | { readonly type: 'job.returned'; readonly reason: string; readonly delayMs: number }
    | { readonly type: 'job.dead'; readonly attempt: number; readonly cause: string; readonly error: ErrorSummary }
    | { readonly type: 'job.cancelled' }
    | { readonly type: 'job.parked'; readonly reason: string }
    | { readonly type: 'job.lost-lease'; readonly worker: string }
    | { readonly type: 'job.rescued'; readonly from: string; readonly to: string; readonly reason: string }
    | { readonly type: 'job.redriven'; readonly generation: number; readonly by: string }
    | { readonly type: 'batch.enqueued'; readonly batch: string; readonly total: number; readonly callback?: string }
    /** All of its jobs have ended; `callback` is the job that follows. Told by the process that ended it, not by the others. */
    | {
        readonly type: 'batch.ended'
        readonly batch: string
        readonly total: number
        readonly succeeded: number
        readonly dead: number
        readonly cancelled: number
        readonly callback?: string
      }
    | { readonly type: 'target.held'; readonly heldBy: string; readonly heldUntil?: number }
    | { readonly type: 'target.released' }
    | { readonly type: 'worker.started'; readonly worker: string }
    | { readonly type: 'worker.stopped'; readonly worker: string; readonly returned: number }
    | {
        readonly type: 'worker.recovered'
        readonly worker: string
        readonly recovered: number
        readonly requeued: number
        readonly parked: number
        readonly poison: number
        readonly deadLetters: number
        /** Why it could not be done; it is tried again. */
        readonly error?: ErrorSummary
      }
    | { readonly type: 'store.degraded'; readonly reason: string }
    | { readonly type: 'store.recovered' }
    /** The store's clock is so far ahead of this process's that times and leases suffer; negative when it is behind. */
    | { readonly type: 'store.clock-skewed'; readonly skewMs: number; readonly limitMs: number }
    | { readonly type: 'store.clock-agrees'; readonly skewMs: number }
    /** `dueAt` is the time that it was done for, epoch ms. Told by the process that enqueued the job, not by the others. */
    | { readonly type: 'schedule.fired'; readonly schedule: string; readonly dueAt: number; readonly lateMs: number }
    /** So many times passed undone, and will not be done. */
    | { readonly type: 'schedule.missed'; readonly schedule: string; readonly missed: number }
    /** A time was not done: its job could not be made. */
    | { readonly type: 'schedule.failed'; readonly schedule: string; readonly error: ErrorSummary }
    | { readonly type: 'schedule.paused' | 'schedule.resumed'; readonly schedule: string }
    /** A duplicate got the result of the first, or waits for it. */
    | { readonly type: 'idempotency.replayed'; readonly from: 'memory' | 'store'; readonly ageMs: number }
    | { readonly type: 'idempotency.joined'; readonly where: 'here' | 'elsewhere' }
    | { readonly type: 'idempotency.refused'; readonly code: string; readonly retryAfterMs?: number }
    /** Who began it was not heard of again. */
    | { readonly type: 'idempotency.unknown'; readonly since: string; readonly answer: 'rerun' | 'verify' | 'park' }
    | { readonly type: 'idempotency.lease-lost' }
    /** It happened, and the store does not know yet. */
    | { readonly type: 'idempotency.unrecorded'; readonly error: ErrorSummary }
    /** Done without the store, which does not answer: once in this process. */
    | { readonly type: 'idempotency.local'; readonly error: ErrorSummary }
  )

export type HoldfastEvent = PolicyEvent | WorkEvent

export type Listener = (event: HoldfastEvent) => void

/** Stops listening; harmless when called again. */
export type Unobserve = () => void

/** Anything that can be listened to. */
export interface Observable {
  observe(listener: Listener): Unobserve
}

/** A bus. Emitters look at `active` before they make an event. */
export class EventBus implements Observable {
  /** Each observation is an object of its own, so that a function may listen twice and stop once. */
  #observations: readonly { readonly listener: Listener }[] = []
  /** True while somebody listens. */
  active = false

  observe(listener: Listener): Unobserve {
    const observation = { listener }
    this.#observations = [...this.#observations, observation]
    this.active = true
    return () => {
      this.#observations = this.#observations.filter((known) => known !== observation)
      this.active = this.#observations.length > 0
    }
  }

  emit(event: HoldfastEvent): void {
    for (const { listener } of this.#observations) {
      try {
        const answer: unknown = listener(event)
        if (answer instanceof Promise) answer.catch((error: unknown) => reportListenerError(error, event.type))
      } catch (error) {
        reportListenerError(error, event.type)
      }
    }
  }
}

/**
 * Where a listener, or a rule such as `isFailure`, that throws is reported: once per event type or rule, to `console.error`. Replace it to send reports elsewhere.
 */
export const listenerErrors: { report: (error: unknown, eventType: string) => void } = {
  report(error, eventType) {
    console.error(`holdfast: a listener or rule threw on '${eventType}' and was ignored:`, error)
  },
}

const reported = new Set<string>()

/** Reports what a listener, or a rule that a user gave, threw; `eventType` says where. Never throws itself. */
export function reportListenerError(error: unknown, eventType: string): void {
  if (reported.has(eventType)) return
  reported.add(eventType)
  try {
    listenerErrors.report(error, eventType)
  } catch {}
}
