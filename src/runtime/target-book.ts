/** Latency of the recent past per target, fed by events; bounded like everything that is kept by name. */
import type { Clock } from '../core/clock.ts'
import type { HoldfastEvent } from '../core/events.ts'
import { NO_LATENCY, RecentLatency } from '../ops/metrics/latency.ts'
import type { LatencySummary } from '../ops/source.ts'

const MOST_TARGETS = 1000

export class TargetBook {
  readonly #clock: Clock
  readonly #pages = new Map<string, RecentLatency>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A listener. */
  readonly listen = (event: HoldfastEvent): void => {
    if (event.type !== 'execution.succeeded' && event.type !== 'execution.failed') return
    if (event.target !== undefined) this.#page(event.target).record(event.durationMs, this.#clock.now())
  }

  latency(target: string): LatencySummary {
    return this.#pages.get(target)?.summary(this.#clock.now()) ?? NO_LATENCY
  }

  #page(target: string): RecentLatency {
    let page = this.#pages.get(target)
    if (page === undefined) {
      if (this.#pages.size >= MOST_TARGETS) this.#pages.delete(this.#pages.keys().next().value as string)
      page = new RecentLatency()
      this.#pages.set(target, page)
    }
    return page
  }
}
