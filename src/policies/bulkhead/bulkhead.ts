/**
 * Limits how many calls run at once, so that a slow target cannot take everything, and queues a bounded number of others.
 *
 * Not a rate limit: it bounds what is in flight, not what starts per second. A call that timed out but still runs keeps its
 * place until it ends, when the timeout stands outside of the bulkhead.
 */
import { type Clock, systemClock } from '../../core/clock.ts'
import { RejectedError } from '../../core/errors.ts'
import type { LiveExecution } from '../../core/execution.ts'
import { isRejection, ManualPermit } from '../../core/permit.ts'
import { BasePolicy, STAGES } from '../../core/policy.ts'
import type { Gate, Stage } from '../../core/stage.ts'
import { checkInteger, checkKnown, checkName } from '../../core/validate.ts'
import { BulkheadMachine, type Waiter } from './machine.ts'

export interface BulkheadOptions {
  /** How many calls may run at once; at least 1. */
  readonly limit: number
  /** How many may wait; more are rejected. Default 0. */
  readonly queue?: number
  /** Default `'bulkhead'`. */
  readonly name?: string
  readonly clock?: Clock
}

export interface BulkheadSnapshot {
  readonly inFlight: number
  readonly queued: number
  readonly limit: number
  readonly queueLimit: number
}

export class Bulkhead extends BasePolicy implements Gate {
  readonly #machine: BulkheadMachine

  constructor(options: BulkheadOptions) {
    checkKnown(options, ['limit', 'queue', 'name', 'clock'], 'bulkhead')
    super(checkName(options.name ?? 'bulkhead', 'bulkhead.name'), options.clock ?? systemClock)
    this.#machine = new BulkheadMachine(
      checkInteger(options.limit, 'bulkhead.limit', 1),
      checkInteger(options.queue ?? 0, 'bulkhead.queue', 0),
    )
  }

  get [STAGES](): readonly Stage[] {
    return [{ type: 'gate', gate: this }]
  }

  snapshot(): BulkheadSnapshot {
    const { inFlight, queued, limit, queueLimit } = this.#machine
    return { inFlight, queued, limit, queueLimit }
  }

  /**
   * A place for a caller that cannot wrap a function; never waits.
   *
   * @throws RejectedError when all places are taken
   */
  acquire(): ManualPermit {
    const permit = this.#machine.tryAcquire()
    if (isRejection(permit)) throw this.#rejection()
    return new ManualPermit(permit, () => 0)
  }

  /** @internal */
  enter(execution: LiveExecution): unknown {
    // The frame gives each place back once, so nothing needs to stand for it.
    if (this.#machine.enter()) return undefined
    if (execution.sync || this.#machine.queued >= this.#machine.queueLimit) {
      if (this.events.active) {
        const { inFlight, queued } = this.#machine
        this.events.emit({ ...this.about(execution), type: 'bulkhead.rejected', inFlight, queued })
      }
      throw this.#rejection()
    }
    return this.#queue(execution)
  }

  #queue(execution: LiveExecution): Promise<void> {
    return new Promise((resolve, reject) => {
      const signal = execution.cancellable ? execution.signal : undefined
      const waiter: Waiter = {
        grant: () => {
          signal?.removeEventListener('abort', leave)
          resolve()
        },
      }
      const leave = (): void => {
        this.#machine.leave(waiter)
        reject(signal?.reason)
      }
      if (signal?.aborted) return reject(signal.reason)
      signal?.addEventListener('abort', leave, { once: true })
      this.#machine.wait(waiter)
      if (this.events.active) {
        const { inFlight, queued } = this.#machine
        this.events.emit({ ...this.about(execution), type: 'bulkhead.queued', inFlight, queued })
      }
    })
  }

  #rejection(): RejectedError {
    const { limit, queueLimit } = this.#machine
    return new RejectedError(`bulkhead is full: ${limit} in flight, ${queueLimit} queued`, {
      code: 'ERR_BULKHEAD_FULL',
      policy: this.name,
      hint: 'Wait for calls to finish, raise the limit, or allow a longer queue.',
    })
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
  cancelled(): void {
    this.#machine.free()
  }
}

/**
 * @throws OptionError for a limit under 1 or an unknown option
 * @example
 * const atMostTwo = bulkhead({ limit: 2, queue: 10 })
 * await atMostTwo.execute(() => 'done')
 */
export function bulkhead(options: BulkheadOptions): Bulkhead {
  return new Bulkhead(options)
}
