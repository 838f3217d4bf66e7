/**
 * Limits how many calls run at once, so that a slow target cannot take everything, and queues a bounded number of others.
 *
 * Not a rate limit: it bounds what is in flight, not what starts per second. A call that timed out but still runs keeps its
 * place until it ends, when the timeout stands outside of the bulkhead.
 */

import type { Clock } from '../../core/clock.ts'
import { bounded, type PolicyDescription } from '../../core/description.ts'
import { type Duration, formatDuration } from '../../core/duration.ts'
import { OptionError, RejectedError } from '../../core/errors.ts'
import type { LiveExecution } from '../../core/execution.ts'
import type { Execution } from '../../core/operation.ts'
import { isRejection, ManualPermit } from '../../core/permit.ts'
import { BasePolicy, STAGES } from '../../core/policy.ts'
import type { Gate, Stage } from '../../core/stage.ts'
import { userRule } from '../../core/user-rule.ts'
import { checkClock, checkDuration, checkInteger, checkKnown, checkName, checkOneOf } from '../../core/validate.ts'
import { BulkheadMachine, type Overflow } from './machine.ts'
import { waitForPlace } from './wait-for-place.ts'

export interface BulkheadOptions {
  /** How many calls may run at once; at least 1. */
  readonly limit: number
  /** How many may wait; more are rejected. Default 0. */
  readonly queue?: number
  /** A call waits at most this long for its place. Default: as long as its own deadline allows. Only with a `queue`. */
  readonly maxWait?: Duration
  /**
   * Who goes first of those who wait: the higher number, and within one the order in which they came. Default: the attribute
   * `priority` of the call, or 0. Only with a `queue`.
   */
  readonly priority?: (execution: Execution) => number
  /**
   * Each time that a call has waited for so long it goes up by one priority, so that the less urgent get their turn too.
   * Default: never. Only with a `queue`; not with `'drop-oldest'`.
   */
  readonly aging?: Duration
  /** Who is refused when the queue is full. Default `'reject-new'`. Only with a `queue`. */
  readonly overflow?: Overflow
  /** `'shadow'` counts and tells what it would reject, and rejects nothing. Default `'enforce'`. */
  readonly mode?: 'enforce' | 'shadow'
  /** Default `'bulkhead'`. */
  readonly name?: string
  readonly clock?: Clock
}

const KNOWN = ['limit', 'queue', 'maxWait', 'priority', 'aging', 'overflow', 'mode', 'name', 'clock'] as const

export interface BulkheadSnapshot {
  readonly inFlight: number
  readonly queued: number
  /** In flight and past their timeout: nobody waits for them any more, and they still hold their places. */
  readonly abandoned: number
  readonly limit: number
  readonly queueLimit: number
}

type Refusal = 'full' | 'dropped' | 'max-wait' | 'deadline'

export class Bulkhead extends BasePolicy implements Gate {
  readonly #machine: BulkheadMachine
  readonly #maxWaitMs: number
  readonly #priority: (execution: Execution) => number
  readonly #agingMs: number
  readonly #shadow: boolean
  readonly #abandoned = new Set<LiveExecution>()

  constructor(options: BulkheadOptions) {
    checkKnown(options, KNOWN, 'bulkhead')
    super(checkName(options.name ?? 'bulkhead', 'bulkhead.name'), checkClock(options.clock, 'bulkhead.clock'))
    const queue = checkInteger(options.queue ?? 0, 'bulkhead.queue', 0)
    this.#shadow = checkOneOf(options.mode ?? 'enforce', 'bulkhead.mode', ['enforce', 'shadow']) === 'shadow'
    for (const option of ['maxWait', 'priority', 'aging', 'overflow'] as const)
      if (queue === 0 && options[option] !== undefined)
        throw new OptionError(`bulkhead.${option}`, "does nothing without a 'queue'", options[option])
    this.#maxWaitMs =
      options.maxWait === undefined ? Number.POSITIVE_INFINITY : checkDuration(options.maxWait, 'bulkhead.maxWait', 1)
    this.#priority =
      options.priority === undefined ? priorityOf : userRule(options.priority, 'bulkhead.priority', 0, readPriority)
    this.#agingMs = options.aging === undefined ? Number.POSITIVE_INFINITY : checkDuration(options.aging, 'bulkhead.aging', 1)
    if (options.aging !== undefined && options.overflow === 'drop-oldest')
      throw new OptionError(
        'bulkhead.aging',
        "cannot be combined with overflow: 'drop-oldest', which prefers the newest",
        options.aging,
      )
    this.#machine = new BulkheadMachine(
      checkInteger(options.limit, 'bulkhead.limit', 1),
      queue,
      checkOneOf<Overflow>(options.overflow ?? 'reject-new', 'bulkhead.overflow', [
        'reject-new',
        'drop-oldest',
        'drop-lowest-priority',
      ]),
    )
  }

  override describe(): PolicyDescription {
    const { limit, queueLimit: queue, ...state } = this.snapshot()
    const waits = { maxWaitMs: bounded(this.#maxWaitMs), agingMs: bounded(this.#agingMs) }
    const options = { limit, queue, ...waits, mode: this.#shadow ? 'shadow' : 'enforce' }
    return { name: this.name, type: 'bulkhead', options, state: { ...state, limit } }
  }

  get [STAGES](): readonly Stage[] {
    return [{ type: 'gate', gate: this }]
  }

  snapshot(): BulkheadSnapshot {
    const { inFlight, queued, limit, queueLimit } = this.#machine
    return { inFlight, queued, abandoned: this.#abandoned.size, limit, queueLimit }
  }

  /**
   * Changes how many may run at once from now on. Those who wait get new places at once; of fewer places, the calls in flight
   * keep theirs until they end.
   */
  setLimit(limit: number): void {
    const from = this.#machine.limit
    this.#machine.resize(checkInteger(limit, 'limit', 1))
    if (limit !== from && this.events.active) this.events.emit({ ...this.about(), type: 'bulkhead.resized', from, to: limit })
  }

  /**
   * A place for a caller that cannot wrap a function; never waits.
   *
   * @throws RejectedError when all places are taken
   */
  acquire(): ManualPermit {
    const answer = this.#machine.tryAcquire()
    if (!isRejection(answer)) return new ManualPermit(answer, () => 0)
    if (!this.#shadow) throw this.#refuse('full')
    this.#tell('bulkhead.would-reject')
    return new ManualPermit(this.#machine.acquireAnyway(), () => 0)
  }

  /** @internal */
  enter(execution: LiveExecution): unknown {
    // The frame gives each place back once, so nothing needs to stand for it.
    if (this.#machine.enter()) return undefined
    if (this.#shadow) return this.#admitAnyway(execution)
    if (execution.sync || this.#machine.queueLimit === 0) return this.#refuse('full', execution)
    return this.#queue(execution)
  }

  #admitAnyway(execution: LiveExecution): void {
    const { inFlight, limit, queueLimit } = this.#machine
    // What would stand in the queue runs here, beyond the limit.
    if (inFlight >= limit + queueLimit || execution.sync) this.#tell('bulkhead.would-reject', execution)
    this.#machine.enterAnyway()
  }

  #queue(execution: LiveExecution): Promise<void> | RejectedError {
    const now = execution.now()
    // All who wait age alike, so who is ahead of whom never changes, and is known when they join.
    const priority = this.#priority(execution) - now / this.#agingMs
    if (!this.#machine.hasRoom(priority)) return this.#refuse('full', execution)
    // How long the calls in flight still take nobody knows; but a deadline that has passed fits nothing.
    if (execution.deadline <= now) return this.#refuse('deadline', execution)
    const { waiting, joined } = waitForPlace(this.#machine, execution, priority, this.#maxWaitMs, (why) => {
      this.#tell('bulkhead.rejected', execution, why)
      return this.#rejection(why)
    })
    if (joined) this.#tell('bulkhead.queued', execution)
    return waiting
  }

  #refuse(why: Refusal, execution?: LiveExecution): RejectedError {
    this.#tell('bulkhead.rejected', execution, why)
    return this.#rejection(why)
  }

  #tell(
    type: 'bulkhead.rejected' | 'bulkhead.would-reject' | 'bulkhead.queued',
    execution?: LiveExecution,
    reason?: Refusal,
  ): void {
    if (!this.events.active) return
    const { inFlight, queued } = this.#machine
    this.events.emit({ ...this.about(execution), type, inFlight, queued, ...(reason === undefined ? {} : { reason }) })
  }

  #rejection(why: Refusal): RejectedError {
    const { limit, queueLimit, inFlight, queued } = this.#machine
    return new RejectedError(`bulkhead is full: ${limit} in flight, ${queueLimit} queued${this.#because(why)}`, {
      code: 'ERR_BULKHEAD_FULL',
      policy: this.name,
      hint: 'Wait for calls to finish, raise the limit, or allow a longer queue.',
      details: { reason: why, inFlight, queued, limit, queueLimit },
    })
  }

  #because(why: Refusal): string {
    if (why === 'max-wait') return `; no place came free within ${formatDuration(this.#maxWaitMs)}`
    if (why === 'dropped') return '; a more urgent or newer call took the place in the queue'
    return why === 'deadline' ? '; the deadline of the call has passed' : ''
  }

  /** @internal */
  succeeded(): void {
    this.#machine.free()
  }

  /** @internal */
  failed(): void {
    this.#machine.free()
  }

  /** @internal */
  cancelled(_permit: unknown, execution: LiveExecution): void {
    if (this.#abandoned.size > 0) this.#abandoned.delete(execution)
    this.#machine.free()
  }

  /** @internal */
  abandoned(_permit: unknown, execution: LiveExecution): void {
    this.#abandoned.add(execution)
  }
}

function readPriority(priority: number): number {
  if (typeof priority !== 'number' || Number.isNaN(priority))
    throw new OptionError('bulkhead.priority()', 'must give a number', priority)
  return priority
}

function priorityOf({ attributes }: Execution): number {
  const { priority } = attributes
  return typeof priority === 'number' && !Number.isNaN(priority) ? priority : 0
}

/**
 * @throws OptionError for a limit under 1, an unknown option, or one that does nothing
 * @example
 * const atMostTwo = bulkhead({ limit: 2, queue: 10 })
 * await atMostTwo.execute(() => 'done')
 */
export function bulkhead(options: BulkheadOptions): Bulkhead {
  return new Bulkhead(options)
}
