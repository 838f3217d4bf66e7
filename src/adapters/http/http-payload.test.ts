import { describe, expect, it } from 'vitest'
import { AllowList } from './allow-list.ts'
import { ForbiddenAddressError } from './http-errors.ts'
import { readPayload } from './http-payload.ts'
import { HttpPayloadError } from './http-payload-error.ts'

const allow = new AllowList()
const read = (payload: unknown) => readPayload(payload, allow)
const URL_OK = 'https://api.example.com/hook'

describe('readPayload', () => {
  // W: 22
  it.each<[path: string, payload: unknown]>([
    ['payload', null],
    ['payload', 'https://example.com'],
    ['payload', []],
    ['payload.url', {}],
    ['payload.url', { url: 7 }],
    ['payload.url', { url: '' }],
    ['payload.url', { url: '/relative' }],
    ['payload.url', { url: 'example.com/x' }],
    ['payload.url', { url: 'ftp://example.com/' }],
    ['payload.url', { url: 'file:///etc/passwd' }],
    ['payload.url', { url: 'javascript:alert(1)' }],
    ['payload.url', { url: 'http://' }],
    ['payload.url', { url: 'http://example.com:0/' }],
    ['payload.url', { url: 'http://example.com:65536/' }],
    ['payload.url', { url: 'http://user@example.com/' }],
    ['payload.url', { url: 'http://user:secret@example.com/' }],
    ['payload.url', { url: 'http://example.com@127.0.0.1/' }],
    ['payload.url', { url: 'http://example.com\n.evil.com/' }],
    ['payload.url', { url: 'http://exa\tmple.com/' }],
    ['payload.url', { url: ' http://example.com/' }],
    ['payload.url', { url: 'http://example.com/a b' }],
    ['payload.url', { url: 'http://example.com/\0' }],
    ['payload.url', { url: 'http://example.com/\ud800' }],
    ['payload.url', { url: 'http://exa%00mple.com/' }],
    ['payload.url', { url: `http://example.com/${'x'.repeat(8192)}` }],
    ['payload.method', { url: URL_OK, method: 'TRACE' }],
    ['payload.method', { url: URL_OK, method: 'CONNECT' }],
    ['payload.method', { url: URL_OK, method: 'GET / HTTP/1.1\r\nx: y' }],
    ['payload.method', { url: URL_OK, method: 1 }],
    ['payload.method', { url: URL_OK, method: null }],
    ['payload.headers', { url: URL_OK, headers: 'a: b' }],
    ['payload.headers', { url: URL_OK, headers: [['a', 'b']] }],
    ['payload.headers', { url: URL_OK, headers: null }],
    ['payload.headers', { url: URL_OK, headers: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`x${i}`, ''])) }],
    ['payload.headers', { url: URL_OK, headers: { a: 'x'.repeat(16_384) } }],
    ['payload.headers.a', { url: URL_OK, headers: { a: 7 } }],
    ['payload.headers.a', { url: URL_OK, headers: { a: null } }],
    ['payload.headers.a', { url: URL_OK, headers: { a: ['b'] } }],
    ['payload.headers.a', { url: URL_OK, headers: { a: 'b\r\nc: d' } }],
    ['payload.headers.a', { url: URL_OK, headers: { a: 'b\nc' } }],
    ['payload.headers.a', { url: URL_OK, headers: { a: 'b\rc' } }],
    ['payload.headers.a', { url: URL_OK, headers: { a: 'b\0c' } }],
    ['payload.headers.a', { url: URL_OK, headers: { a: '\u560a\u560d' } }],
    ['payload.headers.a', { url: URL_OK, headers: { a: '🐙' } }],
    ['payload.headers.""', { url: URL_OK, headers: { '': 'b' } }],
    ['payload.headers."a b"', { url: URL_OK, headers: { 'a b': 'c' } }],
    ['payload.headers."a:"', { url: URL_OK, headers: { 'a:': 'c' } }],
    ['payload.headers."a\\r\\nb"', { url: URL_OK, headers: { 'a\r\nb': 'c' } }],
    ['payload.headers.A', { url: URL_OK, headers: { a: '1', A: '2' } }],
    ...[
      ...['Host', 'content-length', 'Transfer-Encoding', 'connection', 'keep-alive', 'te', 'trailer', 'upgrade', 'expect'],
      ...['proxy-authorization', 'Idempotency-Key', 'traceparent', 'accept-encoding'],
    ].map((name): [string, unknown] => [`payload.headers.${name}`, { url: URL_OK, headers: { [name]: '1' } }]),
    ['payload.body', { url: URL_OK, method: 'GET', body: 'x' }],
    ['payload.body', { url: URL_OK, method: 'head', body: {} }],
    ['payload.body', { url: URL_OK, body: 'x'.repeat(1_048_577) }],
    ['payload.body', { url: URL_OK, body: '🐙'.repeat(262_145) }],
    ['payload.body', { url: URL_OK, body: ['x'.repeat(1_048_576)] }],
    ['payload.body', { url: URL_OK, body: 'half \ud83d' }],
    ['payload.body', { url: URL_OK, body: 1n }],
    ['payload.body', { url: URL_OK, body: () => 1 }],
    ['payload.timeoutMs', { url: URL_OK, timeoutMs: 0 }],
    ['payload.timeoutMs', { url: URL_OK, timeoutMs: -1 }],
    ['payload.timeoutMs', { url: URL_OK, timeoutMs: 300_001 }],
    ['payload.timeoutMs', { url: URL_OK, timeoutMs: 1.5 }],
    ['payload.timeoutMs', { url: URL_OK, timeoutMs: '5s' }],
    ['payload.timeout', { url: URL_OK, timeout: 5 }],
    ['payload.__proto__', JSON.parse('{"url":"https://api.example.com/","__proto__":{"method":"GET"}}')],
  ])('names %s at fault, row %#', (path, payload) => {
    expect(() => read(payload)).toThrow(
      expect.objectContaining({ name: 'HttpPayloadError', code: 'ERR_JOB_INVALID', path, rule: expect.any(String) as string }),
    )
  })

  it.each([
    'http://127.0.0.1/',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f000001/',
    'http://0x7f.0.0.1/',
    'http://0177.0.0.1/',
    'http://017700000001/',
    'http://127.0.0.1./',
    'http://%31%32%37.0.0.1/',
    'http://１２７.０.０.１/',
    'http://127。0。0。1/',
    'http://0/',
    'http://10.0.0.1/',
    'http://172.16.0.1/',
    'http://192.168.0.1/',
    'http://3232235521/',
    'http://169.254.169.254/latest/meta-data/',
    'http://0xa9fea9fe/',
    'http://[::1]/',
    'http://[::]/',
    'http://[0:0:0:0:0:0:0:1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://[0:0:0:0:0:ffff:169.254.169.254]/',
    'http://[::127.0.0.1]/',
    'http://[64:ff9b::127.0.0.1]/',
    'http://[2002:7f00:1::]/',
    'http://[fe80::1]/',
    'http://[fd00::1]/',
    'http://[ff02::1]/',
    'http://localhost/',
    'http://LocalHost/',
    'http://localhost./',
    'http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/',
    'http://x.localhost/',
    'http:127.0.0.1/',
    'http:\\\\127.0.0.1\\',
    'http://127.0.0.1#@example.com/',
    'http://127.0.0.1?@example.com/',
    'http://127.0.0.1\\@example.com/',
  ])('refuses the forbidden host of %s at once', (url) => {
    expect(() => read({ url })).toThrow(ForbiddenAddressError)
    expect(() => read({ url })).toThrow(expect.objectContaining({ path: 'payload.url', code: 'ERR_ADDRESS_FORBIDDEN' }))
  })

  it('fills in the method and the type of the body', () => {
    expect(read({ url: URL_OK })).toMatchObject({ method: 'GET', body: undefined, headers: {} })
    expect(read({ url: URL_OK, body: null })).toMatchObject({ method: 'GET', body: undefined })
    expect(read({ url: URL_OK, method: 'put', body: 'x' })).toMatchObject({ method: 'PUT', body: 'x' })
    expect(read({ url: URL_OK, body: { a: 1 } })).toMatchObject({
      method: 'POST',
      body: '{"a":1}',
      headers: { 'content-type': 'application/json' },
    })
    expect(read({ url: URL_OK, body: 'a=1', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } })).toMatchObject({
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
    for (const body of [false, 0, [], '']) expect(read({ url: URL_OK, body }).method).toBe('POST')
  })

  it('takes a body of exactly the limit, and a name that will be checked when it resolves', () => {
    expect(read({ url: 'https://bücher.example/', body: 'x'.repeat(1_048_576) }).url.hostname).toBe('xn--bcher-kva.example')
    expect(() => read({ url: 'http://metadata.example/' })).not.toThrow()
  })

  it('never repeats a secret in its errors', () => {
    for (const url of ['http://user:hunter2@example.com/', 'http://user:hunter2@exa mple.com/', 'ftp://user:hunter2@x/'])
      expect(errorOf({ url }).message).not.toContain('hunter2')
    expect(errorOf({ url: URL_OK, headers: { authorization: 'Bearer hunter2\n' } }).message).not.toContain('hunter2')
  })

  it('gives a hint where there is one', () => {
    expect(errorOf({ url: URL_OK, metod: 'GET' }).hint).toBe("Did you mean 'method'?")
    expect(errorOf({ url: URL_OK, headers: { 'idempotency-key': 'x' } }).hint).toContain('idempotencyKey')
  })

  it('sends the summary of a batch when there is no other body', () => {
    const batch = { id: 'b', total: 2, succeeded: 2, dead: 0, cancelled: 0 }
    expect(read({ url: URL_OK, batch })).toMatchObject({ method: 'POST', body: JSON.stringify({ batch }) })
    expect(read({ url: URL_OK, batch, body: 'done' })).toMatchObject({ method: 'POST', body: 'done' })
  })
})

function errorOf(payload: unknown): HttpPayloadError {
  try {
    read(payload)
  } catch (error) {
    if (error instanceof HttpPayloadError) return error
  }
  throw new Error('no HttpPayloadError was thrown')
}
