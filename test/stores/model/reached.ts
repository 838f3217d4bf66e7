import type { Command } from './command.ts'

/** How much of what can happen in a row has happened. */
export class Reached {
  readonly #verbs: number
  readonly #pairs = new Set<string>()
  readonly #triples = new Set<string>()
  #commands = 0

  constructor(verbs: number) {
    this.#verbs = verbs
  }

  count(sequence: readonly Command[]): void {
    this.#commands += sequence.length
    let [before, last] = ['', '']
    for (const { verb } of sequence) {
      if (last !== '') this.#pairs.add(`${last} ${verb}`)
      if (before !== '') this.#triples.add(`${before} ${last} ${verb}`)
      ;[before, last] = [last, verb]
    }
  }

  toString(): string {
    const [pairs, triples] = [this.#verbs ** 2, this.#verbs ** 3]
    return `${this.#commands} commands, ${this.#pairs.size} of ${pairs} pairs and ${this.#triples.size} of ${triples} triples in a row`
  }
}
