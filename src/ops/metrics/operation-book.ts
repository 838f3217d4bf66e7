/**
 * What `Status.operations` says: per operation the latency of the recent past, retries and failures, in memory.
 * Fed by events; an execution without an operation's name counts under its target, else its policy.
 */
import type { Clock } from '../../core/clock.ts'
import type { HoldfastEvent } from '../../core/events.ts'
import type { Status } from '../source.ts'
import { RecentLatency } from './latency.ts'
import { NameCap } from './name-cap.ts'

type OperationStatus = Status['operations'][number]

interface Page {
  readonly latency: RecentLatency
  retries: number
  failures: number
}

export class OperationBook {
  readonly #clock: Clock
  readonly #names: NameCap
  readonly #pages = new Map<string, Page>()

  /** @param most how many operations are told apart; the rest are folded into `other` */
  constructor(clock: Clock, most = 200) {
    this.#clock = clock
    this.#names = new NameCap(most)
  }

  /** A listener: `bus.observe(book.listen)`. */
  readonly listen = (event: HoldfastEvent): void => {
    switch (event.type) {
      case 'execution.succeeded':
        this.record(nameOf(event), event.durationMs)
        break
      case 'execution.failed':
        this.record(nameOf(event), event.durationMs, true)
        break
      case 'retry.scheduled':
        this.#page(nameOf(event)).retries++
        break
      case 'job.succeeded':
        this.record(`job:${event.kind ?? 'unknown'}`, event.durationMs)
        break
      case 'job.retrying':
        this.#page(`job:${event.kind ?? 'unknown'}`).retries++
        break
      case 'job.dead':
        this.#page(`job:${event.kind ?? 'unknown'}`).failures++
        break
    }
  }

  record(operation: string, durationMs: number, failed = false): void {
    const page = this.#page(operation)
    page.latency.record(durationMs, this.#clock.now())
    if (failed) page.failures++
  }

  /** Sorted by name. Counts are since the start; latency is of the recent past. */
  operations(): readonly OperationStatus[] {
    const now = this.#clock.now()
    return [...this.#pages]
      .map(([operation, { latency, retries, failures }]) => ({ operation, ...latency.summary(now), retries, failures }))
      .sort((a, b) => (a.operation < b.operation ? -1 : 1))
  }

  #page(operation: string): Page {
    const name = this.#names.fold(operation)
    let page = this.#pages.get(name)
    if (page === undefined) {
      page = { latency: new RecentLatency(), retries: 0, failures: 0 }
      this.#pages.set(name, page)
    }
    return page
  }
}

function nameOf({ operation, target, policy }: HoldfastEvent): string {
  return operation ?? target ?? policy ?? 'unnamed'
}
