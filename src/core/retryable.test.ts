import { describe, expect, it } from 'vitest'
import { HoldfastError, OptionError, RejectedError, TimeoutError } from './errors.ts'
import { isRetryable, isRetryableStatus, statusOf } from './retryable.ts'

const thrownBy = async (run: () => unknown): Promise<unknown> => {
  try {
    await run()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

describe('isRetryable', () => {
  // R: X2, X14, I2, U1
  it('retries timeouts, network errors, 408, 425, 429 and 5xx, and what nothing is known about', () => {
    const yes = [
      new TimeoutError(5),
      Object.assign(new Error(), { name: 'TimeoutError' }),
      new DOMException('late', 'TimeoutError'),
      Object.assign(new Error(), { code: 'ECONNRESET' }),
      Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } }),
      ...[408, 425, 429, 500, 502, 503, 504].map((status) => Object.assign(new Error(), { status })),
      { statusCode: 503 },
      { response: { status: 500 } },
      new Error('unknown'),
      undefined,
      'text',
      Object.assign(new RangeError(), { retryable: true }),
      new RejectedError('limit', { code: 'ERR_RATE_LIMITED', retryAfterMs: 5 }),
      new HoldfastError('no network', { code: 'ERR_NETWORK' }),
      Object.assign(new TypeError('lost'), { code: 'NET_ERR_INVALID_ANSWER' }),
      Object.assign(new TypeError('lost'), { code: Symbol('lost') }),
    ]
    expect(yes.filter((error) => !isRetryable(error))).toEqual([])
  })

  // R: X2, X14, U1
  it('never retries other statuses, cancels, refusals without an end, wrong options, and faults of the code', () => {
    const no = [
      ...[400, 401, 403, 404, 409, 422, 301].map((status) => Object.assign(new Error(), { status })),
      new DOMException('gone', 'AbortError'),
      new TypeError('x is not a function'),
      new RangeError(),
      new SyntaxError(),
      new ReferenceError(),
      Object.assign(new Error(), { name: 'ValidationError' }),
      Object.assign(new Error(), { name: 'ZodError' }),
      new OptionError('a', 'b', 1),
      new RejectedError('open', { code: 'ERR_CIRCUIT_OPEN', retryAfterMs: 5 }),
      new RejectedError('full', { code: 'ERR_BULKHEAD_FULL' }),
      new RejectedError('limit', { code: 'ERR_RATE_LIMITED' }),
      Object.assign(new Error(), { status: 503, retryable: false }),
    ]
    expect(no.filter(isRetryable)).toEqual([])
  })

  // R: X14
  it('never retries a wrong argument of the platform, which is a TypeError with a code, or hides one as its cause', async () => {
    const url = await thrownBy(() => new URL('not a url'))
    const argument = await thrownBy(() => Buffer.from(5 as unknown as string))
    const fetched = await thrownBy(() => fetch('not a url'))
    expect([url, argument, fetched].map((error) => (error as Error).name)).toEqual(['TypeError', 'TypeError', 'TypeError'])
    expect([url, argument, fetched].filter(isRetryable)).toEqual([])
  })

  it('retries a real refused connection of fetch', async () => {
    expect(isRetryable(await thrownBy(() => fetch('http://127.0.0.1:1/')))).toBe(true)
  })
})

it('statusOf finds the status wherever a client puts it, and nothing that is none', () => {
  expect(
    [{ status: 404 }, { statusCode: 500 }, { response: { status: 429 } }, { status: 'x', statusCode: 503 }].map(statusOf),
  ).toEqual([404, 500, 429, 503])
  expect([99, 100, 599, 600, '404'].map((status) => statusOf({ status }))).toEqual([undefined, 100, 599, undefined, undefined])
  expect([undefined, null, 5, {}, { status: 0 }, { status: 1000 }, { response: null }].map(statusOf)).toEqual(
    Array(7).fill(undefined),
  )
  expect([499, 500, 599, 408, 425, 429, 404].map(isRetryableStatus)).toEqual([false, true, true, true, true, true, false])
})
