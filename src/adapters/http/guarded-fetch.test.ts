import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Lookup } from './guarded-connector.ts'
import type { HttpKindOptions } from './http-kind.ts'
import { httpKind } from './http-kind.ts'
import type { Respond } from './testing/loopback-server.ts'
import { LoopbackServer } from './testing/loopback-server.ts'

let stack: AsyncDisposableStack
beforeEach(() => {
  stack = new AsyncDisposableStack()
})
afterEach(() => stack.disposeAsync())

const serve = async (respond?: Respond, host?: string): Promise<LoopbackServer> =>
  stack.use(await LoopbackServer.listen(respond, host))
const make = (options: HttpKindOptions) => stack.adopt(httpKind(options), (kind) => kind.close())
const redirect =
  (status: number, location: string | (() => string)): Respond =>
  (response, { url }) => {
    if (url === '/end') response.end('arrived')
    else response.writeHead(status, { location: typeof location === 'string' ? location : location() }).end()
  }
const failure = (sending: Promise<unknown>): Promise<Record<string, unknown>> =>
  sending.then(
    (value) => Promise.reject(new Error(`succeeded with ${JSON.stringify(value)}`)),
    (error: Record<string, unknown>) => error,
  )
const answers =
  (...addresses: string[]): Lookup =>
  () =>
    Promise.resolve(addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })))

describe('a name', () => {
  it.each([
    ['127.0.0.1'],
    ['10.0.0.1', '192.168.1.1'],
    ['::1'],
    ['::ffff:127.0.0.1'],
    ['169.254.169.254'],
    ['fe80::1%lo'],
    ['0.0.0.0'],
    ['nonsense'],
    ['127.1'],
  ])('that resolves to %s is never contacted', async (...addresses) => {
    const server = await serve()
    const kind = make({ lookup: answers(...addresses) })
    expect(() => kind.validate({ url: server.url('/', 'innocent.example') })).not.toThrow()
    const error = await failure(kind.send({ url: server.url('/', 'innocent.example') }))
    expect(error).toMatchObject({ code: 'ERR_ADDRESS_FORBIDDEN', retryable: false, path: undefined })
    expect(error.message).toContain(`innocent.example:${server.port}`)
    expect(server.connections).toBe(0)
  })

  it('that resolves to allowed and forbidden addresses is contacted at the allowed one only', async () => {
    const forbidden = await serve()
    const kind = make({ allow: ['127.0.0.1'], lookup: answers('127.0.0.2', '10.255.255.1', '127.0.0.1', '::1') })
    await kind.send({ url: forbidden.url('/', 'mixed.example') })
    expect(forbidden.arrived).toHaveLength(1)
    expect(forbidden.arrived[0]?.headers.host).toBe(`mixed.example:${forbidden.port}`)
  })

  it('that answers differently the second time is contacted at the address that was checked, or not at all', async () => {
    const allowed = await serve()
    const questions: string[] = []
    const kind = make({
      allow: ['127.0.0.1'],
      connections: 1,
      lookup: (name) => {
        questions.push(name)
        return answers(questions.length === 1 ? '127.0.0.1' : '127.0.0.2')(name)
      },
    })
    const url = allowed.url('/', 'rebinding.example')
    await kind.send({ url })
    expect(questions).toEqual(['rebinding.example'])
    await kind.send({ url })
    expect(questions, 'the connection was kept: nothing was asked again').toHaveLength(1)
    await allowed[Symbol.asyncDispose]()
    // Whoever took over the port on the other address must not hear of it.
    const error = await failure(retryOnce(() => kind.send({ url })))
    expect(error).toMatchObject({ code: 'ERR_ADDRESS_FORBIDDEN' })
    expect(questions).toHaveLength(2)
  })

  it('is matched without its trailing dot, and sent as it is', async () => {
    const server = await serve()
    const kind = make({ allow: ['dotted.example'], lookup: answers('127.0.0.1') })
    await kind.send({ url: server.url('/', 'Dotted.example.') })
    expect(server.arrived[0]?.headers.host).toBe(`dotted.example.:${server.port}`)
    expect(() => kind.validate({ url: server.url('/', 'other.example.') })).toThrow(/allow-list/)
  })

  it('in IDNA is resolved in its ASCII form', async () => {
    const server = await serve()
    const asked: string[] = []
    const kind = make({
      allow: ['loopback'],
      lookup: (name) => {
        asked.push(name)
        return answers('127.0.0.1')(name)
      },
    })
    await kind.send({ url: server.url('/', 'BÜCHER.example') })
    expect(asked).toEqual(['xn--bcher-kva.example'])
  })

  it('of this machine is resolved by the system', async () => {
    const server = await serve(undefined, 'localhost')
    expect(await make({ allow: ['loopback'] }).send({ url: server.url('/', 'localhost') })).toMatchObject({ status: 200 })
  })
})

describe('a redirect', () => {
  it.each([301, 302, 303, 307, 308])('by %i of a GET is followed within what is allowed', async (status) => {
    const other = await serve(redirect(status, '/end'))
    const first = await serve(redirect(status, () => other.url('/hop')))
    const result = await make({ allow: ['loopback'] }).send({ url: first.url() }, { idempotencyKey: 'k' })
    expect(result).toMatchObject({ status: 200, body: 'arrived', redirectedTo: other.url('/end') })
    expect(other.arrived.map(({ method, url }) => `${method} ${url}`)).toEqual(['GET /hop', 'GET /end'])
    expect(other.arrived[1]?.headers['idempotency-key']).toBe('k')
  })

  it.each([307, 308])('by %i of a POST is followed on the same origin, with method and body', async (status) => {
    const server = await serve(redirect(status, '/end'))
    await make({ allow: ['loopback'] }).send({ url: server.url(), body: { octopus: '🐙' } })
    expect(server.arrived[1]).toMatchObject({ method: 'POST', url: '/end', body: '{"octopus":"🐙"}' })
  })

  it.each([
    [301, 'same'],
    [302, 'same'],
    [303, 'same'],
    [307, 'other'],
    [308, 'other'],
  ])('by %i of a POST to the %s origin is final', async (status, where) => {
    const other = await serve()
    const server = await serve(redirect(status, () => (where === 'same' ? '/end' : other.url())))
    const error = await failure(make({ allow: ['loopback'] }).send({ url: server.url(), body: 'x' }))
    expect(error).toMatchObject({ code: 'ERR_HTTP_STATUS', status, retryable: false })
    expect(error.message).toMatch(/redirect of POST/)
    expect(server.arrived).toHaveLength(1)
    expect(other.connections).toBe(0)
  })

  it('to a forbidden place is found before that place is contacted', async () => {
    const inner = await serve(undefined, '127.0.0.2')
    const inner6 = await serve(undefined, '::1')
    const places = [
      `http://127.0.0.2:${inner.port}/`,
      `//127.0.0.2:${inner.port}/`,
      `http://0x7f000002:${inner.port}/`,
      `http://[::ffff:127.0.0.2]:${inner.port}/`,
      `http://localhost.evil.example:${inner.port}/`,
      `http://[::1]:${inner6.port}/`,
      `http://[0:0::0:1]:${inner6.port}/`,
      'http://169.254.169.254/latest/meta-data/',
      `http://0.0.0.0:${inner.port}/`,
    ]
    for (const place of places) {
      const outer = await serve(redirect(302, place))
      const kind = make({ allow: [`127.0.0.1:${outer.port}`, 'public'], lookup: answers('127.0.0.2') })
      const error = await failure(kind.send({ url: outer.url() }))
      expect(error, place).toMatchObject({ code: 'ERR_ADDRESS_FORBIDDEN', retryable: false })
      expect(outer.arrived).toHaveLength(1)
    }
    expect(inner.connections).toBe(0)
    expect(inner6.connections).toBe(0)
  })

  it.each([
    'file:///etc/passwd',
    'ftp://127.0.0.1/',
    'gopher://127.0.0.1/',
    'http://u:p@127.0.0.1/',
    'http://[/',
    'javascript:1',
  ])('to %s is final', async (location) => {
    const server = await serve(redirect(302, location))
    const error = await failure(make({ allow: ['loopback'] }).send({ url: server.url() }))
    expect(error).toMatchObject({ code: 'ERR_HTTP_STATUS', status: 302, retryable: false })
  })

  it('is followed three times, and no further', async () => {
    const server = await serve((response, { url }) => {
      const left = Number(url.slice(1))
      if (left === 0) response.end('arrived')
      else response.writeHead(302, { location: `/${left - 1}` }).end()
    })
    const kind = make({ allow: ['loopback'] })
    expect(await kind.send({ url: server.url('/3') })).toMatchObject({ status: 200 })
    server.arrived.length = 0
    expect(await failure(kind.send({ url: server.url('/4') }))).toMatchObject({ status: 302, retryable: false })
    expect(server.arrived).toHaveLength(4)
    const none = make({ allow: ['loopback'], maxRedirects: 0 })
    expect(await failure(none.send({ url: server.url('/1') }))).toMatchObject({ status: 302, retryable: false })
  })

  it('takes no credentials to another origin, and keeps them on the same one', async () => {
    const headers = { authorization: 'Bearer x', Cookie: 'a=b', 'X-Api-Key': 'k', 'x-auth-token': 't', 'x-plain': 'yes' }
    const other = await serve()
    const server = await serve((response, { url }) => {
      response.writeHead(302, { location: url === '/' ? '/same' : other.url() }).end()
    })
    await make({ allow: ['loopback'] }).send({ url: server.url(), headers })
    expect(server.arrived[1]?.headers).toMatchObject({ authorization: 'Bearer x', cookie: 'a=b' })
    expect(other.arrived[0]?.headers).toMatchObject({ 'x-plain': 'yes' })
    for (const name of ['authorization', 'cookie', 'x-api-key', 'x-auth-token'])
      expect(other.arrived[0]?.headers).not.toHaveProperty(name)
  })

  it('without a place to go is a status like any other', async () => {
    const server = await serve((response) => response.writeHead(302).end())
    const error = await failure(make({ allow: ['loopback'] }).send({ url: server.url() }))
    expect(error).toMatchObject({ status: 302, retryable: false })
  })
})

/** A kept connection may be found dead on first use; that attempt says nothing about the name. */
async function retryOnce<T>(send: () => Promise<T>): Promise<T> {
  try {
    return await send()
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_ADDRESS_FORBIDDEN') throw error
    return send()
  }
}
