/** The WHERE of a query with optional filters. Columns and texts come from this code, never from callers; values are bound. */
export class Conditions {
  readonly #texts: string[] = []
  readonly values: unknown[]

  /** @param values what the query binds ahead of the conditions */
  constructor(...values: readonly unknown[]) {
    this.values = [...values]
  }

  /** The value is bound where the text says `?`. */
  add(text: string, value: unknown): this {
    this.#texts.push(text.replace('?', this.bind(value)))
    return this
  }

  /** True as it stands. */
  always(text: string): this {
    this.#texts.push(text)
    return this
  }

  /** Nothing when there is no value to compare with. */
  equal(column: string, value: string | undefined): this {
    return value === undefined ? this : this.add(`${column} = ?`, value)
  }

  /** Answers the parameter's name, for where the conditions do not reach. */
  bind(value: unknown): string {
    this.values.push(value)
    return `$${this.values.length}`
  }

  get text(): string {
    return this.#texts.length === 0 ? '' : `WHERE ${this.#texts.join(' AND ')}`
  }
}
