/**
 * Steady traffic of every sort that a store has to digest: jobs that succeed, fail and come back, die, are found again by
 * their key, wait for their time, and aim at a target that is down for a while every few minutes.
 */
import type { RecordableHistogram } from 'node:perf_hooks'
import { createHistogram } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KindConfig } from '../../src/config/user-config.ts'
import type { Random } from '../../src/core/random.ts'
import type { JobRequest } from '../../src/work/queue.ts'

interface Sent {
  /** A reading of `performance.now`. */
  readonly at: number
  readonly heals?: boolean
}

/** The last target is down for the last quarter of a minute of every two. */
const STORM_EVERY_MS = 120_000
const STORM_MS = 15_000
const KEYS_KEPT = 2000

export class Traffic {
  readonly #random: Random
  readonly #aheadMs: number
  /** Of every job's first start, in µs since it was sent, except those that had to wait for their time or their target. */
  readonly latency: RecordableHistogram = createHistogram()
  readonly #keys: string[] = []
  #made = 0

  /** Jobs that wait for their time wait at most so long. */
  constructor(random: Random, aheadMs = 20_000) {
    this.#random = random
    this.#aheadMs = aheadMs
  }

  /** What may run: every kind that the requests below ask for. */
  kinds(): readonly KindConfig[] {
    const soon = { backoff: { initial: 200, max: 2000 }, idempotencyWindow: '1m' }
    return [
      {
        name: 'plain',
        target: 'steady',
        ...soon,
        handler: async ({ at }: Sent) => {
          this.#started(at)
          await sleep(1 + this.#random() * 9)
        },
      },
      {
        name: 'flaky',
        target: 'wobbly',
        ...soon,
        handler: async (_: Sent, { attempt }: { attempt: number }) => {
          await sleep(1 + this.#random() * 9)
          if (attempt === 1) throw new Error('not at the first try')
        },
      },
      {
        name: 'doomed',
        target: 'pit',
        ...soon,
        maxAttempts: 3,
        deadLetter: { retries: 1, initial: '20s' },
        handler: ({ heals }: Sent, { generation }: { generation: number }) => {
          if (generation === 0 || heals !== true) throw new Error('never')
        },
      },
      { name: 'later', target: 'steady', ...soon, handler: () => sleep(this.#random() * 5) },
      {
        name: 'stormy',
        target: 'coast',
        ...soon,
        handler: async () => {
          await sleep(this.#random() * 5)
          if (performance.now() % STORM_EVERY_MS > STORM_EVERY_MS - STORM_MS)
            throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
        },
      },
    ]
  }

  /** The next so many jobs. */
  requests(count: number, wallNow: number): JobRequest[] {
    return Array.from({ length: count }, () => this.#request(wallNow))
  }

  #request(wallNow: number): JobRequest {
    const chance = this.#random()
    const payload = { at: performance.now(), text: 'something to do, as long as such things are' }
    if (chance < 0.7) return { kind: 'plain', payload }
    if (chance < 0.8) return { kind: 'flaky', payload }
    if (chance < 0.803) return { kind: 'doomed', payload: { ...payload, heals: this.#random() < 0.5 } }
    if (chance < 0.9) return this.#keyed()
    if (chance < 0.95)
      return { kind: 'later', payload, runAt: wallNow + Math.floor((0.05 + 0.95 * this.#random()) * this.#aheadMs) }
    return { kind: 'stormy', payload }
  }

  /** One in three asks again for what was asked before. */
  #keyed(): JobRequest {
    const again = this.#keys.length > 0 && this.#random() < 1 / 3
    const key = again ? (this.#keys[Math.floor(this.#random() * this.#keys.length)] as string) : `order-${this.#made}`
    if (!again) this.#keys[this.#made++ % KEYS_KEPT] = key
    return { kind: 'later', payload: { key }, idempotencyKey: key }
  }

  #started(at: number): void {
    this.latency.record(Math.max(1, Math.round((performance.now() - at) * 1000)))
  }
}
