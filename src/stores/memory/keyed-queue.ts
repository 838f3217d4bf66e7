/**
 * What waits in one lane: a queue for each concurrency key, and one for jobs without. What waits for a busy key is thus never
 * walked through; the cost of a claim grows with the number of keys.
 */
import type { Job } from '../../work/job.ts'
import type { KeySlots } from '../rules/key-slots.ts'
import type { JobRow } from './job-row.ts'
import { LaneQueue } from './lane-queue.ts'

interface Head {
  readonly key: string
  readonly row: JobRow
}

export class KeyedQueue {
  readonly #queues = new Map<string, LaneQueue<JobRow>>()

  #size = 0

  get size(): number {
    return this.#size
  }

  push(row: JobRow): void {
    this.#size++
    const key = row.job.concurrencyKey ?? ''
    const queue = this.#queues.get(key) ?? new LaneQueue<JobRow>()
    this.#queues.set(key, queue)
    queue.push(row, row.job.priority, row.job.runAt)
  }

  /** Says that this job, as it was, has moved on. */
  forget({ concurrencyKey = '' }: Job): void {
    this.#size--
    const queue = this.#queues.get(concurrencyKey)
    queue?.forget()
    if (queue?.size === 0) this.#queues.delete(concurrencyKey)
  }

  first(): JobRow | undefined {
    const [only] = this.#queues.values()
    return this.#queues.size === 1 ? only?.first() : this.#heads().at(-1)?.row
  }

  /** In order, passing over what must wait for its key. Each must have left the queue when the next is asked for. */
  *inOrder(slots?: KeySlots): Generator<JobRow> {
    const heads = this.#heads()
    for (let head = heads.pop(); head !== undefined; head = heads.pop()) {
      if (slots?.take(head.key) === false) continue
      yield head.row
      const row = this.#queues.get(head.key)?.first()
      if (row !== undefined) insert(heads, { key: head.key, row })
    }
  }

  /** The first of each key, the very first at the end. */
  #heads(): Head[] {
    const heads: Head[] = []
    for (const [key, queue] of this.#queues) {
      const row = queue.first()
      if (row !== undefined) heads.push({ key, row })
    }
    return heads.sort((a, b) => compare(b.row, a.row))
  }
}

function insert(heads: Head[], head: Head): void {
  let [low, high] = [0, heads.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (compare((heads[middle] as Head).row, head.row) > 0) low = middle + 1
    else high = middle
  }
  heads.splice(low, 0, head)
}

function compare(a: JobRow, b: JobRow): number {
  return b.job.priority - a.job.priority || a.job.runAt - b.job.runAt || a.seq - b.seq
}
