/**
 * Brings back what died of an outage of its target, once the target is up again: one canary first, then twice as many each
 * time the former went well. Letters that have used up their returns stay; so a target that keeps failing cannot make a loop.
 *
 * What died of it: jobs whose letter says that the target's breaker was open, and jobs that ran out of attempts after the
 * outage had begun and before the breaker had seen enough to open. See docs/decisions/0007.
 */
import type { Clock } from '../core/clock.ts'
import { sleep } from '../core/clock.ts'
import type { Duration } from '../core/duration.ts'
import type { EventBus } from '../core/events.ts'
import { checkDuration, checkInteger } from '../core/validate.ts'
import type { DeadLetter } from './job.ts'
import { tellRedriven } from './queue.ts'
import type { JobStore } from './store.ts'
import { alone, type Turns } from './turns.ts'

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
  /** Lets one of several processes do it, whose breakers close together. */
  readonly turns?: Turns
}

export interface RedriveReport {
  /** How many came back. */
  readonly redriven: number
  /** `done`: none left; `failed`: a step did not go well; `stopped`: shut down; `elsewhere`: another process does it. */
  readonly end: 'done' | 'failed' | 'stopped' | 'elsewhere'
}

/** Read at once to find what died of an outage; there may be others between them. */
const PAGE = 1000
/** A turn outlives its last sign by so many looks. */
const TURN_LOOKS = 20

/** Told of each breaker that closes; see `redriveTarget`. */
export class TargetRedrive {
  readonly #options: TargetRedriveOptions
  readonly #lookEveryMs: number
  readonly #patienceMs: number
  readonly #maxStep: number
  readonly #turns: Turns
  readonly #active = new Map<string, Promise<RedriveReport>>()
  readonly #aborter = new AbortController()

  /** @throws OptionError */
  constructor(options: TargetRedriveOptions) {
    this.#options = options
    this.#lookEveryMs = checkDuration(options.lookEvery ?? 500, 'redrive.lookEvery', 1)
    this.#patienceMs = checkDuration(options.patience ?? '5m', 'redrive.patience', 1)
    this.#turns = options.turns ?? alone
    this.#maxStep = checkInteger(options.maxStep ?? 64, 'redrive.maxStep', 1, PAGE)
  }

  /**
   * Call it when the target's breaker closes. Joins a redrive of the same target under way. Never rejects.
   *
   * @param since when the outage began, in epoch ms by the store's clock; absent: only what the letters say counts
   */
  redriveTarget(target: string, since = Number.POSITIVE_INFINITY): Promise<RedriveReport> {
    let report = this.#active.get(target)
    if (report === undefined) {
      report = this.#climb(target, since).finally(() => this.#active.delete(target))
      this.#active.set(target, report)
    }
    return report
  }

  /** Ends what is under way between two steps. Idempotent. */
  async stop(): Promise<void> {
    this.#aborter.abort(new Error('stopped'))
    await Promise.all(this.#active.values())
  }

  async #climb(target: string, since: number): Promise<RedriveReport> {
    let redriven = 0
    try {
      for (let step = 1; ; step = Math.min(step * 2, this.#maxStep)) {
        if (!(await this.#isMine(target))) return { redriven, end: 'elsewhere' }
        const ids = await this.#take(target, since, step)
        redriven += ids.length
        if (ids.length === 0) return await this.#done(target, redriven)
        // Then the turn ends by itself: others, whose breakers close a moment later, must not try another canary.
        if (!(await this.#wentWell(target, ids))) return { redriven, end: 'failed' }
      }
    } catch {
      return { redriven, end: this.#aborter.signal.aborted ? 'stopped' : 'failed' }
    }
  }

  #isMine(target: string): Promise<boolean> {
    return this.#turns.mine(`redrive:${target}`, TURN_LOOKS * this.#lookEveryMs)
  }

  async #done(target: string, redriven: number): Promise<RedriveReport> {
    await this.#turns.over(`redrive:${target}`)
    return { redriven, end: 'done' }
  }

  async #take(target: string, since: number, step: number): Promise<readonly string[]> {
    const { store, clock, events } = this.#options
    const page = await store.deadLetters({ target, status: 'pending', limit: PAGE })
    const died: DeadLetter[] = []
    for (const letter of page.items.toReversed()) if (await this.#diedOfOutage(letter, since)) died.push(letter)
    if (died.length === 0) return []
    // Who came back before goes last: it may be its own trouble, and must not be the only canary there ever is.
    died.sort((a, b) => a.generation - b.generation)
    const ids = await store.redrive({ ids: died.slice(0, step).map(({ id }) => id), target, limit: step, by: 'breaker' })
    await tellRedriven(store, events, clock, ids, 'breaker')
    return ids
  }

  async #diedOfOutage({ id, targetDown, cause, createdAt, lastRetryAt }: DeadLetter, since: number): Promise<boolean> {
    if (targetDown) return true
    // What the target refused outright, or what takes workers down, is not cured by its being up.
    if (cause !== 'attempts') return false
    if (createdAt >= since || lastRetryAt === undefined) return createdAt >= since
    // It died before, came back, and died again: when, only the job knows.
    const job = lastRetryAt >= since ? undefined : await this.#options.store.get(id)
    return lastRetryAt >= since || (job?.finishedAt ?? 0) >= since
  }

  /** True once all have ended, none of them badly; false when one has, or when it takes too long. */
  async #wentWell(target: string, ids: readonly string[]): Promise<boolean> {
    const { store, clock } = this.#options
    const until = clock.now() + this.#patienceMs
    let waiting = [...ids]
    while (clock.now() < until) {
      await sleep(clock, this.#lookEveryMs, this.#aborter.signal)
      await this.#isMine(target)
      const jobs = await Promise.all(waiting.map((id) => store.get(id)))
      if (jobs.some((job) => job?.state === 'dead' || job?.state === 'parked')) return false
      waiting = waiting.filter((_, i) => jobs[i] !== undefined && jobs[i].finishedAt === undefined)
      if (waiting.length === 0) return true
    }
    return false
  }
}
