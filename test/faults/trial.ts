/**
 * A trial: jobs are fed to worker processes on one store while something goes wrong; when all is quiet again, every job must be
 * done, and the books must agree.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../src/core/random.ts'
import { seededRandom } from '../../src/core/random.ts'
import type { NewJob } from '../../src/work/job.ts'
import type { JobStore } from '../../src/work/store.ts'
import { Fleet } from './fleet.ts'
import type { Judgement, Spell } from './judge.ts'
import { judge } from './judge.ts'
import { monotonic, readLedger } from './ledger.ts'
import type { ShiftedClock } from './shifted-clock.ts'
import { shiftedClock } from './shifted-clock.ts'
import type { StoreAddress } from './store-address.ts'
import { storeAt } from './store-address.ts'
import { leaveTrail, readTrail } from './trail.ts'
import type { Task } from './worker-orders.ts'

export interface TrialOptions {
  readonly name: string
  readonly address: StoreAddress
  /** A Redis that the workers share their breakers and limits by. */
  readonly redis?: string
  /** Where the harness reaches the store; by default as the workers do. */
  readonly direct?: StoreAddress
  readonly seed: number
  readonly jobs: number
  readonly workers: number
  readonly leaseMs: number
  readonly concurrency?: number
  /** Jobs that fail the first time, and come back after a wait. Default: one in twenty. */
  readonly failing?: number
  /** Jobs that outlive their lease. Default: one in fifty. */
  readonly longJobs?: number
  /** Jobs fed in a second, so that there is always work under way. Default: as fast as the trouble says that it gets on. */
  readonly pace?: number
  /** What goes wrong. */
  readonly trouble: (world: World) => Promise<void>
  readonly onProgress?: (share: number, text: string) => void
}

/** What a trouble has at hand. */
export interface World {
  readonly fleet: Fleet
  readonly random: Random
  readonly clock: ShiftedClock
  /** From 0 to 1. */
  progress(share: number, text: string): void
  /** Notes a time during which all workers were in trouble. */
  during<T>(what: string, work: () => Promise<T>): Promise<T>
  /** Closes the harness's store, lets `meanwhile` happen, and goes on with another one on the same place. */
  renewStore(meanwhile: () => void): Promise<void>
}

export interface TrialResult extends Judgement {
  readonly name: string
  readonly store: 'sqlite' | 'postgres'
  readonly seed: number
  /** UTC. */
  readonly began: string
  readonly seconds: number
  readonly workers: number
  readonly leaseMs: number
  readonly processes: number
  readonly kills: number
  readonly stops: number
  readonly spells: Readonly<Record<string, number>>
  /** Enqueues that the store refused; each was repeated until it was taken. */
  readonly refusals: number
  /** Starts of a process that the store refused. */
  readonly refusedStarts: number
  /** From the end of the trouble to the end of the last job, in ms. */
  readonly recoveryMs: number
}

const BATCH = 20
const PATIENCE_MS = 240_000

export async function runTrial(options: TrialOptions): Promise<TrialResult> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-faults-'))
  const trial = new Trial(options, folder)
  try {
    return await trial.run()
  } finally {
    await trial.end()
    rmSync(folder, { recursive: true, force: true })
  }
}

class Trial {
  readonly #options: TrialOptions
  readonly #folder: string
  readonly #address: StoreAddress
  #store: JobStore
  readonly #clock = shiftedClock(0)
  readonly #fleet: Fleet
  readonly #accepted = new Set<string>()
  readonly #spells: Spell[] = []
  readonly #began = new Date().toISOString().slice(0, 16).replace('T', ' ')
  #made = 0
  #share = 0
  #refusals = 0
  #isOver = false

  constructor(options: TrialOptions, folder: string) {
    this.#options = options
    this.#folder = folder
    this.#address = options.direct ?? options.address
    this.#store = storeAt(this.#address, this.#clock)
    this.#fleet = new Fleet({
      folder,
      store: options.address,
      ...(options.redis && { redis: options.redis }),
      size: options.workers,
      leaseMs: options.leaseMs,
      concurrency: options.concurrency ?? 25,
    })
  }

  async run(): Promise<TrialResult> {
    const { trouble, seed, jobs } = this.#options
    const began = performance.now()
    await this.#store.open()
    await leaveTrail(this.#address)
    await this.#fleet.start()
    const feeding = this.#feed()
    await Promise.race([trouble(this.#world(seededRandom(seed))), feeding.then(() => new Promise<void>(() => {}))])
    // What is left comes at once.
    this.#share = 1
    const quiet = performance.now()
    await feeding
    await this.#untilDone(jobs)
    const recoveryMs = Math.round(performance.now() - quiet)
    await this.#fleet.end()
    return this.#result((performance.now() - began) / 1000, recoveryMs)
  }

  async end(): Promise<void> {
    this.#isOver = true
    this.#fleet.destroy()
    this.#clock.dispose()
    await this.#store.close()
  }

  #world(random: Random): World {
    return {
      fleet: this.#fleet,
      random,
      clock: this.#clock,
      renewStore: async (meanwhile) => {
        await this.#store.close()
        meanwhile()
        this.#store = storeAt(this.#address, this.#clock)
        // Later calls try again by themselves.
        await this.#store.open().catch(() => {})
      },
      progress: (share, text) => {
        // 1 is for the end.
        this.#share = Math.max(this.#share, Math.min(share, 0.999))
        this.#options.onProgress?.(share, text)
      },
      during: async (what, work) => {
        const from = monotonic()
        try {
          return await work()
        } finally {
          this.#spells.push({ what, from, to: monotonic() })
        }
      },
    }
  }

  /** The same batch until the store acknowledges it, as a careful caller would. */
  async #feed(): Promise<void> {
    const { jobs, seed, pace } = this.#options
    const random = seededRandom(seed + 1)
    const began = performance.now()
    while (this.#made < jobs && !this.#isOver) {
      // A little ahead of the trouble, so that there is always something to do.
      const due = pace === undefined ? jobs * this.#share + 10 * BATCH : ((performance.now() - began) / 1000) * pace
      if (this.#share < 1 && this.#made > due) {
        await sleep(20)
        continue
      }
      const batch = Array.from({ length: Math.min(BATCH, jobs - this.#made) }, () => this.#job(random))
      while (!(await this.#enqueued(batch)) && !this.#isOver) await sleep(50)
    }
  }

  #job(random: Random): NewJob {
    const id = `job-${String(this.#made++).padStart(6, '0')}`
    const ms = random() < (this.#options.longJobs ?? 0.02) ? this.#options.leaseMs * (1 + random()) : 5 + random() * 250
    const task: Task = { ms: Math.round(ms), deaf: random() < 0.5, fails: random() < (this.#options.failing ?? 0.05) }
    const rest = { priority: 0, fingerprint: id, idempotencyWindowMs: 0 }
    return { id, kind: 'task', target: 'somewhere', payload: task, ...rest }
  }

  async #enqueued(batch: readonly NewJob[]): Promise<boolean> {
    try {
      await this.#store.enqueue(batch)
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ERR_STORE_UNAVAILABLE') throw error
      this.#refusals++
      return false
    }
    for (const { id } of batch) this.#accepted.add(id)
    return true
  }

  async #untilDone(jobs: number): Promise<void> {
    const giveUpAt = performance.now() + PATIENCE_MS
    for (;;) {
      const counts = await this.#store.counts().catch(() => [])
      const done = counts.reduce((sum, { state, count }) => sum + (state === 'succeeded' ? count : 0), 0)
      if (done >= jobs || performance.now() > giveUpAt) return
      this.#options.onProgress?.(1, `${done} of ${jobs} done`)
      await sleep(100)
    }
  }

  async #result(seconds: number, recoveryMs: number): Promise<TrialResult> {
    const { name, seed, workers, leaseMs } = this.#options
    const fleet = this.#fleet
    const written = new Set(readdirSync(this.#folder))
    const books = fleet.ledgers
      .filter((path) => written.has(basename(path)))
      .map((path) => ({ member: basename(path, '.ledger'), entries: readLedger(path) }))
    const judgement = judge({
      accepted: this.#accepted,
      trail: await readTrail(this.#address),
      books,
      faults: fleet.faults,
      spells: this.#spells,
      leaseMs,
    })
    const spells = Object.fromEntries(
      Object.entries(Object.groupBy(this.#spells, ({ what }) => what)).map(([what, each]) => [what, each?.length ?? 0]),
    )
    return {
      ...judgement,
      offences: [...judgement.offences, ...fleet.crashes],
      name,
      store: this.#address.kind,
      seed,
      began: this.#began,
      seconds: Math.round(seconds * 10) / 10,
      workers,
      leaseMs,
      processes: fleet.processes,
      kills: fleet.faults.filter(({ kind }) => kind === 'kill').length,
      stops: fleet.faults.filter(({ kind }) => kind === 'stop').length,
      spells,
      refusals: this.#refusals,
      refusedStarts: fleet.refusedStarts,
      recoveryMs,
    }
  }
}
