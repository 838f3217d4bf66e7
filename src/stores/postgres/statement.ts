/**
 * SQL texts as a store of one schema sends them. Texts are written with `@name` for a table of the schema; all values are
 * parameters.
 */
import { createHash } from 'node:crypto'
import { OptionError } from '../../core/errors.ts'

const SCHEMA = /^[a-z_][a-z0-9_]{0,39}$/

/** @throws OptionError unless it is a plain lower-case name: it becomes part of SQL texts and of a channel's name */
export function checkSchema(schema: unknown): string {
  if (typeof schema !== 'string' || !SCHEMA.test(schema) || schema.startsWith('pg_'))
    throw new OptionError('schema', "must be 1 to 40 of a-z, 0-9 and '_', not beginning with a digit or 'pg_'", schema)
  return schema
}

/** `@jobs` becomes `"schema".jobs`. */
export function inSchema(text: string, schema: string): string {
  return text.replace(/@(\w+)/g, `"${schema}".$1`)
}

export interface Statement {
  readonly text: string
  readonly name?: string
}

/** The texts of one schema, each made once. */
export class Statements {
  readonly #schema: string
  readonly #prepared: boolean
  readonly #known = new Map<string, Statement>()

  constructor(schema: string, prepared: boolean) {
    this.#schema = schema
    this.#prepared = prepared
  }

  of(written: string): Statement {
    let statement = this.#known.get(written)
    if (statement === undefined) {
      const text = inSchema(written, this.#schema)
      statement = this.#prepared ? { text, name: nameOf(text) } : { text }
      this.#known.set(written, statement)
    }
    return statement
  }
}

/** By its content: the same name never means another text, even on connections that are shared. */
function nameOf(text: string): string {
  return `holdfast_${createHash('sha256').update(text).digest('hex').slice(0, 24)}`
}
