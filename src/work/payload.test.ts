import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JobInvalidError } from './job-errors.ts'
import { canonicalJson, checkPayload, fingerprint } from './payload.ts'

const refusal = (value: unknown, limits?: Parameters<typeof checkPayload>[1]): JobInvalidError => {
  try {
    checkPayload(value, limits)
  } catch (error) {
    return error as JobInvalidError
  }
  throw new Error('was accepted')
}

const cyclic: Record<string, unknown> = { a: { b: [] } }
;(cyclic.a as { b: unknown[] }).b.push(cyclic)

describe('a payload', () => {
  it('may be any JSON, and is copied', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const json = JSON.stringify(value)
        fc.pre(!/"(?:__proto__|constructor|prototype)":/.test(json))
        const copy = checkPayload(value)
        expect(JSON.stringify(copy)).toBe(json)
        if (typeof value === 'object' && value !== null) expect(copy).not.toBe(value)
      }),
    )
  })

  it('may hold the same object twice', () => {
    const shared = { n: 1 }
    expect(checkPayload({ a: shared, b: [shared] })).toEqual({ a: { n: 1 }, b: [{ n: 1 }] })
  })

  // W: 22
  it.each<[string, unknown, string]>([
    ['a function', { items: [1, 2, 3, { name: () => 1 }] }, 'payload.items[3].name'],
    ['undefined', { a: undefined }, 'payload.a'],
    ['nothing at all', undefined, 'payload'],
    ['a hole in an array', { a: Object.assign([], { length: 1 }) }, 'payload.a[0]'],
    ['NaN', [Number.NaN], 'payload[0]'],
    ['Infinity', { 'not a name': Infinity }, 'payload["not a name"]'],
    ['a bigint', { a: 1n }, 'payload.a'],
    ['a symbol', { a: Symbol('s') }, 'payload.a'],
    ['a date', { when: new Date(0) }, 'payload.when'],
    ['a map', { a: new Map() }, 'payload.a'],
    ['a buffer', { a: new Uint8Array(2) }, 'payload.a'],
    ['a symbol key', { a: { [Symbol('s')]: 1 } }, 'payload.a'],
    ['a cycle', cyclic, 'payload.a.b[0]'],
    ['__proto__', JSON.parse('{"a":{"__proto__":{"admin":true}}}'), 'payload.a.__proto__'],
    ['constructor', { constructor: 1 }, 'payload.constructor'],
  ])('is refused with %s, naming the field', (_what, value, path) => {
    const error = refusal(value)
    expect(error.code).toBe('ERR_JOB_INVALID')
    expect(error.path).toBe(path)
    expect(error.message).toContain(`'${path}'`)
    expect(error.details).toMatchObject({ path })
  })

  // W: 22
  it('is refused when it is too deep, too large or has too many fields', () => {
    const limits = { maxBytes: 100, maxDepth: 3, maxKeys: 5 }
    expect(refusal([[[[]]]], limits)).toMatchObject({ path: 'payload[0][0][0]', rule: expect.stringMatching(/3 levels/) })
    expect(refusal('é'.repeat(50), limits)).toMatchObject({ path: 'payload', rule: expect.stringMatching(/100 bytes/) })
    expect(refusal([1, 2, 3, 4, 5, 6], limits).rule).toMatch(/5 fields/)
    expect(checkPayload('x'.repeat(98), limits)).toHaveLength(98)
  })

  it('is weighed as its JSON would be', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), (value) => {
        const json = JSON.stringify(value)
        fc.pre(!/"(?:__proto__|constructor|prototype)":/.test(json))
        const bytes = Buffer.byteLength(json)
        const limits = { maxDepth: 32, maxKeys: 10_000 }
        checkPayload(value, { ...limits, maxBytes: bytes })
        expect(() => checkPayload(value, { ...limits, maxBytes: bytes - 1 })).toThrow(/bytes/)
      }),
    )
  })
})

describe('a fingerprint', () => {
  it('does not depend on the order of fields', () => {
    expect(canonicalJson({ b: [1, { d: 1, c: null }], a: 'x' })).toBe('{"a":"x","b":[1,{"c":null,"d":1}]}')
    expect(fingerprint('k', { a: 1, b: 2 })).toBe(fingerprint('k', { b: 2, a: 1 }))
  })

  it('depends on kind and content', () => {
    expect(fingerprint('k', { a: 1 })).not.toBe(fingerprint('l', { a: 1 }))
    expect(fingerprint('k', { a: 1 })).not.toBe(fingerprint('k', { a: '1' }))
  })
})
