/**
 * Ends batches that nobody ended: a process may vanish between the end of the last job and the callback. Every process sweeps;
 * the store lets one of them end a batch.
 */
import type { Duration } from '../core/duration.ts'
import { checkDuration } from '../core/validate.ts'
import type { BatchPorts } from './end-batches.ts'
import { endBatches } from './end-batches.ts'
import { Periodic } from './periodic.ts'

export interface BatchSweepOptions extends BatchPorts {
  /** Default 10 s. */
  readonly every?: Duration
}

/** Looked at in one call: a few probes of an index each. */
const PAGE = 200

export class BatchSweep {
  readonly #options: BatchSweepOptions
  readonly #periodic: Periodic
  #stopped = false

  /** @throws OptionError */
  constructor(options: BatchSweepOptions) {
    this.#options = options
    const everyMs = checkDuration(options.every ?? '10s', 'batches.every', 1)
    this.#periodic = new Periodic(options.clock, everyMs, () => this.sweep())
  }

  start(): void {
    this.#periodic.start()
  }

  stop(): Promise<void> {
    this.#stopped = true
    return this.#periodic.stop()
  }

  /** One round over all open batches. Answers how many it ended; rejects with the store's error. */
  async sweep(): Promise<number> {
    let ended = 0
    for (let beyond = ''; !this.#stopped; ) {
      const ids = await this.#options.store.openBatches(beyond, PAGE)
      ended += (await endBatches(this.#options, ids)).length
      if (ids.length < PAGE) break
      beyond = ids.at(-1) as string
    }
    return ended
  }
}
