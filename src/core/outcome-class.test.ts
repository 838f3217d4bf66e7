import { describe, expect, it } from 'vitest'
import { TimeoutError } from './errors.ts'
import { classifyNetworkError, classifyStatus } from './outcome-class.ts'

const coded = (code: string): Error => Object.assign(new Error(code), { code })

describe('classifyNetworkError', () => {
  // R: X2, I2, U1
  it.each([
    ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'ETIMEDOUT', 'EPIPE', 'EHOSTUNREACH', 'ENETUNREACH'],
    ...['ENOTCONN', 'EPROTO', 'ESOCKETTIMEDOUT', 'EHOSTDOWN', 'ENETDOWN', 'ENETRESET'],
    ...['EAI_AGAIN', 'ENOTFOUND', 'EMFILE', 'ERR_TIMEOUT', 'CERT_HAS_EXPIRED', 'HPE_INVALID_CONSTANT'],
    ...['ENFILE', 'ENOBUFS', 'EADDRNOTAVAIL', 'EAGAIN', 'EAI_FAIL', 'EAI_NODATA', 'ESERVFAIL', 'ETIMEOUT', 'EREFUSED'],
    ...['ERR_NETWORK', 'ERR_STORE_UNAVAILABLE', 'ERR_SOCKET_CONNECTION_TIMEOUT', 'ERR_STREAM_PREMATURE_CLOSE'],
    ...['UND_ERR_SOCKET', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'],
  ])('takes %s as transient', (code) => {
    expect(classifyNetworkError(coded(code))).toBe('transient')
    expect(classifyNetworkError(new TypeError('fetch failed', { cause: coded(code) }))).toBe('transient')
    expect(classifyNetworkError(new AggregateError([new Error('other'), coded(code)]))).toBe('transient')
  })

  // R: X2
  it.each([
    ...['UND_ERR_INVALID_ARG', 'UND_ERR_ABORTED', 'UND_ERR_INVALID_RETURN_VALUE', 'UND_ERR_NOT_SUPPORTED'],
    ...['UND_ERR_REQ_CONTENT_LENGTH_MISMATCH', 'ERR_INVALID_URL', 'EACCES', 'ERR_JOB_INVALID', 'NOT_CERT_', 'ETIMEDOUT_'],
  ])('takes %s as permanent', (code) => {
    expect(classifyNetworkError(coded(code))).toBe('permanent')
  })

  // R: X2
  it('knows the timeouts of every library by their name', () => {
    const playwright = Object.assign(new Error('locator.click: Timeout 3000ms exceeded'), { name: 'TimeoutError' })
    expect(classifyNetworkError(playwright)).toBe('transient')
    expect(classifyNetworkError(new DOMException('late', 'TimeoutError'))).toBe('transient')
    expect(classifyNetworkError(new TimeoutError(50))).toBe('transient')
    expect(classifyNetworkError(Object.assign(new Error('not HTTP'), { name: 'HTTPParserError' }))).toBe('transient')
  })

  it('lets the error itself say it, and survives what is no error', () => {
    expect(classifyNetworkError(Object.assign(coded('ECONNRESET'), { retryable: false }))).toBe('permanent')
    const cyclic = new Error('cyclic')
    cyclic.cause = cyclic
    const nested = new AggregateError([])
    nested.errors.push(nested)
    expect(classifyNetworkError(nested)).toBe('permanent')
    for (const odd of [undefined, null, 'ECONNRESET', 7, cyclic, {}, { code: 5, name: 6 }, { code: Object.create(null) }])
      expect(classifyNetworkError(odd)).toBe('permanent')
  })
})

describe('classifyStatus', () => {
  // R: X2, U1
  it.each([
    [101, 'permanent'],
    [199, 'permanent'],
    [200, 'success'],
    [204, 'success'],
    [299, 'success'],
    [301, 'permanent'],
    [304, 'permanent'],
    [400, 'permanent'],
    [404, 'permanent'],
    [408, 'transient'],
    [409, 'permanent'],
    [422, 'permanent'],
    [425, 'transient'],
    [429, 'transient'],
    [500, 'transient'],
    [502, 'transient'],
    [503, 'transient'],
    [504, 'transient'],
    [599, 'transient'],
  ] as const)('takes %i as %s', (status, expected) => {
    expect(classifyStatus(status)).toBe(expected)
  })
})
