/**
 * Places in the future of a machine that is made of others: only the latest can be taken back exactly, so they are kept in
 * the order in which they were given.
 */
import { SAME_TIME_MS } from './rate-machine.ts'

export interface LatestPlace {
  readonly at: number
  readonly cost: number
  /** What each machine needs to take it back. */
  readonly remembered: readonly unknown[]
}

export class LatestPlaces {
  /** Times never fall from one to the next. */
  // Stryker disable next-line ArrayDeclaration: what is no place is never found
  #places: LatestPlace[] = []

  /** All places before this one have passed, or stay behind it. */
  push(now: number, place: LatestPlace): void {
    // Those that have passed are in front; when half of them have, they go.
    if (this.#places.length > 0 && this.#places[this.#places.length >> 1]!.at <= now)
      this.#places = this.#places.filter(({ at }) => at > now)
    this.#places.push(place)
  }

  /** Takes a place out, and answers it if it was the latest: only that one can be taken back. */
  remove(at: number, cost: number): LatestPlace | undefined {
    const index = this.#places.findLastIndex((place) => place.cost === cost && Math.abs(place.at - at) <= SAME_TIME_MS)
    if (index < 0) return undefined
    const [place] = this.#places.splice(index, 1)
    return index === this.#places.length ? place : undefined
  }

  /** Something else was counted since, so none can be taken back any more. */
  clear(): void {
    this.#places.length = 0
  }
}
