import { describe, expect, it } from 'vitest'
import { RejectedError, TimeoutError } from './errors.ts'
import { isOverload, ranOutOfTime } from './overload.ts'

const withCode = (code: string) => Object.assign(new Error(code), { code })
const unreadable = new Proxy(
  {},
  {
    get() {
      throw new Error('no')
    },
  },
)
const endless: { cause?: unknown } = {}
endless.cause = endless

describe('isOverload', () => {
  it.each<[unknown, boolean]>([
    [{ status: 429 }, true],
    [{ statusCode: 503 }, true],
    [{ response: { status: 504 } }, true],
    [{ status: 500 }, false],
    [{ status: 404, code: 'ECONNRESET' }, false],
    [new TimeoutError(5), true],
    [new DOMException('slow', 'TimeoutError'), true],
    [new RejectedError('full', { code: 'ERR_BULKHEAD_FULL' }), true],
    [withCode('ECONNREFUSED'), true],
    [withCode('UND_ERR_HEADERS_TIMEOUT'), true],
    ...['ERR_TIMEOUT', 'ESOCKETTIMEDOUT', 'ERR_SOCKET_CONNECTION_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ECONNRESET', 'EPIPE'].map(
      (code): [unknown, boolean] => [withCode(code), true],
    ),
    [withCode('ENOTFOUND'), false],
    [new TypeError('fetch failed', { cause: withCode('ETIMEDOUT') }), true],
    [new AggregateError([withCode('ENOTFOUND'), withCode('ECONNREFUSED')]), true],
    [new AggregateError([withCode('ENOTFOUND')]), false],
    [new Error('a bug'), false],
    [new DOMException('stop', 'AbortError'), false],
    [endless, false],
    [unreadable, false],
    ['busy', false],
    [null, false],
  ])('of case %# is as it should be', (error, expected) => {
    expect(isOverload(error)).toBe(expected)
  })
})

describe('ranOutOfTime', () => {
  // T: 14
  it('tells a time that ran out from a caller who lost interest', () => {
    const timedOut = (aborted: boolean, abortReason: unknown): boolean => ranOutOfTime({ aborted, abortReason })
    expect(timedOut(true, new TimeoutError(5))).toBe(true)
    expect(timedOut(true, new DOMException('slow', 'TimeoutError'))).toBe(true)
    expect(timedOut(false, new TimeoutError(5))).toBe(false)
    for (const reason of [new DOMException('stop', 'AbortError'), withCode('ECONNRESET'), 'TimeoutError', null, unreadable])
      expect(timedOut(true, reason)).toBe(false)
  })
})
