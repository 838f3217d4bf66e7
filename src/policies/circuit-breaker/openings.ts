/**
 * How often a breaker has opened in a row, without a recovery that lasted: by it the next open time grows.
 */
import { type OpenTime, openTimeOf } from './open-time.ts'

export interface OpeningSettings extends OpenTime {
  /** A trip after so many ms closed is one opening less in a row; absent: closing forgets them all. */
  readonly healMs?: number
}

export class Openings {
  readonly #settings: OpeningSettings
  inARow = 0
  total = 0

  constructor(settings: OpeningSettings) {
    this.#settings = settings
  }

  /** @returns how long the next one lasts, in ms */
  timeOfNext(askedMs?: number): number {
    return openTimeOf(this.#settings, this.inARow, askedMs)
  }

  count(): void {
    this.inARow++
    this.total++
  }

  /** Others have opened so often in a row. */
  follow(inARow: number, isNew: boolean): void {
    this.inARow = Math.max(this.inARow, inARow)
    if (isNew) this.total++
  }

  /** It opens again after so long closed: each while takes back an opening. */
  heal(closedMs: number): void {
    const { healMs } = this.#settings
    if (healMs !== undefined) this.inARow = Math.max(0, this.inARow - Math.floor(closedMs / healMs))
  }

  /** It has closed by itself. */
  recovered(): void {
    if (this.#settings.healMs === undefined) this.inARow = 0
  }
}
