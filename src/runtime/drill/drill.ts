/**
 * A fire drill: worker processes on a scratch store are killed in the middle of their work, and it is proven, by what the
 * handlers themselves said, that every acknowledged job was done.
 */
import type { Clock } from '../../core/clock.ts'
import { sleep, systemClock } from '../../core/clock.ts'
import type { Random } from '../../core/random.ts'
import { systemRandom } from '../../core/random.ts'
import { checkInteger } from '../../core/validate.ts'
import { idSource } from '../../work/ids.ts'
import type { Job, JobState } from '../../work/job.ts'
import type { JobStore } from '../../work/store.ts'
import { Crew } from './crew.ts'
import { DRILL_KIND } from './crew-words.ts'
import type { ScratchStore } from './scratch-store.ts'
import { storeAt } from './scratch-store.ts'

export interface DrillOptions {
  readonly store: ScratchStore
  /** All together. Default 240. */
  readonly jobs?: number
  /** Processes to kill, one after the other. Default 3. */
  readonly kills?: number
  /** When it is given up, in ms. Default 60,000. */
  readonly limitMs?: number
  /** Gives it up early. */
  readonly signal?: AbortSignal
  /** Told of each step as it is done. */
  readonly onStep?: (step: DrillStep) => void
  readonly clock?: Clock
  readonly random?: Random
}

export interface DrillStep {
  /** ms since the beginning. */
  readonly at: number
  readonly step: 'store' | 'workers' | 'enqueue' | 'kill' | 'restart' | 'finish'
  readonly text: string
}

export interface DrillKill {
  readonly pid: number
  /** Jobs that it had begun and not ended. */
  readonly running: number
  /** Of all that was left behind, what the process in its place took up as it started. */
  readonly takenUp: number
}

export interface DrillReport {
  readonly ok: boolean
  readonly store: string
  readonly ms: number
  /** Acknowledged jobs. */
  readonly jobs: number
  readonly succeeded: number
  /** Acknowledged jobs that did not succeed, or that no handler did. */
  readonly lost: number
  /** How often a job was taken up again after its worker had died. */
  readonly recovered: number
  /** Effects beyond the first of a job: its worker died after the effect and before the store knew. */
  readonly duplicates: number
  readonly kills: readonly DrillKill[]
  /** Why it is not ok, for people. */
  readonly problems: readonly string[]
}

const WORKERS = 2
const CONCURRENCY = 8
/** So many jobs in a process's hands count as the middle of its work. */
const MIDDLE = 3
const LOOK_MS = 15
const PAGE = 500
const OPEN: ReadonlySet<JobState> = new Set(['scheduled', 'available', 'running'])

/** @throws HoldfastError with `ERR_STORE_UNAVAILABLE`, OptionError, or the signal's reason; the scratch store is the caller's to remove */
export async function runDrill(options: DrillOptions): Promise<DrillReport> {
  const drill = new Drill(options)
  try {
    return await drill.run()
  } finally {
    await drill.end()
  }
}

class Drill {
  readonly #options: DrillOptions
  readonly #clock: Clock
  readonly #random: Random
  readonly #kills: number
  readonly #jobs: number
  readonly #store: JobStore
  readonly #crew: Crew
  readonly #began: number
  readonly #giveUpAt: number
  readonly #accepted: string[] = []
  readonly #killed: DrillKill[] = []
  readonly #nextId

  constructor(options: DrillOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#random = options.random ?? systemRandom
    this.#kills = checkInteger(options.kills ?? 3, 'drill.kills', 1, 100)
    this.#jobs = checkInteger(options.jobs ?? 240, 'drill.jobs', 10, 100_000)
    this.#store = storeAt(options.store.address, this.#clock)
    this.#crew = new Crew({ address: options.store.address, concurrency: CONCURRENCY, kills: this.#kills })
    this.#nextId = idSource(this.#clock)
    this.#began = this.#clock.now()
    this.#giveUpAt = this.#began + checkInteger(options.limitMs ?? 60_000, 'drill.limitMs', 1)
  }

  async run(): Promise<DrillReport> {
    const problems: string[] = []
    await this.#store.open()
    this.#tell('store', this.#options.store.description)
    await Promise.all(Array.from({ length: WORKERS }, () => this.#crew.hire()))
    this.#tell('workers', `processes ${this.#pids()} work, ${CONCURRENCY} jobs at once each`)
    for (let kill = 0; kill < this.#kills && !this.#isOver; kill++) {
      await this.#enqueue(kill)
      await this.#killOne()
    }
    await this.#enqueue(this.#kills)
    const done = await this.#until(async () => (await this.#open()) === 0)
    if (!done) problems.push(`not all jobs were done within ${Math.round((this.#clock.now() - this.#began) / 1000)} s`)
    const unwell = await this.#crew.dismiss()
    if (unwell > 0) problems.push(`${unwell} worker processes did not end well`)
    return this.#judge(problems)
  }

  async end(): Promise<void> {
    this.#crew.destroy()
    await this.#store.close()
  }

  get #isOver(): boolean {
    return this.#clock.now() >= this.#giveUpAt
  }

  #pids(): string {
    return this.#crew.members.map(({ pid }) => pid).join(' and ')
  }

  #tell(step: DrillStep['step'], text: string): void {
    this.#options.onStep?.({ at: this.#clock.now() - this.#began, step, text })
  }

  /** An even share of the jobs: one before each kill, and one after the last. */
  async #enqueue(share: number): Promise<void> {
    const end = Math.round((this.#jobs * (share + 1)) / (this.#kills + 1))
    const jobs = Array.from({ length: end - this.#accepted.length }, () => this.#newJob())
    const answers = await this.#store.enqueue(jobs)
    this.#accepted.push(...answers.map(({ id }) => id))
    this.#tell('enqueue', `${answers.length} jobs acknowledged, ${this.#accepted.length} so far`)
  }

  #newJob() {
    const id = this.#nextId()
    const payload = { ms: Math.round(30 + this.#random() * 170) }
    return { id, kind: DRILL_KIND, target: 'drill', payload, priority: 0, fingerprint: id, idempotencyWindowMs: 0 }
  }

  /** One that is in the middle of several jobs; then another process comes in its place. */
  async #killOne(): Promise<void> {
    let victim: number | undefined
    await this.#until(async () => {
      const running = await this.#running()
      const at = (pid: number) => running.filter((job) => isHeldBy(job, pid)).length
      // The one that has been there the longest: each process has its turn.
      victim = this.#crew.members.find(({ pid }) => at(pid) >= MIDDLE)?.pid
      return victim !== undefined
    })
    if (victim === undefined) return
    await this.#pause(this.#random() * 60)
    const pid = victim
    await this.#crew.kill(pid)
    const running = (await this.#running()).filter((job) => isHeldBy(job, pid)).length
    this.#tell('kill', `process ${pid} killed (SIGKILL) in the middle of ${running} jobs`)
    const member = await this.#crew.hire()
    this.#tell('restart', `process ${member.pid} in its place took up ${member.recovered} jobs`)
    this.#killed.push({ pid, running, takenUp: member.recovered })
  }

  async #running(): Promise<readonly Job[]> {
    return (await this.#store.list({ state: 'running', limit: PAGE })).items
  }

  /** Jobs that have not ended, well or badly. */
  async #open(): Promise<number> {
    const counts = await this.#store.counts()
    return counts.reduce((sum, { state, count }) => sum + (OPEN.has(state) ? count : 0), 0)
  }

  /** False when the time was up first. */
  async #until(done: () => Promise<boolean>): Promise<boolean> {
    while (!(await done())) {
      if (this.#isOver) return false
      await this.#pause(LOOK_MS)
    }
    return true
  }

  async #pause(ms: number): Promise<void> {
    await sleep(this.#clock, ms, this.#options.signal)
  }

  async #judge(problems: string[]): Promise<DrillReport> {
    const { effects } = this.#crew
    let [succeeded, lost, recovered] = [0, 0, 0]
    for (const id of this.#accepted) {
      const job = await this.#store.get(id)
      if (job?.state === 'succeeded') succeeded++
      if (job?.state !== 'succeeded' || !effects.has(id)) lost++
      recovered += job?.lostLeases ?? 0
    }
    const duplicates = [...effects.values()].reduce((sum, times) => sum + times - 1, 0)
    const killed = this.#killed
    if (lost > 0) problems.push(`${lost} acknowledged jobs were not done`)
    if (killed.length < this.#kills) problems.push(`only ${killed.length} of ${this.#kills} processes could be killed at work`)
    // What died with its effect done is run again; nothing else may be.
    const excusable = killed.reduce((sum, { running }) => sum + running, 0)
    if (duplicates > excusable) problems.push(`${duplicates} effects were repeated, though ${excusable} jobs were interrupted`)
    const ok = problems.length === 0
    this.#tell('finish', `${succeeded} of ${this.#accepted.length} jobs have succeeded`)
    return {
      ok,
      store: this.#options.store.description,
      ms: Math.round(this.#clock.now() - this.#began),
      jobs: this.#accepted.length,
      succeeded,
      lost,
      recovered,
      duplicates,
      kills: killed,
      problems,
    }
  }
}

/** A worker's id is host:pid:boot. */
function isHeldBy({ worker }: Job, pid: number): boolean {
  return worker?.split(':').at(-2) === String(pid)
}
