import type { SQLInputValue } from 'node:sqlite'

/** The WHERE of a query with optional filters. Columns and texts come from this code, never from callers; values are bound. */
export class Conditions {
  readonly #texts: string[] = []
  readonly values: SQLInputValue[] = []

  add(text: string, ...values: readonly SQLInputValue[]): this {
    this.#texts.push(text)
    this.values.push(...values)
    return this
  }

  /** Nothing when there is no value to compare with. */
  equal(column: string, value: SQLInputValue | undefined): this {
    return value === undefined ? this : this.add(`${column} = ?`, value)
  }

  get text(): string {
    return this.#texts.length === 0 ? '' : `WHERE ${this.#texts.join(' AND ')}`
  }
}
