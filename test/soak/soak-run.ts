/**
 * A whole Holdfast (store, worker, API, audit, metrics) under steady traffic, with retention on, looked at every few seconds.
 */
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { resolveConfig } from '../../src/config/resolve.ts'
import type { HoldfastEvent } from '../../src/core/events.ts'
import { seededRandom } from '../../src/core/random.ts'
import type { RunningHoldfast } from '../../src/runtime/start.ts'
import { startHoldfast } from '../../src/runtime/start.ts'
import type { Scale, StoreSize } from './store-size.ts'
import { postgresScale, sqliteScale } from './store-size.ts'
import { Traffic } from './traffic.ts'

export interface SoakOptions {
  /** `sqlite:PATH` or `postgres://…`. */
  readonly store: string
  /** Of the audit, and what else the process writes. */
  readonly folder: string
  readonly seconds: number
  /** Jobs a second. */
  readonly rate: number
  readonly sampleSeconds: number
  readonly retention: { readonly olderThan: string; readonly keep: number; readonly every: string }
  readonly seed: number
  /** See `Traffic`. */
  readonly aheadMs?: number
  readonly onSample?: (sample: Sample) => void
}

export interface Sample extends StoreSize {
  /** Since the beginning. */
  readonly seconds: number
  readonly rssBytes: number
  readonly heapBytes: number
  /** Processor time used since the last sample, as a share of one core. */
  readonly cpu: number
  /** From enqueue to start, in ms, since the last sample. */
  readonly p50: number
  readonly p99: number
  readonly slowest: number
  /** The longest that the event loop was held up, in ms, since the last sample. */
  readonly loopDelay: number
  /** One minute's load average of the machine. */
  readonly load: number
  readonly accepted: number
  readonly succeeded: number
}

export interface SoakResult {
  readonly samples: readonly Sample[]
  readonly totals: Totals
}

export interface Totals {
  /** Jobs that were stored; duplicates are not. */
  accepted: number
  duplicates: number
  succeeded: number
  retries: number
  died: number
  /** Dead letters that the operator of the soak gave up. */
  discarded: number
  /** Letters that are open at the end. */
  lettersLeft: number
  /** Other jobs that have not ended. */
  left: number
  /** How often the traffic had to wait because the store refused it. */
  refusals: number
}

const TICK_MS = 20
const LAST_JOBS_MS = 60_000

export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const traffic = new Traffic(seededRandom(options.seed), options.aheadMs)
  const holdfast = await startHoldfast(configOf(options, traffic), { version: 'soak', log: () => {} })
  const scale = await scaleOf(options.store)
  try {
    return await new Soak(options, traffic, holdfast, scale).run()
  } finally {
    await scale.close()
    await holdfast.stop()
  }
}

function configOf({ store, folder, retention }: SoakOptions, traffic: Traffic) {
  const values = {
    store: { url: store, durability: 'normal' },
    server: { port: 0 },
    kinds: traffic.kinds(),
    retention,
    audit: { path: join(folder, 'audit.jsonl'), maxBytes: '2MiB', maxFiles: 3 },
    breaker: { failures: 5, openFor: '2s', openForMax: '10s' },
    // Their failures are the jobs' own.
    targets: { wobbly: { breaker: false }, pit: { breaker: false } },
  }
  const file = { path: join(folder, 'none'), directory: folder, name: 'soak', values }
  return resolveConfig({ cwd: folder, env: {}, file })
}

function scaleOf(store: string): Promise<Scale> | Scale {
  return store.startsWith('sqlite:') ? sqliteScale(store.slice('sqlite:'.length)) : postgresScale(store, 'holdfast')
}

class Soak {
  readonly #options: SoakOptions
  readonly #traffic: Traffic
  readonly #holdfast: RunningHoldfast
  readonly #scale: Scale
  readonly #samples: Sample[] = []
  readonly #loop = monitorEventLoopDelay({ resolution: 5 })
  readonly #began = performance.now()
  #cpu = process.cpuUsage()
  #cpuAt = performance.now()
  readonly #totals: Totals = {
    accepted: 0,
    duplicates: 0,
    succeeded: 0,
    retries: 0,
    died: 0,
    discarded: 0,
    lettersLeft: 0,
    left: 0,
    refusals: 0,
  }

  constructor(options: SoakOptions, traffic: Traffic, holdfast: RunningHoldfast, scale: Scale) {
    this.#options = options
    this.#traffic = traffic
    this.#holdfast = holdfast
    this.#scale = scale
  }

  async run(): Promise<SoakResult> {
    this.#holdfast.runtime.observe((event) => this.#count(event))
    this.#loop.enable()
    const end = this.#began + this.#options.seconds * 1000
    await Promise.all([this.#send(end), this.#sample(end), this.#operate(end)])
    this.#loop.disable()
    await this.#settle()
    return { samples: this.#samples, totals: this.#totals }
  }

  #count({ type }: HoldfastEvent): void {
    if (type === 'job.succeeded') this.#totals.succeeded++
    else if (type === 'job.retrying') this.#totals.retries++
    else if (type === 'job.dead') this.#totals.died++
  }

  async #send(end: number): Promise<void> {
    const { rate } = this.#options
    const { queue, clock } = this.#holdfast.runtime
    let sent = 0
    for (let now = performance.now(); now < end; now = performance.now()) {
      const count = Math.floor(((now - this.#began) / 1000) * rate) - sent
      sent += count
      if (count > 0) {
        const answers = await queue.enqueue(this.#traffic.requests(count, clock.wallNow())).catch(() => undefined)
        if (answers === undefined) this.#totals.refusals++
        for (const { duplicate } of answers ?? []) this.#totals[duplicate ? 'duplicates' : 'accepted']++
      }
      await sleep(TICK_MS)
    }
  }

  async #sample(end: number): Promise<void> {
    const { sampleSeconds, onSample } = this.#options
    for (let at = this.#began + sampleSeconds * 1000; at <= end; at += sampleSeconds * 1000) {
      await sleep(Math.max(0, at - performance.now()))
      const sample = await this.#look()
      this.#samples.push(sample)
      onSample?.(sample)
      // What dashboards and scrapers do is a part of the load.
      for (const path of ['/metrics', '/v1/status', '/']) await (await fetch(this.#holdfast.url + path)).arrayBuffer()
    }
  }

  async #look(): Promise<Sample> {
    const { rss, heapUsed } = process.memoryUsage()
    const { latency } = this.#traffic
    const used = process.cpuUsage(this.#cpu)
    const cpu = (used.user + used.system) / 1000 / (performance.now() - this.#cpuAt)
    const sample = {
      seconds: Math.round((performance.now() - this.#began) / 1000),
      rssBytes: rss,
      heapBytes: heapUsed,
      cpu: Math.round(cpu * 1000) / 1000,
      p50: latency.percentile(50) / 1000,
      p99: latency.percentile(99) / 1000,
      slowest: latency.max / 1000,
      loopDelay: Math.round(this.#loop.max / 1e5) / 10,
      load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
      accepted: this.#totals.accepted,
      succeeded: this.#totals.succeeded,
      ...(await this.#scale.weigh()),
    }
    latency.reset()
    this.#loop.reset()
    this.#cpu = process.cpuUsage()
    this.#cpuAt = performance.now()
    return sample
  }

  /** Somebody who gives up the letters that will not come back by themselves. */
  async #operate(end: number): Promise<void> {
    const { queue } = this.#holdfast.runtime
    while (performance.now() < end) {
      await sleep(Math.min(5000, Math.max(0, end - performance.now())))
      const { items } = await queue.deadLetters({ status: 'exhausted', limit: 1000 })
      for (const { id } of items) if ((await queue.discard(id))?.status === 'discarded') this.#totals.discarded++
    }
  }

  /** Waits for what was accepted, and counts what is left. */
  async #settle(): Promise<void> {
    const { store } = this.#holdfast.runtime
    const open = async (): Promise<number> => {
      const waiting = (await store.counts()).filter(({ state }) =>
        ['scheduled', 'available', 'running', 'parked'].includes(state),
      )
      return waiting.reduce((sum, { count }) => sum + count, 0)
    }
    const end = performance.now() + LAST_JOBS_MS
    for (;;) {
      this.#totals.left = await open()
      if (this.#totals.left === 0 || performance.now() >= end) break
      await sleep(200)
    }
    const letters = (await store.deadLetterCounts()).filter(({ status }) => status === 'pending' || status === 'exhausted')
    this.#totals.lettersLeft = letters.reduce((sum, { count }) => sum + count, 0)
  }
}
