/**
 * Rows that wait, by priority, then time, then age: a binary heap. Leaving from the middle is lazy: an entry is stale when
 * its row has moved on (the stamps differ), is dropped when it comes to the top, and the heap is rebuilt when most of it is
 * stale. An entry keeps the key it was put in with, so a stale one stays in order.
 */

export interface Waiting {
  readonly seq: number
  /** Grows whenever the row leaves a queue. */
  readonly stamp: number
}

interface Entry<Row> {
  readonly row: Row
  readonly stamp: number
  readonly priority: number
  readonly runAt: number
}

export class LaneQueue<Row extends Waiting> {
  #heap: Entry<Row>[] = []
  #live = 0

  get size(): number {
    return this.#live
  }

  push(row: Row, priority: number, runAt: number): void {
    this.#live++
    this.#rise({ row, stamp: row.stamp, priority, runAt })
  }

  /** Says that a row in here has moved on; its stamp has changed. */
  forget(): void {
    this.#live--
    if (this.#heap.length > 64 && this.#heap.length > 2 * this.#live) this.#rebuild()
  }

  first(): Row | undefined {
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      if (top.row.stamp === top.stamp) return top.row
      this.#dropTop()
    }
    return undefined
  }

  #rebuild(): void {
    const live = this.#heap.filter((entry) => entry.row.stamp === entry.stamp)
    this.#heap = []
    for (const entry of live) this.#rise(entry)
  }

  #rise(entry: Entry<Row>): void {
    const heap = this.#heap
    let at = heap.push(entry) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!comesBefore(entry, heap[parent] as Entry<Row>)) break
      heap[at] = heap[parent] as Entry<Row>
      at = parent
    }
    heap[at] = entry
  }

  #dropTop(): void {
    const heap = this.#heap
    const last = heap.pop() as Entry<Row>
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && comesBefore(heap[child + 1] as Entry<Row>, heap[child] as Entry<Row>)) child++
      if (!comesBefore(heap[child] as Entry<Row>, last)) break
      heap[at] = heap[child] as Entry<Row>
      at = child
    }
    heap[at] = last
  }
}

function comesBefore(a: Entry<Waiting>, b: Entry<Waiting>): boolean {
  if (a.priority !== b.priority) return a.priority > b.priority
  if (a.runAt !== b.runAt) return a.runAt < b.runAt
  return a.row.seq < b.row.seq
}
