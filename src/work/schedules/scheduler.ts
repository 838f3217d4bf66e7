/**
 * Carries out schedules: at each of their times one job is enqueued, by whichever of the processes comes first. The job's key
 * is made of the schedule and the time, so the others get that job for an answer.
 *
 * One timer, for the next time of all schedules; the store is asked only then. The store's clock counts. A clock that is set
 * makes nobody late by more than a minute: the timer never waits longer.
 */
import type { Cancel, Clock } from '../../core/clock.ts'
import { describeError, isHoldfastError, OptionError } from '../../core/errors.ts'
import type { EventBus } from '../../core/events.ts'
import type { IdSource } from '../ids.ts'
import { idSource } from '../ids.ts'
import type { Enqueued, NewJob } from '../job.ts'
import type { JobQueue } from '../queue.ts'
import type { JobStore } from '../store.ts'
import { dueTimes, LATE_MS } from './due.ts'
import type { Schedule } from './schedule.ts'
import type { Progress, ScheduleState } from './schedule-states.ts'
import { ScheduleStates, timesOf } from './schedule-states.ts'
import type { ScheduleView } from './schedule-view.ts'
import { doneOf, isWrong, nextTime, viewOf } from './schedule-view.ts'

export interface SchedulerOptions {
  readonly store: JobStore
  readonly queue: JobQueue
  readonly clock: Clock
  readonly events: EventBus
  readonly schedules: readonly Schedule[]
  /** For the keys of jobs that are asked for by hand. Default: ids from `clock`. */
  readonly nextId?: IdSource
}

/** The longest sleep: clocks are set, and hosts fall asleep. */
const LONGEST_MS = 60_000
const FIRST_RETRY_MS = 1000
/** The key of a time answers for this long at least, whatever the kind says: for a process that stood still in between. */
const KEY_MS = 86_400_000
export class Scheduler {
  readonly #options: SchedulerOptions
  readonly #schedules: ReadonlyMap<string, Schedule>
  readonly #states: ScheduleStates
  readonly #nextId: IdSource
  /** When each schedule is due next, by the store's clock; nothing is known before the first look. */
  readonly #nextAt = new Map<string, number>()
  #aheadMs = 0
  #lookedAt = Number.NEGATIVE_INFINITY
  #failures = 0
  #timer: Cancel | undefined
  #looking: Promise<void> | undefined
  #running = false

  /** @throws OptionError when two schedules have one name, or a kind refuses what its schedule would send */
  constructor(options: SchedulerOptions) {
    this.#options = options
    this.#states = new ScheduleStates(options.store)
    this.#nextId = options.nextId ?? idSource(options.clock)
    const schedules = new Map<string, Schedule>()
    for (const schedule of options.schedules) {
      if (schedules.has(schedule.name)) throw new OptionError('schedules', 'must have different names', schedule.name)
      schedules.set(schedule.name, schedule)
      this.#try(schedule)
    }
    this.#schedules = schedules
  }

  /** Begins with what was missed. The store must be open. Idempotent. */
  start(): void {
    if (this.#running || this.#schedules.size === 0) return
    this.#running = true
    this.#arm(0)
  }

  /** Resolves when what was under way has ended. Idempotent. */
  async stop(): Promise<void> {
    this.#running = false
    this.#timer?.()
    await this.#looking
  }

  /** All schedules of this process, as all processes know them. Rejects with the store's error. */
  async list(): Promise<readonly ScheduleView[]> {
    const stateOf = await this.#states.read()
    const now = this.#now()
    return Array.from(this.#schedules.values(), (schedule) => viewOf(schedule, stateOf(schedule.name), now))
  }

  /** From now on its times pass, in all processes. Undefined when it is not known here. */
  async pause(name: string): Promise<ScheduleView | undefined> {
    if (!this.#schedules.has(name)) return undefined
    await this.#states.pause(name)
    this.#tell('schedule.paused', name)
    return this.#view(name)
  }

  /** It goes on with its next time; what passed while it was paused is not missed. Undefined when it is not known here. */
  async resume(name: string): Promise<ScheduleView | undefined> {
    const schedule = this.#schedules.get(name)
    if (schedule === undefined) return undefined
    const { progress, pausedAt } = (await this.#states.read())(name)
    // First the progress: whoever sees the pause gone must see that, too.
    if (pausedAt !== undefined) await this.#write(schedule, { ...progress, done: await this.#options.store.now() })
    await this.#states.resume(name)
    this.#tell('schedule.resumed', name)
    return this.#view(name)
  }

  /** Enqueues its job now, beside its times, and even while it is paused. Undefined when it is not known here. */
  async run(name: string): Promise<Enqueued | undefined> {
    const schedule = this.#schedules.get(name)
    if (schedule === undefined) return undefined
    const [job] = await this.#enqueue(this.#jobsOf(schedule, [Math.floor(this.#now())], `now:${this.#nextId()}`))
    return job
  }

  /** What a kind refuses is found at the start, as far as it does not depend on the time. */
  #try(schedule: Schedule): void {
    try {
      this.#jobsOf(schedule, [Math.floor(this.#options.clock.wallNow())])
    } catch (error) {
      const { message } = describeError(error)
      throw new OptionError(`schedule '${schedule.name}'`, `must make jobs that their kind takes (${message})`, schedule.kind)
    }
  }

  #now(): number {
    return this.#options.clock.wallNow() + this.#aheadMs
  }

  #arm(ms: number): void {
    this.#timer?.()
    this.#timer = this.#options.clock.setTimer(Math.min(ms, LONGEST_MS), () => void this.#wake(), true)
  }

  async #wake(): Promise<void> {
    // A clock that was set back makes what is due next come anew.
    if (this.#nextIn() <= 0 || this.#now() < this.#lookedAt - LATE_MS) {
      this.#looking = this.#look()
      await this.#looking
    }
    if (this.#running)
      this.#arm(this.#failures > 0 ? FIRST_RETRY_MS * 2 ** Math.min(this.#failures - 1, 6) : Math.max(1, this.#nextIn()))
  }

  /** Until the next time of any schedule, in ms; 0 or less when something is due, or nothing is known. */
  #nextIn(): number {
    if (this.#nextAt.size < this.#schedules.size) return 0
    return Math.min(...this.#nextAt.values()) - this.#now()
  }

  /** Never rejects: a store that is away is asked again. Others tell of that. */
  async #look(): Promise<void> {
    const { store, clock } = this.#options
    try {
      const stateOf = await this.#states.read()
      const now = await store.now()
      this.#lookedAt = now
      this.#aheadMs = now - clock.wallNow()
      for (const schedule of this.#schedules.values()) await this.#lookAt(schedule, stateOf(schedule.name), now)
      this.#failures = 0
    } catch {
      this.#failures++
    }
  }

  async #lookAt(schedule: Schedule, { progress, pausedAt }: ScheduleState, now: number): Promise<void> {
    if (progress === undefined || isWrong(progress, now)) return this.#beginAnew(schedule, progress, now)
    const done = doneOf(schedule, progress, now)
    if (pausedAt === undefined) await this.#carryOut(schedule, progress, done, now)
    this.#nextAt.set(schedule.name, nextTime(schedule, done, now) ?? Number.POSITIVE_INFINITY)
  }

  /** Whatever passed before now was not missed. */
  async #beginAnew(schedule: Schedule, progress: Progress | undefined, now: number): Promise<void> {
    await this.#write(schedule, { ...progress, done: now })
    this.#nextAt.set(schedule.name, nextTime(schedule, now, now) ?? Number.POSITIVE_INFINITY)
  }

  async #carryOut(schedule: Schedule, progress: Progress, done: number, now: number): Promise<void> {
    const { times, missed, upTo } = dueTimes(schedule, done, now)
    if (upTo === undefined) return
    let last: Pick<Progress, 'lastAt' | 'lastJob'> = progress
    const jobs = this.#made(schedule, times)
    const answers = await this.#enqueued(schedule, jobs)
    if (answers.length > 0) {
      last = { lastAt: times.at(-1) as number, lastJob: answers.at(-1)?.id as string }
      for (const [i, answer] of answers.entries()) this.#tellFired(schedule, times[i] as number, now, answer)
    }
    if (missed > 0) this.#tell('schedule.missed', schedule.name, { missed })
    await this.#write(schedule, { ...last, done: upTo })
  }

  /** A key that somebody else has used for other work is this schedule's trouble alone; a store that is away is everybody's. */
  async #enqueued({ name }: Schedule, jobs: readonly NewJob[]): Promise<readonly Enqueued[]> {
    try {
      return jobs.length === 0 ? [] : await this.#enqueue(jobs)
    } catch (error) {
      if (!isHoldfastError(error) || error.code !== 'ERR_IDEMPOTENCY_MISMATCH') throw error
      this.#tell('schedule.failed', name, { error: describeError(error) })
      return []
    }
  }

  /** A payload that cannot be made now cannot be made in a minute either: its times pass. */
  #made(schedule: Schedule, times: readonly number[]): readonly NewJob[] {
    try {
      return this.#jobsOf(schedule, times)
    } catch (error) {
      this.#tell('schedule.failed', schedule.name, { error: describeError(error) })
      return []
    }
  }

  /** The fingerprint is the same for all: two releases with two payloads must not refuse each other's job of one time. */
  #jobsOf(schedule: Schedule, times: readonly number[], nth?: string): readonly NewJob[] {
    const requests = times.map((at) => {
      const key = `schedule:${schedule.name}:${nth ?? new Date(at).toISOString()}`
      return { ...schedule.requestAt(at), idempotencyKey: key }
    })
    const jobs = this.#options.queue.prepare(requests)
    return jobs.map((job) => ({
      ...job,
      fingerprint: 'schedule',
      idempotencyWindowMs: Math.max(job.idempotencyWindowMs, KEY_MS),
    }))
  }

  async #enqueue(jobs: readonly NewJob[]): Promise<readonly Enqueued[]> {
    const answers = await this.#options.store.enqueue(jobs)
    this.#options.queue.announce(jobs, answers)
    return answers
  }

  #write(schedule: Schedule, { done, lastAt, lastJob }: Pick<Progress, 'done' | 'lastAt' | 'lastJob'>): Promise<void> {
    const last = lastAt === undefined || lastJob === undefined ? {} : { lastAt, lastJob }
    return this.#states.writeProgress(schedule.name, { done, times: timesOf(schedule), ...last })
  }

  async #view(name: string): Promise<ScheduleView> {
    return viewOf(this.#schedules.get(name) as Schedule, (await this.#states.read())(name), this.#now())
  }

  #tellFired({ name, kind }: Schedule, dueAt: number, now: number, { id, duplicate }: Enqueued): void {
    if (!duplicate) this.#tell('schedule.fired', name, { kind, job: id, dueAt, lateMs: now - dueAt })
  }

  #tell(type: `schedule.${string}`, schedule: string, more: object = {}): void {
    const { events, clock } = this.#options
    if (events.active) events.emit({ type, at: clock.wallNow(), schedule, ...more } as never)
  }
}
