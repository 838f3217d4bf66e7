/** A small chore that is done in the background now and then: once in so many operations, and never twice at once. */
export class NowAndThen {
  readonly #every: number
  readonly #chore: () => Promise<unknown>
  #noted = 0
  #running: Promise<void> | undefined

  /** When `chore` fails, the next time does the rest. */
  constructor(every: number, chore: () => Promise<unknown>) {
    this.#every = every
    this.#chore = chore
  }

  /** One more operation. */
  note(): void {
    if (++this.#noted < this.#every || this.#running !== undefined) return
    this.#noted = 0
    this.#running = this.#chore().then(
      () => this.#end(),
      () => this.#end(),
    )
  }

  #end(): void {
    this.#running = undefined
  }

  /** Waits for what is under way. */
  async stop(): Promise<void> {
    await this.#running
  }
}
