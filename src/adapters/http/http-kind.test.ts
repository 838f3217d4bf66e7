import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { OptionError, TimeoutError } from '../../core/errors.ts'
import { classifyNetworkError } from '../../core/outcome-class.ts'
import { WheelEntry } from '../../core/timer-wheel.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import type { HttpKind } from './http-kind.ts'
import { httpKind } from './http-kind.ts'
import type { Respond } from './testing/loopback-server.ts'
import { LoopbackServer } from './testing/loopback-server.ts'

let stack: AsyncDisposableStack
let clock: VirtualClock
let kind: HttpKind

beforeEach(() => {
  stack = new AsyncDisposableStack()
  clock = new VirtualClock({ now: 1000 })
  kind = httpKind({ allow: ['loopback'], clock })
  stack.defer(() => kind.close())
})
afterEach(() => stack.disposeAsync())

const serve = async (respond?: Respond): Promise<LoopbackServer> => stack.use(await LoopbackServer.listen(respond))
const failure = (sending: Promise<unknown>): Promise<Record<string, unknown>> =>
  sending.then(
    (value) => Promise.reject(new Error(`succeeded with ${JSON.stringify(value)}`)),
    (error: Record<string, unknown>) => error,
  )

describe('the kind http', () => {
  it('delivers body, headers, idempotency key and trace context unharmed', async () => {
    const server = await serve()
    const body = { text: 'Ünïcödé 🐙👩‍👩‍👧‍👦 \u202e \u0000 "quoted" 日本語', n: 1 }
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    await kind.send(
      { url: server.url('/hook?a=%20ü'), body, headers: { 'X-Mine': 'yes' } },
      { idempotencyKey: 'key-1', traceparent },
    )
    await kind.send({ url: server.url(), method: 'PUT', body: '🐙 as it is\r\n' }, { idempotencyKey: 'kéy 🐙\r\nx: y' })
    expect(server.arrived[0]).toMatchObject({
      method: 'POST',
      url: '/hook?a=%20%C3%BC',
      headers: { 'idempotency-key': 'key-1', traceparent, 'x-mine': 'yes', 'content-type': 'application/json' },
    })
    expect(JSON.parse(server.arrived[0]?.body ?? '')).toEqual(body)
    expect(server.arrived[1]).toMatchObject({ method: 'PUT', body: '🐙 as it is\r\n' })
    expect(server.arrived[1]?.headers).toMatchObject({ 'idempotency-key': 'k%C3%A9y%20%F0%9F%90%99%0D%0Ax%3A%20y' })
    expect(server.arrived[1]?.headers).not.toHaveProperty('x')
  })

  it('does not pass on a trace context that is none', async () => {
    const server = await serve()
    await kind.send({ url: server.url() }, { traceparent: '00-x\r\ny: z' })
    expect(server.arrived[0]?.headers).not.toHaveProperty('traceparent')
  })

  it('answers 2xx with what is worth keeping', async () => {
    const server = await serve((response) => {
      response.writeHead(201, { 'content-type': 'application/json', 'x-request-id': 'r1', 'set-cookie': 'secret=1' })
      response.end('{"id":"🐙"}')
    })
    const result = await kind.send({ url: server.url(), body: {} })
    expect(result).toMatchObject({ status: 201, body: '{"id":"🐙"}', bodyComplete: true, headers: { 'x-request-id': 'r1' } })
    expect(result.headers).not.toHaveProperty('set-cookie')
    expect(result).not.toHaveProperty('redirectedTo')
  })

  // R: X2, U1
  it.each<[status: number, retryable: boolean]>([
    [304, false],
    [400, false],
    [401, false],
    [404, false],
    [408, true],
    [409, false],
    [410, false],
    [422, false],
    [425, true],
    [429, true],
    [500, true],
    [502, true],
    [503, true],
    [504, true],
  ])('takes status %i as retryable: %s', async (status, retryable) => {
    const server = await serve((response) => response.writeHead(status).end(status === 304 ? undefined : 'why not'))
    const error = await failure(kind.send({ url: server.url('/secret-path') }))
    expect(error).toMatchObject({ code: 'ERR_HTTP_STATUS', status, retryable, retryAfterMs: undefined, target: server.url('') })
    expect(error.message).not.toContain('secret-path')
    expect(classifyNetworkError(error)).toBe(retryable ? 'transient' : 'permanent')
  })

  // T: 27
  it.each<[headers: Record<string, string>, ms: number | undefined]>([
    [{ 'retry-after': '2' }, 2000],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after-ms': '1500' }, 1500],
    [{ 'x-amz-retry-after': '700' }, 700],
    [{ 'retry-after': 'Thu, 01 Jan 2026 00:00:30 GMT' }, 30_000],
    [{ 'retry-after': 'Thursday, 01-Jan-26 00:00:30 GMT' }, 30_000],
    [{ 'retry-after': 'Thu Jan  1 00:00:30 2026' }, 30_000],
    [{ 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }, 0],
    [{ 'retry-after': '-5' }, undefined],
    [{ 'retry-after': 'later' }, undefined],
  ])('reads %j as %s ms', async (headers, ms) => {
    const server = await serve((response) => response.writeHead(503, headers).end())
    expect(await failure(kind.send({ url: server.url() }))).toMatchObject({ status: 503, retryAfterMs: ms })
  })

  it('times out after the time of the payload, of the kind, or of the deadline, whichever is first', async () => {
    const server = await serve(() => {})
    const cases: [payload: object, context: object, ms: number][] = [
      [{ timeoutMs: 50 }, {}, 50],
      [{}, {}, 30_000],
      [{ timeoutMs: 5000 }, { deadline: 1000 + 50 + 30_000 + 20 }, 20],
    ]
    for (const [payload, context, ms] of cases) {
      const count = server.arrived.length
      const sending = failure(kind.send({ url: server.url(), ...payload }, context))
      await expect.poll(() => server.arrived.length).toBe(count + 1)
      await clock.advance(ms - 1)
      expect(await Promise.race([sending, Promise.resolve('pending')])).toBe('pending')
      await clock.advance(1)
      const error = await sending
      expect(error).toBeInstanceOf(TimeoutError)
      expect(error).toMatchObject({ limitMs: ms, target: `http://127.0.0.1:${server.port}` })
    }
    expect(clock.pendingTimers()).toBe(0)
  })

  // T: 12
  it("gives up with the signal's own reason when the caller aborts, at once and for good", async () => {
    const server = await serve(() => {})
    for (const [index, reason] of [new Error('mine'), 'no error at all'].entries()) {
      const controller = new AbortController()
      const sending = failure(kind.send({ url: server.url() }, { signal: controller.signal }))
      await expect.poll(() => server.arrived.length).toBe(index + 1)
      controller.abort(reason)
      expect(await sending).toBe(reason)
      expect(await failure(kind.send({ url: server.url() }, { signal: controller.signal }))).toBe(reason)
      expect(server.arrived).toHaveLength(index + 1)
    }
  })

  it('gives up while a name is still being resolved, and sends nothing when it is resolved later', async () => {
    const server = await serve()
    let resolve: (addresses: { address: string; family: number }[]) => void = () => {}
    const resolving = new Promise<{ address: string; family: number }[]>((done) => (resolve = done))
    kind = stack.adopt(httpKind({ allow: ['loopback'], clock, lookup: () => resolving }), (it) => it.close())
    const sending = failure(kind.send({ url: server.url('/', 'slow.example'), timeoutMs: 10 }))
    await clock.advance(10)
    expect(await sending).toBeInstanceOf(TimeoutError)
    resolve([{ address: '127.0.0.1', family: 4 }])
    await expect.poll(() => server.connections).toBe(1)
    await kind.send({ url: server.url('/second', 'slow.example') })
    expect(server.arrived.map(({ url }) => url)).toEqual(['/second'])
  })

  // R: X2, I2
  it('takes refused and reset connections as transient, with the error of the network itself', async () => {
    const resetting = createServer((socket) => void socket.once('data', () => socket.resetAndDestroy()))
    const closing = createServer((socket) => void socket.once('data', () => socket.end()))
    const garbling = createServer((socket) => void socket.once('data', () => socket.end('not HTTP at all\r\n\r\n')))
    const gone = createServer()
    for (const server of [resetting, closing, garbling, gone]) {
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
      const { port } = server.address() as AddressInfo
      if (server === gone) await new Promise((done) => server.close(done))
      const error = await failure(kind.send({ url: `http://127.0.0.1:${port}/`, body: 'x' }))
      expect(error.code ?? error.name).toMatch(/^(ECONNRESET|ECONNREFUSED|UND_ERR_SOCKET|HPE_.*|HTTPParserError)$/)
      expect(classifyNetworkError(error)).toBe('transient')
      if (server !== gone) await new Promise((done) => server.close(done))
    }
  })

  it('takes a name that does not resolve as transient', async () => {
    const lookup = () => Promise.reject(Object.assign(new Error('getaddrinfo ENOTFOUND x.example'), { code: 'ENOTFOUND' }))
    for (const resolver of [lookup, () => Promise.resolve([])]) {
      const deaf = stack.adopt(httpKind({ allow: ['loopback'], lookup: resolver }), (it) => it.close())
      const error = await failure(deaf.send({ url: 'http://x.example/' }))
      expect(error.code).toBe('ENOTFOUND')
      expect(classifyNetworkError(error)).toBe('transient')
    }
  })

  it('keeps an acknowledged call acknowledged when its body breaks off', async () => {
    const server = await serve((response, _arrived, request) => {
      response.writeHead(200, { 'content-length': '1000', 'content-type': 'text/plain' })
      response.write('half an ans', () => setImmediate(() => request.socket.resetAndDestroy()))
    })
    const result = await kind.send({ url: server.url(), body: 'x' })
    expect(result).toMatchObject({ status: 200, bodyComplete: false })
    expect('half an ans'.startsWith(result.body ?? '')).toBe(true)
  })

  it('cuts a body that has no end and keeps the status, in bounded memory', async () => {
    let written = 0
    let closed = false
    const server = await serve((response) => {
      const chunk = Buffer.alloc(65_536, 'x')
      response.writeHead(200, { 'content-type': 'text/plain' })
      response.on('close', () => (closed = true))
      const more = (): void => {
        if (!closed) response.write(chunk, () => setImmediate(more))
        written += chunk.length
      }
      more()
    })
    const result = await kind.send({ url: server.url() })
    expect(result).toMatchObject({ status: 200, bodyComplete: false })
    expect(result.body).toHaveLength(65_536)
    await expect.poll(() => closed).toBe(true)
    expect(written).toBeLessThan(20_000_000)
  })

  it('waits no longer than the time limit for a body that trickles, and keeps the status', async () => {
    const server = await serve((response, { url }) => {
      response.writeHead(url === '/ok' ? 200 : 500, { 'content-type': 'text/plain', 'content-length': '100' })
      response.write('a')
    })
    // Real time: only the kind knows when the head has arrived.
    const real = stack.adopt(httpKind({ allow: ['loopback'] }), (it) => it.close())
    const [ok, failed] = await Promise.all([
      real.send({ url: server.url('/ok'), timeoutMs: 150 }),
      failure(real.send({ url: server.url('/fail'), timeoutMs: 150 })),
    ])
    expect(ok).toMatchObject({ status: 200, body: 'a', bodyComplete: false })
    expect(failed).toMatchObject({ code: 'ERR_HTTP_STATUS', status: 500, retryable: true })
  })

  it('keeps connections, and not more than it was told', async () => {
    const server = await serve((response) => setImmediate(() => response.end('ok')))
    const narrow = stack.adopt(httpKind({ allow: ['loopback'], connections: 3 }), (it) => it.close())
    await Promise.all(Array.from({ length: 50 }, (_, i) => narrow.send({ url: server.url(`/${i}`), body: { i } })))
    expect(server.arrived).toHaveLength(50)
    expect(server.connections).toBeLessThanOrEqual(3)
  })

  it('ends calls in flight when it is closed, and closing twice is harmless', async () => {
    const server = await serve(() => {})
    const sending = failure(kind.send({ url: server.url() }))
    await expect.poll(() => server.arrived.length).toBe(1)
    await Promise.all([kind.close(), kind.close()])
    expect(classifyNetworkError(await sending)).toBe('transient')
    expect(await failure(kind.send({ url: server.url() }))).toMatchObject({ code: 'UND_ERR_DESTROYED' })
  })

  it('leaves no listener on the signal of the caller and no timer', async () => {
    const server = await serve((response, { url }) => response.writeHead(url === '/ok' ? 200 : 500).end())
    const { signal } = new AbortController()
    let listeners = 0
    const cancelled = vi.spyOn(WheelEntry.prototype, 'cancel')
    stack.defer(() => cancelled.mockRestore())
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++
      add(...args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--
      remove(...args)
    }
    await kind.send({ url: server.url('/ok') }, { signal })
    await failure(kind.send({ url: server.url('/no') }, { signal }))
    expect(listeners).toBe(0)
    expect(cancelled).toHaveBeenCalledTimes(2)
  })

  it('names its target by the origin', () => {
    expect(kind.target({ url: 'https://API.example.com:443/a?b' })).toBe('https://api.example.com')
    expect(kind.target({ url: 'http://127.0.0.1:9000/a' })).toBe('http://127.0.0.1:9000')
    expect(() => kind.target({ url: 'nonsense' })).toThrow(expect.objectContaining({ path: 'payload.url' }))
    expect(() => kind.target(null)).toThrow(expect.objectContaining({ path: 'payload.url' }))
    expect(kind.validate({ url: 'http://localhost:1/', body: {} })).toEqual({
      url: 'http://localhost:1/',
      body: {},
      method: 'POST',
    })
  })

  // T: 11
  it.each<[option: string, options: object]>([
    ['http.alow', { alow: [] }],
    ['http.allow[1]', { allow: ['public', '*'] }],
    ['http.timeout', { timeout: '6m' }],
    ['http.timeout', { timeout: 0 }],
    ['http.connectTimeout', { connectTimeout: 'soon' }],
    ['http.connections', { connections: 0 }],
    ['http.maxRedirects', { maxRedirects: -1 }],
    ['http.maxBodyBytes', { maxBodyBytes: 1.5 }],
    ['http.lookup', { lookup: 'dns' }],
  ])('refuses a wrong option %s', (option, options) => {
    expect(() => httpKind(options)).toThrow(OptionError)
    expect(() => httpKind(options)).toThrow(expect.objectContaining({ option }))
  })
})
