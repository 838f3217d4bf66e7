/**
 * Brings back what died while its target was down, once the target is up again: one canary first, then twice as many each
 * time the former went well. Letters that have used up their returns stay; so a target that keeps failing cannot make a loop.
 */
import type { Clock } from '../core/clock.ts'
import { sleep } from '../core/clock.ts'
import type { Duration } from '../core/duration.ts'
import type { EventBus } from '../core/events.ts'
import { checkDuration, checkInteger } from '../core/validate.ts'
import { tellRedriven } from './queue.ts'
import type { JobStore } from './store.ts'

export interface TargetRedriveOptions {
  readonly store: JobStore
  readonly clock: Clock
  readonly events: EventBus
  /** How often it looks whether a step went well. Default 500 ms. */
  readonly lookEvery?: Duration
  /** How long a step may take before the rest stays dead. Default 5 min. */
  readonly patience?: Duration
  /** The largest step. Default 64. */
  readonly maxStep?: number
}

export interface RedriveReport {
  /** How many came back. */
  readonly redriven: number
  /** `done`: none left; `failed`: a step did not go well; `stopped`: shut down. */
  readonly end: 'done' | 'failed' | 'stopped'
}

/** Read at once to find what died of an outage; there may be others between them. */
const PAGE = 1000

/** Told of each breaker that closes; see `redriveTarget`. */
export class TargetRedrive {
  readonly #options: TargetRedriveOptions
  readonly #lookEveryMs: number
  readonly #patienceMs: number
  readonly #maxStep: number
  readonly #active = new Map<string, Promise<RedriveReport>>()
  readonly #aborter = new AbortController()

  /** @throws OptionError */
  constructor(options: TargetRedriveOptions) {
    this.#options = options
    this.#lookEveryMs = checkDuration(options.lookEvery ?? 500, 'redrive.lookEvery', 1)
    this.#patienceMs = checkDuration(options.patience ?? '5m', 'redrive.patience', 1)
    this.#maxStep = checkInteger(options.maxStep ?? 64, 'redrive.maxStep', 1, PAGE)
  }

  /** Call it when the target's breaker closes. Joins a redrive of the same target under way. Never rejects. */
  redriveTarget(target: string): Promise<RedriveReport> {
    let report = this.#active.get(target)
    if (report === undefined) {
      report = this.#climb(target).finally(() => this.#active.delete(target))
      this.#active.set(target, report)
    }
    return report
  }

  /** Ends what is under way between two steps. Idempotent. */
  async stop(): Promise<void> {
    this.#aborter.abort(new Error('stopped'))
    await Promise.all(this.#active.values())
  }

  async #climb(target: string): Promise<RedriveReport> {
    let redriven = 0
    try {
      for (let step = 1; ; step = Math.min(step * 2, this.#maxStep)) {
        const ids = await this.#take(target, step)
        redriven += ids.length
        if (ids.length === 0) return { redriven, end: 'done' }
        if (!(await this.#wentWell(ids))) return { redriven, end: 'failed' }
      }
    } catch {
      return { redriven, end: this.#aborter.signal.aborted ? 'stopped' : 'failed' }
    }
  }

  async #take(target: string, step: number): Promise<readonly string[]> {
    const { store, clock, events } = this.#options
    const page = await store.deadLetters({ target, status: 'pending', limit: PAGE })
    const died = page.items.filter((letter) => letter.targetDown).map((letter) => letter.id)
    if (died.length === 0) return []
    const ids = await store.redrive({ ids: died.reverse().slice(0, step), target, limit: step, by: 'breaker' })
    await tellRedriven(store, events, clock, ids, 'breaker')
    return ids
  }

  /** True once all have ended, none of them badly; false when one has, or when it takes too long. */
  async #wentWell(ids: readonly string[]): Promise<boolean> {
    const { store, clock } = this.#options
    const until = clock.now() + this.#patienceMs
    let waiting = [...ids]
    while (clock.now() < until) {
      await sleep(clock, this.#lookEveryMs, this.#aborter.signal)
      const jobs = await Promise.all(waiting.map((id) => store.get(id)))
      if (jobs.some((job) => job?.state === 'dead' || job?.state === 'parked')) return false
      waiting = waiting.filter((_, i) => jobs[i] !== undefined && jobs[i].finishedAt === undefined)
      if (waiting.length === 0) return true
    }
    return false
  }
}
