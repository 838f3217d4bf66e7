/** How far a long run is: one line that moves on a terminal, a line now and then in a pipe. */
const WIDTH = 30
const LINES_EVERY_MS = 15_000

export class Progress {
  readonly #title: string
  #lastLineAt = Number.NEGATIVE_INFINITY

  constructor(title: string) {
    this.#title = title
  }

  /** `done` of `total`, and what else is worth saying. */
  show(done: number, total: number, text: string): void {
    const share = Math.min(1, total === 0 ? 1 : done / total)
    const bar = '█'.repeat(Math.round(share * WIDTH)).padEnd(WIDTH, '░')
    const line = `${this.#title} ${bar} ${String(Math.floor(share * 100)).padStart(3)} %  ${text}`
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${line}`)
    else if (performance.now() - this.#lastLineAt > LINES_EVERY_MS) {
      this.#lastLineAt = performance.now()
      process.stderr.write(`${line}\n`)
    }
  }

  /** Leaves a line that stays. */
  done(text: string): void {
    process.stderr.write(`${process.stderr.isTTY ? '\r\x1b[2K' : ''}${this.#title} ${text}\n`)
  }
}
