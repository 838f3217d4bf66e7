/** A bar on stderr for long work, drawn when people watch, at most ten times a second. */
import type { Io } from './io.ts'

const BAR = 30
const EVERY_MS = 100

export class ProgressBar {
  readonly #io: Io
  readonly #shown: boolean
  #drawnAt = Number.NEGATIVE_INFINITY
  #drawn = false

  constructor(io: Io) {
    this.#io = io
    this.#shown = io.isTTY && io.env.TERM !== 'dumb'
  }

  show(share: number, what: string): void {
    const now = this.#io.clock.now()
    if (!this.#shown || (now - this.#drawnAt < EVERY_MS && share < 1)) return
    this.#drawnAt = now
    this.#drawn = true
    const full = Math.round(Math.min(Math.max(share, 0), 1) * BAR)
    const percent = String(Math.floor(share * 100)).padStart(3)
    this.#io.stderr.write(`\r\x1b[K${'█'.repeat(full)}${'░'.repeat(BAR - full)} ${percent} %  ${what}`)
  }

  /** Takes the bar away. */
  end(): void {
    if (this.#drawn) this.#io.stderr.write('\r\x1b[K')
  }
}
