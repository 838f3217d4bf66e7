/**
 * Places in the future of a machine that is made of others: only the latest can be taken back exactly, so they are kept in
 * the order in which they were given.
 */
import { SAME_TIME_MS } from './rate-machine.ts'

export class LatestPlaces {
  /** Times never fall from one to the next. */
  #places: { readonly at: number; readonly cost: number }[] = []

  push(now: number, at: number, cost: number): void {
    if (at <= now) return
    // Those that have passed are in front; when half of them have, they go.
    if (this.#places.length > 0 && this.#places[this.#places.length >> 1]!.at <= now)
      this.#places = this.#places.filter((place) => place.at > now)
    this.#places.push({ at, cost })
  }

  /** Takes the place out; true when it was the latest, false when it was an earlier one or is not known. */
  remove(at: number, cost: number): boolean {
    const index = this.#places.findLastIndex((place) => place.cost === cost && Math.abs(place.at - at) <= SAME_TIME_MS)
    if (index < 0) return false
    this.#places.splice(index, 1)
    return index === this.#places.length
  }

  clear(): void {
    this.#places = []
  }
}
