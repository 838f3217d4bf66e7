/**
 * A target with a queue, and clients that call it through a limiter, in virtual time and without promises: event by event,
 * so that ten minutes of a thousand calls a second take a second.
 */

import { isRejection } from '../../../core/permit.ts'
import type { Random } from '../../../core/random.ts'
import type { AdaptiveMachine, AdaptivePermit } from '../machine.ts'

export interface SimulationSettings {
  /** So many calls the target works on at once; the others queue in it, first come first served. */
  workers: number
  /** How long one call takes a worker, in ms. */
  readonly serviceMs: (random: Random) => number
  /** So many may queue; more are refused at once. Default: no bound. */
  readonly queueSize?: number
  /** Calls that arrive per second, at random moments. */
  perSecond: number
  readonly random: Random
}

interface Happening {
  readonly at: number
  readonly happen: (now: number) => void
}

export interface Trace {
  /** The limit at every full second. */
  readonly limits: number[]
  readonly served: number
  readonly rejected: number
  readonly refused: number
  /** The most that ever queued in the target. */
  readonly longestQueue: number
}

export class Simulation {
  readonly settings: SimulationSettings
  readonly #machine: AdaptiveMachine
  readonly #agenda = new Heap()
  readonly #waiting: AdaptivePermit[] = []
  #busy = 0
  #now = 0
  #trace = { limits: [] as number[], served: 0, rejected: 0, refused: 0, longestQueue: 0 }

  constructor(machine: AdaptiveMachine, settings: SimulationSettings) {
    this.#machine = machine
    this.settings = settings
    this.#arriveLater(0)
  }

  get now(): number {
    return this.#now
  }

  /** Runs on for so many seconds and tells of them. */
  run(seconds: number): Trace {
    this.#trace = { limits: [], served: 0, rejected: 0, refused: 0, longestQueue: 0 }
    const end = this.#now + seconds * 1000
    for (let second = this.#now + 1000; second <= end; second += 1000) {
      for (let next = this.#agenda.take(second); next !== undefined; next = this.#agenda.take(second)) {
        this.#now = next.at
        next.happen(next.at)
      }
      this.#now = second
      this.#trace.limits.push(this.#machine.limit)
    }
    return this.#trace
  }

  #arriveLater(now: number): void {
    const { perSecond, random } = this.settings
    const gapMs = perSecond > 0 ? (-Math.log(1 - random()) * 1000) / perSecond : 1000
    this.#agenda.add({
      at: now + gapMs,
      happen: (at) => {
        if (this.settings.perSecond > 0) this.#arrive(at)
        this.#arriveLater(at)
      },
    })
  }

  #arrive(now: number): void {
    const permit = this.#machine.tryAcquire(now)
    if (isRejection(permit)) this.#trace.rejected++
    else if (this.#busy < this.settings.workers) this.#serve(permit, now)
    else if (this.#waiting.length >= (this.settings.queueSize ?? Number.POSITIVE_INFINITY)) {
      this.#trace.refused++
      this.#agenda.add({ at: now + 1, happen: (at) => permit.release('failure', at) })
    } else {
      this.#waiting.push(permit)
      this.#trace.longestQueue = Math.max(this.#trace.longestQueue, this.#waiting.length)
    }
  }

  #serve(permit: AdaptivePermit, now: number): void {
    this.#busy++
    this.#agenda.add({
      at: now + this.settings.serviceMs(this.settings.random),
      happen: (at) => {
        this.#busy--
        this.#trace.served++
        permit.release('success', at)
        const next = this.#busy < this.settings.workers ? this.#waiting.shift() : undefined
        if (next !== undefined) this.#serve(next, at)
      },
    })
  }
}

class Heap {
  readonly #items: Happening[] = []

  add(item: Happening): void {
    const items = this.#items
    let at = items.push(item) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (items[parent]!.at <= item.at) break
      items[at] = items[parent]!
      at = parent
    }
    items[at] = item
  }

  /** The next one that is due by `end`. */
  take(end: number): Happening | undefined {
    const items = this.#items
    const first = items[0]
    if (first === undefined || first.at > end) return undefined
    const last = items.pop()!
    if (items.length > 0) this.#sink(last)
    return first
  }

  #sink(item: Happening): void {
    const items = this.#items
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= items.length) break
      if (child + 1 < items.length && items[child + 1]!.at < items[child]!.at) child++
      if (items[child]!.at >= item.at) break
      items[at] = items[child]!
      at = child
    }
    items[at] = item
  }
}

/** Everything a series can be asked. */
export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
