/**
 * Those who wait: the more urgent first, and in the order they came within one priority.
 *
 * One ordered set per priority that somebody waits with: joining and leaving cost a bisection of the priorities in use, of
 * which there are few, and nothing grows with the length of the line.
 */

import { FirstCome } from '../../core/first-come.ts'

/** Somebody who waits. `grant` is called once, with the place taken; it calls `free` exactly once. */
export interface Waiter {
  readonly grant: () => void
  /** Higher goes first. Default 0. */
  readonly priority?: number
  /** Pushed out by somebody more urgent; it has left the line already. */
  readonly drop?: () => void
}

interface Level {
  readonly priority: number
  readonly waiters: FirstCome<Waiter>
}

export class WaitingLine {
  /** The least urgent first; none of them is empty. */
  readonly #levels: Level[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Whoever has waited longest among the least urgent. */
  get leastUrgent(): Waiter | undefined {
    return this.#levels[0]?.waiters.first
  }

  join(waiter: Waiter): void {
    const priority = waiter.priority ?? 0
    const at = this.#find(priority)
    if (this.#levels[at]?.priority !== priority) this.#levels.splice(at, 0, { priority, waiters: new FirstCome() })
    this.#levels[at]!.waiters.add(waiter)
    this.#size++
  }

  leave(waiter: Waiter): void {
    const at = this.#find(waiter.priority ?? 0)
    const level = this.#levels[at]
    if (level?.waiters.delete(waiter) !== true) return
    this.#size--
    if (level.waiters.size === 0) this.#levels.splice(at, 1)
  }

  /** Takes the head out of the line. */
  next(): Waiter | undefined {
    const head = this.#levels.at(-1)?.waiters.first
    if (head !== undefined) this.leave(head)
    return head
  }

  /** Where a priority is, or belongs. */
  #find(priority: number): number {
    let low = 0
    let high = this.#levels.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#levels[middle]!.priority < priority) low = middle + 1
      else high = middle
    }
    return low
  }
}
