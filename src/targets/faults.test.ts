import { describe, expect, it } from 'vitest'
import { HttpStatusError } from '../adapters/http/http-errors.ts'
import { HoldfastError, OptionError, RejectedError, TimeoutError } from '../core/errors.ts'
import { FailedCallers } from './failed-callers.ts'
import { faultOf, throttledFor } from './faults.ts'

const status = (code: number, retryAfterMs?: number): HttpStatusError =>
  new HttpStatusError({ status: code, method: 'GET', origin: 'http://a', retryAfterMs })

describe('what an error says of a target', () => {
  // R: X14
  it.each<[string, unknown, string]>([
    ['500', status(500), 'failure'],
    ['503', status(503), 'failure'],
    ['408', status(408), 'failure'],
    ['404: it answers', status(404), 'success'],
    ['400: it answers', status(400), 'success'],
    ['429: a matter of limits', status(429), 'neutral'],
    ['a refused connection', Object.assign(new Error('no'), { code: 'ECONNREFUSED' }), 'failure'],
    ['a reset', Object.assign(new Error('no'), { code: 'ECONNRESET' }), 'failure'],
    ['a timeout', new TimeoutError(10), 'failure'],
    ['a rejection further in', new RejectedError('no', { code: 'ERR_BULKHEAD_FULL' }), 'neutral'],
    ['a wrong option', new OptionError('a', 'b', 1), 'neutral'],
    ['a forbidden address', new HoldfastError('no', { code: 'ERR_ADDRESS_FORBIDDEN' }), 'neutral'],
    ['a slip of the caller', new TypeError('undefined is not a function'), 'neutral'],
    ['what nobody can read', undefined, 'failure'],
  ])('%s', (_what, error, outcome) => {
    expect(faultOf(error)).toBe(outcome)
  })

  it('a 429 that says how long keeps everybody away, other errors nobody', () => {
    expect(throttledFor(status(429, 2000), 0)).toBe(2000)
    expect(throttledFor(status(429), 0)).toBeUndefined()
    expect(throttledFor(status(503, 2000), 0)).toBeUndefined()
    expect(throttledFor(undefined, 0)).toBeUndefined()
  })

  // T: 27
  it('a 429 is read in its headers too, and is believed for an hour at most', () => {
    const told = (headers: object) => throttledFor({ status: 429, headers }, 0)
    expect([told({ 'retry-after': '7' }), told({ 'Retry-After': 'Thu, 01 Jan 1970 00:00:30 GMT' })]).toEqual([7000, 30_000])
    expect([told({ 'retry-after': '99999999' }), throttledFor(status(429, 1e15), 0)]).toEqual([3_600_000, 3_600_000])
    expect([told({ 'retry-after': '0' }), throttledFor(status(429, -1), 0)]).toEqual([undefined, undefined])
  })
})

describe('failed callers', () => {
  it('are several from three different ones on, until it answers', () => {
    const failed = new FailedCallers()
    for (const caller of ['a', 'a', undefined, 'b', 'b']) failed.add(caller, 0)
    expect(failed.several).toBe(false)
    failed.add('c', 0)
    expect(failed.several).toBe(true)
    failed.clear()
    expect(failed.several).toBe(false)
  })

  it('of before a restart are several without names, until it answers', () => {
    const failed = new FailedCallers()
    failed.assumeSeveral()
    expect(failed.several).toBe(true)
    failed.clear()
    expect(failed.several).toBe(false)
  })
})
