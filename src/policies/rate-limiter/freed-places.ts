/**
 * Places in the future that were given up while later ones stood: those who have the later ones keep them, so only a newcomer
 * can use what was freed.
 */
import { SAME_TIME_MS } from './rate-machine.ts'

export class FreedPlaces {
  /** Earliest first. */
  readonly #places: { readonly at: number; readonly cost: number }[] = []

  add(at: number, cost: number): void {
    const after = this.#places.findIndex((place) => place.at > at)
    this.#places.splice(after < 0 ? this.#places.length : after, 0, { at, cost })
  }

  /** When the earliest place of just this cost is that has not passed; undefined without one. */
  earliest(now: number, cost: number): number | undefined {
    while (this.#places.length > 0 && this.#places[0]!.at < now) this.#places.shift()
    return this.#places.find((place) => place.cost === cost)?.at
  }

  /** Takes the place of this time and cost; false when there is none. */
  take(at: number, cost: number): boolean {
    const index = this.#places.findIndex((place) => Math.abs(place.at - at) <= SAME_TIME_MS && place.cost === cost)
    if (index >= 0) this.#places.splice(index, 1)
    return index >= 0
  }

  get latest(): { readonly at: number; readonly cost: number } | undefined {
    return this.#places.at(-1)
  }

  dropLatest(): void {
    this.#places.pop()
  }
}
