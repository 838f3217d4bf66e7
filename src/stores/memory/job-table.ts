/**
 * The jobs of a memory store, and the queues they wait in. Every change of a job goes through `replace`, which keeps the
 * queues and the set of running jobs in step.
 */
import type { Job } from '../../work/job.ts'
import type { Lane, ReadyLane } from '../../work/store.ts'
import { LaneQueue } from './lane-queue.ts'

export interface JobRow {
  readonly seq: number
  /** JSON: what goes in is copied, and every reader gets a copy of its own. */
  readonly payload: string | undefined
  job: Job
  stamp: number
}

/** So many scheduled jobs become available in one call; more at once would hold up the loop. */
const PROMOTED_AT_ONCE = 10_000

export class JobTable {
  readonly #byId = new Map<string, JobRow>()
  readonly #running = new Set<JobRow>()
  readonly #scheduled = new LaneQueue<JobRow>()
  readonly #lanes = new Map<string, Map<string, LaneQueue<JobRow>>>()
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

  firstOf(lane: Lane): JobRow | undefined {
    return this.#lanes.get(lane.kind)?.get(lane.target)?.first()
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
    const { state, priority, runAt } = row.job
    if (state === 'available') this.#laneOf(row.job).push(row, priority, runAt)
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
    queue.forget()
    // Lanes of targets that come and go must not pile up.
    if (queue.size === 0) this.#lanes.get(job.kind)?.delete(job.target)
  }

  #laneOf({ kind, target }: Lane): LaneQueue<JobRow> {
    const lanes = this.#lanes.get(kind) ?? new Map<string, LaneQueue<JobRow>>()
    this.#lanes.set(kind, lanes)
    const queue = lanes.get(target) ?? new LaneQueue<JobRow>()
    lanes.set(target, queue)
    return queue
  }
}
