/**
 * The jobs of a memory store, and the queues they wait in. Every change of a job goes through `replace`, which keeps the
 * queues and the set of running jobs in step.
 */
import type { Job } from '../../work/job.ts'
import type { Lane, ReadyLane, RunningKey } from '../../work/store.ts'
import type { JobRow } from './job-row.ts'
import { KeyedQueue } from './keyed-queue.ts'
import { LaneQueue } from './lane-queue.ts'

/** So many scheduled jobs become available in one call; more at once would hold up the loop. */
const PROMOTED_AT_ONCE = 10_000

export class JobTable {
  readonly #byId = new Map<string, JobRow>()
  readonly #running = new Set<JobRow>()
  readonly #scheduled = new LaneQueue<JobRow>()
  readonly #lanes = new Map<string, Map<string, KeyedQueue>>()
  readonly #batches = new Map<string, Set<JobRow>>()
  /** In order of `seq`. */
  #rows: JobRow[] = []
  #seq = 0

  get rows(): readonly JobRow[] {
    return this.#rows
  }

  get running(): Iterable<JobRow> {
    return this.#running
  }

  byId(id: string): JobRow | undefined {
    return this.#byId.get(id)
  }

  add(job: Job, payload: string | undefined): void {
    const row: JobRow = { seq: ++this.#seq, payload, job: { ...job, payload: undefined }, stamp: 0 }
    this.#rows.push(row)
    this.#byId.set(job.id, row)
    if (job.batchId !== undefined) this.#ofBatch(job.batchId).add(row)
    this.#join(row)
  }

  replace(row: JobRow, job: Job): void {
    this.#leave(row)
    row.job = job
    this.#join(row)
  }

  remove(gone: ReadonlySet<JobRow>): void {
    for (const row of gone) {
      this.#leave(row)
      this.#byId.delete(row.job.id)
      this.#leaveBatch(row)
    }
    this.#rows = this.#rows.filter((row) => !gone.has(row))
  }

  /** Makes available what has become due. */
  promote(now: number): void {
    for (let count = 0; count < PROMOTED_AT_ONCE; count++) {
      const row = this.#scheduled.first()
      if (row === undefined || row.job.runAt > now) return
      this.replace(row, { ...row.job, state: 'available' })
    }
  }

  nextScheduled(): number | undefined {
    return this.#scheduled.first()?.job.runAt
  }

  waitingIn(lane: Lane): KeyedQueue | undefined {
    return this.#lanes.get(lane.kind)?.get(lane.target)
  }

  ofBatch(id: string): readonly JobRow[] {
    return [...(this.#batches.get(id) ?? [])]
  }

  /** How many of a kind run, by key. */
  runningOf(kind: string): Map<string, number> {
    const keys = this.runningKeys().filter((running) => running.kind === kind)
    return new Map(keys.map(({ key, count }) => [key, count]))
  }

  runningKeys(): readonly RunningKey[] {
    const keyed = [...this.#running].map(({ job }) => job).filter((job) => job.concurrencyKey)
    const groups = Map.groupBy(keyed, ({ kind, concurrencyKey }) => JSON.stringify([kind, concurrencyKey]))
    return Array.from(groups.values(), (jobs) => {
      const { kind, concurrencyKey } = jobs[0] as Job
      return { kind, key: concurrencyKey as string, count: jobs.length }
    })
  }

  readyLanes(kind: string): readonly ReadyLane[] {
    const ready: ReadyLane[] = []
    const lanes = this.#lanes.get(kind)
    if (lanes === undefined) return ready
    for (const [target, queue] of lanes) {
      const first = queue.first()
      if (first !== undefined) ready.push({ kind, target, priority: first.job.priority, runAt: first.job.runAt })
    }
    return ready
  }

  #join(row: JobRow): void {
    const { state, runAt } = row.job
    if (state === 'available') this.#laneOf(row.job).push(row)
    else if (state === 'scheduled') this.#scheduled.push(row, 0, runAt)
    else if (state === 'running') this.#running.add(row)
  }

  #leave(row: JobRow): void {
    row.stamp++
    if (row.job.state === 'available') this.#forget(row.job)
    else if (row.job.state === 'scheduled') this.#scheduled.forget()
    else if (row.job.state === 'running') this.#running.delete(row)
  }

  #forget(job: Job): void {
    const queue = this.#laneOf(job)
    queue.forget(job)
    // Lanes of targets that come and go must not pile up.
    if (queue.size === 0) this.#lanes.get(job.kind)?.delete(job.target)
  }

  #laneOf({ kind, target }: Lane): KeyedQueue {
    const lanes = this.#lanes.get(kind) ?? new Map<string, KeyedQueue>()
    this.#lanes.set(kind, lanes)
    const queue = lanes.get(target) ?? new KeyedQueue()
    lanes.set(target, queue)
    return queue
  }

  #ofBatch(id: string): Set<JobRow> {
    const rows = this.#batches.get(id) ?? new Set<JobRow>()
    this.#batches.set(id, rows)
    return rows
  }

  #leaveBatch(row: JobRow): void {
    const { batchId } = row.job
    const rows = batchId === undefined ? undefined : this.#batches.get(batchId)
    rows?.delete(row)
    if (rows?.size === 0) this.#batches.delete(batchId as string)
  }
}
