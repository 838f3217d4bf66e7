/**
 * What a store must answer, computed the slow and obvious way: an array of jobs, sorted and filtered anew each time. Written
 * apart from the stores' own rules, so that a mistake in those shows. For tests alone.
 */
import type { DeadLetterStatus, JobState } from '../../../src/work/job.ts'
import type { PruneRule, Settlement } from '../../../src/work/store.ts'

export interface NaiveJob {
  readonly id: string
  readonly kind: string
  readonly target: string
  readonly priority: number
  readonly key: string | undefined
  readonly concurrencyKey: string | undefined
  readonly batchId: string | undefined
  state: JobState
  runAt: number
  attempts: number
  token: number
  lostLeases: number
  generation: number
  cancelRequested: boolean
  worker: string | undefined
  leaseUntil: number | undefined
  finishedAt: number | undefined
  events: string[]
}

interface NaiveLetter {
  readonly id: string
  readonly kind: string
  readonly target: string
  status: DeadLetterStatus
  targetDown: boolean
  generation: number
  nextRetryAt: number | undefined
}

export interface NaiveBatch {
  readonly id: string
  readonly total: number
  readonly createdAt: number
  readonly callback: string | undefined
  completedAt: number | undefined
  pruned: JobState[]
}

interface NaiveKey {
  readonly id: string
  readonly print: string
  readonly until: number
  state?: JobState
}

export interface NaiveRequest {
  readonly id: string
  readonly kind: string
  readonly target: string
  readonly priority: number
  readonly delay: number
  readonly key?: string
  readonly print: string
  readonly concurrencyKey?: string
}

const ENDED: readonly JobState[] = ['succeeded', 'dead', 'cancelled']
const WAITING: readonly JobState[] = ['scheduled', 'available', 'parked']

export class NaiveStore {
  now = 0
  jobs: NaiveJob[] = []
  letters: NaiveLetter[] = []
  readonly workers = new Set<string>()
  readonly keys = new Map<string, NaiveKey>()
  batches: NaiveBatch[] = []
  readonly states = new Map<string, { readonly value: unknown; readonly updatedAt: number }>()

  job(id: string): NaiveJob | undefined {
    return this.jobs.find((job) => job.id === id)
  }

  /** Undefined when the batch must be refused. */
  enqueue(batch: readonly NaiveRequest[], batchId?: string) {
    const keys = new Map<string, NaiveKey>()
    const answers = []
    const fresh: NaiveJob[] = []
    for (const { id, kind, target, priority, delay, key, print, concurrencyKey } of batch) {
      const name = `${kind} ${key}`
      const live =
        key === undefined ? undefined : [keys.get(name), this.keys.get(name)].find((one) => one && one.until > this.now)
      if (live !== undefined && live.print !== print) return undefined
      if (live !== undefined) {
        const first = fresh.find((job) => job.id === live.id) ?? this.job(live.id)
        answers.push({ id: live.id, state: first?.state ?? live.state, duplicate: true })
        continue
      }
      const state = delay > 0 ? 'scheduled' : 'available'
      if (key !== undefined) keys.set(name, { id, print, until: this.now + 100 })
      const nothing = { worker: undefined, leaseUntil: undefined, finishedAt: undefined, cancelRequested: false, events: [] }
      const zeros = { attempts: 0, token: 0, lostLeases: 0, generation: 0 }
      const what = { id, kind, target, priority, key, concurrencyKey, batchId }
      fresh.push({ ...what, state, runAt: this.now + delay, ...zeros, ...nothing })
      answers.push({ id, state, duplicate: false })
    }
    for (const [name, key] of keys) this.keys.set(name, key)
    this.jobs.push(...fresh)
    return answers
  }

  enqueueBatch(id: string, jobs: readonly NaiveRequest[], callback?: string) {
    if (this.batches.some((batch) => batch.id === id))
      return { id, duplicate: true, jobs: this.ofBatch(id).map((job) => ({ id: job.id, state: job.state, duplicate: true })) }
    const answers = this.enqueue(jobs, id)
    if (answers === undefined) return undefined
    const total = answers.filter(({ duplicate }) => !duplicate).length
    this.batches.push({ id, total, createdAt: this.now, callback, completedAt: undefined, pruned: [] })
    return { id, duplicate: false, jobs: answers }
  }

  ofBatch(id: string): NaiveJob[] {
    return this.jobs.filter(({ batchId }) => batchId === id)
  }

  summary({ id, total, pruned }: NaiveBatch) {
    const states = [...pruned, ...this.ofBatch(id).map(({ state }) => state)]
    const of = (wanted: JobState) => states.filter((state) => state === wanted).length
    return { id, total, succeeded: of('succeeded'), dead: of('dead'), cancelled: of('cancelled') }
  }

  /** Answers the summaries of those that ended. */
  completeBatches(ids: readonly string[]) {
    const ending = ids
      .flatMap((id) => this.batches.filter((batch) => batch.id === id))
      .filter(({ id, completedAt }) => completedAt === undefined && this.ofBatch(id).every(({ state }) => ENDED.includes(state)))
    return ending.map((batch) => {
      batch.completedAt = this.now
      const summary = this.summary(batch)
      if (batch.callback !== undefined)
        this.enqueue([{ id: batch.callback, kind: 'x', target: 'a', priority: 0, delay: 0, print: '' }])
      return summary
    })
  }

  runningKeys(): string[] {
    const keyed = this.jobs.filter(({ state, concurrencyKey }) => state === 'running' && concurrencyKey)
    const groups = Map.groupBy(keyed, ({ kind, concurrencyKey }) => `${kind} ${concurrencyKey}`)
    return [...groups].map(([name, { length }]) => `${name} ${length}`).sort()
  }

  promote(): void {
    for (const job of this.jobs) if (job.state === 'scheduled' && job.runAt <= this.now) job.state = 'available'
  }

  /** Lanes with work that is due, promoted or not. */
  readyLanes(): { readonly kind: string; readonly target: string }[] {
    const due = this.jobs.filter(({ state, runAt }) => state === 'available' || (state === 'scheduled' && runAt <= this.now))
    return due.filter(({ kind, target }, at) => due.findIndex((job) => job.kind === kind && job.target === target) === at)
  }

  /** Of one lane, first come first. */
  lane(kind: string, target: string): NaiveJob[] {
    return this.jobs
      .filter((job) => job.state === 'available' && job.kind === kind && job.target === target)
      .sort((a, b) => b.priority - a.priority || a.runAt - b.runAt)
  }

  claim(worker: string, leaseMs: number, kind: string, target: string, limit: number, perKey?: number): string[] {
    this.promote()
    const jobs: NaiveJob[] = []
    for (const job of this.lane(kind, target)) {
      if (jobs.length >= limit) break
      if (perKey !== undefined && this.#running(job) >= perKey) continue
      jobs.push(job)
      Object.assign(job, { state: 'running', worker, leaseUntil: this.now + leaseMs })
      job.attempts++
      job.token++
    }
    return jobs.map(({ id }) => id)
  }

  /** How many of its kind run with its key. */
  #running({ kind, concurrencyKey }: NaiveJob): number {
    if (!concurrencyKey) return 0
    return this.jobs.filter((job) => job.state === 'running' && job.kind === kind && job.concurrencyKey === concurrencyKey).length
  }

  /** False when the fence did not hold. */
  settle(settlement: Settlement): boolean {
    const job = this.job(settlement.id)
    if (job === undefined || job.state !== 'running' || job.token !== settlement.token) return false
    const { type } = settlement
    if (type === 'returned' || type === 'rescued') job.attempts--
    if (type === 'rescued') job.lostLeases++
    if (type !== 'succeeded' || job.events.length > 0) job.events.push(type === 'retry' ? 'failed' : type)
    if ('delayMs' in settlement) {
      job.runAt = this.now + settlement.delayMs
      this.#release(job, settlement.delayMs > 0 ? 'scheduled' : 'available')
    } else {
      this.#release(job, type as JobState)
    }
    if (type === 'dead') {
      const died = {
        status: settlement.retryInMs === undefined ? 'exhausted' : 'pending',
        targetDown: settlement.targetDown,
        generation: job.generation,
        nextRetryAt: settlement.retryInMs === undefined ? undefined : this.now + settlement.retryInMs,
      } as const
      const letter = this.letters.find(({ id }) => id === job.id)
      if (letter === undefined) this.letters.push({ id: job.id, kind: job.kind, target: job.target, ...died })
      else Object.assign(letter, died)
    }
    return true
  }

  #release(job: NaiveJob, state: JobState): void {
    const stop = job.cancelRequested && WAITING.includes(state)
    if (stop) job.events.push('cancelled')
    const next = stop ? 'cancelled' : state
    const finished = next === 'succeeded' || next === 'dead' || next === 'cancelled'
    Object.assign(job, {
      state: next,
      worker: undefined,
      leaseUntil: undefined,
      cancelRequested: false,
      finishedAt: finished ? this.now : undefined,
    })
    const letter = this.letters.find(({ id, status }) => id === job.id && status === 'retrying')
    if (letter !== undefined && next === 'succeeded') letter.status = 'resolved'
    if (letter !== undefined && next === 'cancelled') letter.status = 'discarded'
  }

  cancel(id: string): void {
    const job = this.job(id)
    if (job?.state === 'running') job.cancelRequested = true
    else if (job !== undefined && WAITING.includes(job.state)) {
      job.events.push('cancelled')
      this.#release(job, 'cancelled')
    }
  }

  retry(id: string): void {
    const job = this.job(id)
    if (job === undefined || !['scheduled', 'parked', 'dead', 'cancelled'].includes(job.state)) return
    const ended = job.state === 'dead' || job.state === 'cancelled'
    if (job.state !== 'scheduled') this.#startOver(job)
    Object.assign(job, { state: 'available', runAt: this.now, finishedAt: undefined })
    job.events.push('retried')
    const letter = ended ? this.letters.find((one) => one.id === id) : undefined
    if (letter !== undefined) Object.assign(letter, { status: 'retrying', nextRetryAt: undefined })
  }

  #startOver(job: NaiveJob): void {
    job.attempts = 0
    job.lostLeases = 0
  }

  redrive(request: { target?: string; dueOnly: boolean; targetDownOnly: boolean; limit: number; dryRun: boolean }): string[] {
    const letters = this.letters
      .filter(({ status }) => status === 'pending' || status === 'exhausted')
      .filter(({ target }) => request.target === undefined || target === request.target)
      .filter(({ targetDown }) => targetDown || !request.targetDownOnly)
      .filter(({ nextRetryAt }) => !request.dueOnly || (nextRetryAt ?? Number.POSITIVE_INFINITY) <= this.now)
      .slice(0, request.limit)
    if (!request.dryRun)
      for (const letter of letters) {
        const job = this.job(letter.id) as NaiveJob
        this.#startOver(job)
        Object.assign(job, { state: 'available', runAt: this.now, finishedAt: undefined, generation: job.generation + 1 })
        job.events.push('redriven')
        Object.assign(letter, { status: 'retrying', nextRetryAt: undefined, generation: job.generation })
      }
    return letters.map(({ id }) => id)
  }

  discard(id: string): void {
    const letter = this.letters.find((one) => one.id === id)
    if (letter?.status === 'pending' || letter?.status === 'exhausted')
      Object.assign(letter, { status: 'discarded', nextRetryAt: undefined })
  }

  renew(worker: string, leaseMs: number, held: readonly { id: string; token: number }[]) {
    this.workers.add(worker)
    const lost: string[] = []
    const cancelled: string[] = []
    for (const { id, token } of held) {
      const job = this.job(id)
      if (job?.state !== 'running' || job.token !== token || job.worker !== worker) lost.push(id)
      else {
        job.leaseUntil = this.now + leaseMs
        if (job.cancelRequested) cancelled.push(id)
      }
    }
    return { lost, cancelled }
  }

  abandoned(dead: readonly string[]): string[] {
    return this.jobs
      .filter(({ state }) => state === 'running')
      .filter(
        ({ leaseUntil, worker = '' }) => (leaseUntil ?? 0) <= this.now || dead.includes(worker) || !this.workers.has(worker),
      )
      .map(({ id }) => id)
  }

  prune(olderThanMs: number, keep: number, limit: number, own: ReadonlyMap<string, PruneRule> = new Map()): number {
    const discarded = (id: string) => this.letters.some((letter) => letter.id === id && letter.status === 'discarded')
    const settled = this.jobs
      .filter(({ id, state }) => state === 'succeeded' || state === 'cancelled' || (state === 'dead' && discarded(id)))
      .sort((a, b) => (a.finishedAt as number) - (b.finishedAt as number))
    const gone = settled.filter((job) => this.#isDue(job, settled, own, { olderThanMs, keep })).slice(0, limit)
    for (const { id, kind, key, state } of gone) {
      const kept = this.keys.get(`${kind} ${key}`)
      if (kept?.id === id) kept.state = state
    }
    this.jobs = this.jobs.filter((job) => !gone.includes(job))
    this.letters = this.letters.filter(({ id }) => !gone.some((job) => job.id === id))
    for (const { batchId, state } of gone) this.batches.find(({ id }) => id === batchId)?.pruned.push(state)
    const touched = gone.map(({ batchId }) => batchId)
    const ended = this.batches.filter(({ completedAt }) => completedAt !== undefined)
    const longest = [...own.values()].reduce((most, rule) => Math.max(most, rule.olderThanMs), olderThanMs)
    const empty = ended.filter(({ id }) => touched.includes(id) && this.ofBatch(id).length === 0)
    const old = ended
      .filter((batch) => !empty.includes(batch) && (batch.completedAt as number) < this.now - longest)
      .sort((a, b) => (a.completedAt as number) - (b.completedAt as number) || (a.id < b.id ? -1 : 1))
      .slice(0, limit - gone.length)
    this.batches = this.batches.filter((batch) => !empty.includes(batch) && !old.includes(batch))
    const rest = Math.max(0, limit - gone.length - empty.length - old.length)
    const over = [...this.keys].filter(([, { until }]) => until <= this.now).slice(0, rest)
    for (const [name] of over) this.keys.delete(name)
    return gone.length + empty.length + old.length + over.length
  }

  /** Counted among those of its kind, or of all kinds that have no rule. */
  #isDue(job: NaiveJob, settled: readonly NaiveJob[], own: ReadonlyMap<string, PruneRule>, others: PruneRule): boolean {
    const rule = own.get(job.kind) ?? others
    const peers = settled.filter(({ kind }) => (own.get(kind) ?? others) === rule)
    return peers.indexOf(job) < peers.length - rule.keep || (job.finishedAt as number) < this.now - rule.olderThanMs
  }
}
