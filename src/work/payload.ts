/**
 * What may be stored as a payload: plain JSON within bounds. Everything that JSON would silently drop or change (undefined,
 * NaN, dates, maps, symbol keys) is refused with the field's path, so that a handler gets what the caller sent.
 */
import { hash } from 'node:crypto'
import { JobInvalidError } from './job-errors.ts'

export interface PayloadLimits {
  /** Size as JSON in UTF-8. Default 256 KiB. */
  readonly maxBytes: number
  /** Objects within objects. Default 32. */
  readonly maxDepth: number
  /** Fields and array items, all levels together. Default 10,000. */
  readonly maxKeys: number
}

export const PAYLOAD_LIMITS: PayloadLimits = { maxBytes: 256 * 1024, maxDepth: 32, maxKeys: 10_000 }

/** Own keys that would change an object's prototype once somebody merges it. */
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/**
 * Checks a payload and answers a copy of it, so that the caller may go on changing theirs.
 *
 * @param root how the path in errors starts
 * @throws JobInvalidError with the path of the first field that breaks a rule
 */
export function checkPayload(value: unknown, limits: PayloadLimits = PAYLOAD_LIMITS, root = 'payload'): unknown {
  return new Walk(limits, root).copy(value, root, 0)
}

/** One pass over a payload; counts what it has seen. */
class Walk {
  readonly #limits: PayloadLimits
  readonly #root: string
  readonly #ancestors = new Set<object>()
  #bytes = 0
  #keys = 0

  constructor(limits: PayloadLimits, root: string) {
    this.#limits = limits
    this.#root = root
  }

  copy(value: unknown, path: string, depth: number): unknown {
    switch (typeof value) {
      case 'string':
        this.#weigh(jsonBytes(value))
        return value
      case 'number':
        if (!Number.isFinite(value)) throw new JobInvalidError(path, 'must be a finite number', value)
        this.#weigh(String(value).length)
        return value
      case 'boolean':
        this.#weigh(value ? 4 : 5)
        return value
      case 'object':
        if (value !== null) return this.#copyObject(value, path, depth)
        this.#weigh(4)
        return null
      default:
        throw new JobInvalidError(path, 'must be JSON', value, { hint: hintFor(value) })
    }
  }

  #copyObject(value: object, path: string, depth: number): unknown {
    if (this.#ancestors.has(value)) throw new JobInvalidError(path, 'must not contain itself', value)
    if (depth >= this.#limits.maxDepth)
      throw new JobInvalidError(path, `must not be nested deeper than ${this.#limits.maxDepth} levels`, value)
    this.#ancestors.add(value)
    const copy = Array.isArray(value) ? this.#copyArray(value, path, depth) : this.#copyPlain(value, path, depth)
    this.#ancestors.delete(value)
    return copy
  }

  #copyArray(value: readonly unknown[], path: string, depth: number): unknown[] {
    this.#count(value.length)
    this.#weigh(Math.max(2, value.length + 1))
    const copy: unknown[] = []
    for (let i = 0; i < value.length; i++) copy.push(this.copy(value[i], `${path}[${i}]`, depth + 1))
    return copy
  }

  #copyPlain(value: object, path: string, depth: number): Record<string, unknown> {
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype !== null && prototype !== Object.prototype)
      throw new JobInvalidError(path, `must be plain JSON, not a ${nameOfClass(value)}`, value, {
        hint: 'Send dates as ISO text, maps and sets as arrays.',
      })
    if (Object.getOwnPropertySymbols(value).length > 0) throw new JobInvalidError(path, 'must not have symbol keys', value)
    const keys = Object.keys(value)
    this.#count(keys.length)
    this.#weigh(Math.max(2, 2 * keys.length + 1))
    const copy: Record<string, unknown> = {}
    for (const key of keys) {
      const at = `${path}${fieldPath(key)}`
      if (FORBIDDEN_KEYS.has(key)) throw new JobInvalidError(at, 'is a name that a field must not have', key)
      this.#weigh(jsonBytes(key))
      copy[key] = this.copy((value as Record<string, unknown>)[key], at, depth + 1)
    }
    return copy
  }

  #weigh(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes > this.#limits.maxBytes)
      throw new JobInvalidError(this.#root, `must not be larger than ${this.#limits.maxBytes} bytes as JSON`, 'more', {
        hint: 'Store large data elsewhere and send a reference to it.',
      })
  }

  #count(keys: number): void {
    this.#keys += keys
    if (this.#keys > this.#limits.maxKeys)
      throw new JobInvalidError(this.#root, `must not have more than ${this.#limits.maxKeys} fields and items`, 'more')
  }
}

/** Bytes of a text as a JSON string; the quick way when nothing in it can need escaping. */
function jsonBytes(text: string): number {
  return /^[ !#-[\]-~]*$/.test(text) ? text.length + 2 : Buffer.byteLength(JSON.stringify(text))
}

function fieldPath(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key.length > 80 ? `${key.slice(0, 77)}...` : key)}]`
}

function nameOfClass(value: object): string {
  const made = (value as { constructor?: unknown }).constructor
  return typeof made === 'function' && made.name !== '' ? made.name : 'class instance'
}

function hintFor(value: unknown): string {
  if (value === undefined) return 'Leave the field out, or send null.'
  if (typeof value === 'bigint') return 'Send big integers as text.'
  return 'Only text, numbers, booleans, null, arrays and plain objects can be stored.'
}

/** JSON with sorted keys: equal values give equal text. Only for values that `checkPayload` let pass. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`).join(',')}}`
}

/** Tells whether two requests under one idempotency key ask for the same thing. */
export function fingerprint(kind: string, payload: unknown): string {
  return hash('sha256', `${kind}\n${canonicalJson(payload)}`, 'base64url')
}
