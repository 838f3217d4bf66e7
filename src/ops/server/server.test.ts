import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { HoldfastError } from '../../core/errors.ts'
import type { OpsSource } from '../source.ts'
import type { DemoSource } from '../testing/demo-source.ts'
import { demoSource } from '../testing/demo-source.ts'
import type { ApiOptions } from './api.ts'
import { createApi } from './api.ts'
import type { RunningServer } from './start-server.ts'
import { startServer } from './start-server.ts'

let running: RunningServer[] = []
afterEach(async () => {
  await Promise.all(running.map((server) => server.close(200)))
  running = []
})

interface Stage {
  readonly url: string
  readonly port: number
  readonly source: DemoSource
  readonly server: RunningServer
  readonly send: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>
}

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came back.
  readonly json: any
}

async function stage(overrides: Partial<OpsSource> = {}, options: Partial<ApiOptions> = {}): Promise<Stage> {
  const source = demoSource(Date.now(), overrides)
  const app = createApi({ source, clock: systemClock, version: '1.2.3', onError: () => {}, ...options })
  const server = await startServer({ app, port: 0 })
  running.push(server)
  const send: Stage['send'] = async (method, path, body, headers = {}) => {
    const hasBody = body !== undefined
    const response = await fetch(server.url + path, {
      method,
      headers: { ...(hasBody ? { 'content-type': 'application/json' } : {}), ...headers },
      ...(hasBody ? { body: typeof body === 'string' ? body : JSON.stringify(body) } : {}),
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.startsWith('application/json')
    return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined }
  }
  return { url: server.url, port: server.port, source, server, send }
}

/** Sends headers that fetch would not: Host, Origin, Sec-Fetch-Site. */
function raw(port: number, method: string, path: string, headers: Record<string, string>, body = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ port, host: '127.0.0.1', method, path, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
      })
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: new Headers(response.headers as Record<string, string>),
          text,
          json: text.startsWith('{') ? JSON.parse(text) : undefined,
        }),
      )
    })
    request.on('error', reject)
    request.end(body)
  })
}

const JOB = { kind: 'http', payload: { url: 'https://example.com/' } }

describe('jobs', () => {
  it('are accepted with 202, and answered with 200 when their key is known', async () => {
    const { send } = await stage()
    const first = await send('POST', '/v1/jobs', { ...JOB, idempotencyKey: 'k' })
    expect([first.status, first.json]).toEqual([202, { id: 'job-new-1', state: 'available', duplicate: false }])
    const second = await send('POST', '/v1/jobs', { ...JOB, idempotencyKey: 'k' })
    expect([second.status, second.json]).toEqual([200, { id: 'job-new-1', state: 'available', duplicate: true }])
  })

  it('carry dates, priority and the trace context to the source', async () => {
    const { send, source } = await stage()
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    await send('POST', '/v1/jobs', { ...JOB, runAt: '2030-01-01T00:00:00Z', priority: 5, maxAttempts: 2 }, { traceparent })
    expect(source.calls).toContainEqual([
      'enqueue',
      [{ ...JOB, runAt: Date.UTC(2030, 0, 1), priority: 5, maxAttempts: 2, traceparent }],
    ])
  })

  it('ignore a trace context that is none', async () => {
    const { send, source } = await stage()
    await send('POST', '/v1/jobs', JOB, { traceparent: 'nonsense' })
    expect(source.calls).toContainEqual(['enqueue', [JOB]])
  })

  it.each([
    ['JSON that ends early', '{"kind":', 'ERR_BODY_MALFORMED', 'body'],
    ['an empty body', '', 'ERR_BODY_MALFORMED', 'body'],
    ['an array', '[]', 'ERR_JOB_INVALID', 'body'],
    ['null', 'null', 'ERR_JOB_INVALID', 'body'],
    ['no kind', { payload: {} }, 'ERR_JOB_INVALID', 'kind'],
    ['a kind that is no text', { kind: 7, payload: {} }, 'ERR_JOB_INVALID', 'kind'],
    ['no payload', { kind: 'http' }, 'ERR_JOB_INVALID', 'payload'],
    ['an unknown field', { ...JOB, prioritty: 1 }, 'ERR_JOB_INVALID', 'prioritty'],
    ['a field named __proto__', '{"kind":"a","payload":1,"__proto__":{}}', 'ERR_JOB_INVALID', '__proto__'],
    ['a date that is none', { ...JOB, runAt: 'tomorrow' }, 'ERR_JOB_INVALID', 'runAt'],
    ['a delay that is none', { ...JOB, delay: { minutes: 3 } }, 'ERR_JOB_INVALID', 'delay'],
    ['a time without its zone', { ...JOB, runAt: '2030-01-01T08:00:00' }, 'ERR_JOB_INVALID', 'runAt'],
    ['a time beyond all dates', { ...JOB, runAt: 1e300 }, 'ERR_JOB_INVALID', 'runAt'],
    ['a broken priority', { ...JOB, priority: 1.5 }, 'ERR_JOB_INVALID', 'priority'],
    ['a priority that no job may have', { ...JOB, priority: 1001 }, 'ERR_JOB_INVALID', 'priority'],
    ['an empty key', { ...JOB, idempotencyKey: '' }, 'ERR_JOB_INVALID', 'idempotencyKey'],
    ['no attempt at all', { ...JOB, maxAttempts: 0 }, 'ERR_JOB_INVALID', 'maxAttempts'],
    ['a broken trace context', { ...JOB, traceparent: 'x' }, 'ERR_JOB_INVALID', 'traceparent'],
  ])('are refused with %s', async (_what, body, code, field) => {
    const { send, source } = await stage()
    const answer = await send('POST', '/v1/jobs', body)
    expect([answer.status, answer.json.error.code, answer.json.error.field]).toEqual([400, code, field])
    expect(source.calls).toEqual([])
  })

  it('name the field that was probably meant', async () => {
    const { send } = await stage()
    const { json } = await send('POST', '/v1/jobs', { ...JOB, prioritty: 1 })
    expect(json.error).toMatchObject({ rule: 'is not a known field', hint: "Did you mean 'priority'?" })
  })

  it('want JSON, and say so', async () => {
    const { send } = await stage()
    const form = await send('POST', '/v1/jobs', 'kind=http', { 'content-type': 'application/x-www-form-urlencoded' })
    expect([form.status, form.json.error.code]).toEqual([415, 'ERR_CONTENT_TYPE'])
    const text = await send('POST', '/v1/jobs', JSON.stringify(JOB), { 'content-type': 'text/plain' })
    expect(text.status).toBe(415)
  })

  it('may not be larger than the limit, whatever the length header says', async () => {
    const { url, send } = await stage({}, { maxBodyBytes: 1000 })
    const honest = await send('POST', '/v1/jobs', { kind: 'http', payload: 'x'.repeat(1000) })
    expect([honest.status, honest.json.error.code]).toEqual([413, 'ERR_BODY_TOO_LARGE'])
    const chunks = new ReadableStream({
      pull: (controller) => controller.enqueue(new TextEncoder().encode('x'.repeat(600))),
    })
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: chunks, duplex: 'half' }
    const signal = AbortSignal.timeout(4000)
    const endless = await fetch(`${url}/v1/jobs`, { ...init, signal } as RequestInit).catch((error: Error) => error)
    // The answer may be overtaken by the end of the connection; that the server reads on for ever would be the fault.
    if (endless instanceof Response) expect(endless.status).toBe(413)
    else expect(endless.name).not.toBe('TimeoutError')
    const after = await send('POST', '/v1/jobs', JOB)
    expect(after.status).toBe(202)
  })

  it('that are too large get their answer although they are still being sent', async () => {
    const { send } = await stage()
    for (let i = 0; i < 15; i++) expect((await send('POST', '/v1/jobs', 'x'.repeat(8_000_000))).status).toBe(413)
  })

  it('of ten megabytes are refused before they were sent', async () => {
    const { port } = await stage()
    const size = 10 * 1_048_576
    const head = `POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${size}\r\n\r\n{"kind"`
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(head))
      socket.once('data', (data: Buffer) => {
        resolve(data.toString())
        socket.destroy()
      })
    })
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    expect(answer).toContain('ERR_BODY_TOO_LARGE')
  })

  it.each([
    ['ERR_JOB_INVALID', 400],
    ['ERR_JOB_UNKNOWN_KIND', 400],
    ['ERR_IDEMPOTENCY_MISMATCH', 422],
    ['ERR_STORE_UNAVAILABLE', 503],
    ['ERR_SHUT_DOWN', 503],
  ] as const)('that the source refuses with %s answer %i', async (code, status) => {
    const details = { field: 'payload.url', rule: 'must be a URL' }
    const enqueue = async (): Promise<never> => {
      throw new HoldfastError('no: postgres://user:hunter2@db/x', { code, hint: 'do this', retryAfterMs: 2500, details })
    }
    const { send } = await stage({ enqueue })
    const answer = await send('POST', '/v1/jobs', JOB)
    expect([answer.status, answer.json.error]).toEqual([
      status,
      { code, message: 'no: postgres://user:[redacted]@db/x', ...details, hint: 'do this' },
    ])
    expect(answer.headers.get('retry-after')).toBe(status === 503 ? '3' : null)
  })

  it('that fail for an unknown reason tell no more than the request id', async () => {
    const seen: unknown[] = []
    const enqueue = async (): Promise<never> => {
      throw new Error('secret detail')
    }
    const { send } = await stage({ enqueue }, { onError: (...args) => seen.push(args) })
    const answer = await send('POST', '/v1/jobs', JOB, { 'x-request-id': 'req-7' })
    expect(answer.status).toBe(500)
    expect(answer.text).not.toMatch(/secret|at .*\.ts/)
    expect(seen).toEqual([[expect.objectContaining({ message: 'secret detail' }), 'req-7']])
  })

  it('come in batches, as an array or one a line, all or nothing', async () => {
    const { send, source } = await stage()
    const array = await send('POST', '/v1/jobs/batch', [JOB, JOB])
    expect([array.status, array.json.jobs.length]).toEqual([202, 2])
    const lines = `${JSON.stringify(JOB)}\n\n${JSON.stringify(JOB)}\n`
    const ndjson = await send('POST', '/v1/jobs/batch', lines, { 'content-type': 'application/x-ndjson' })
    expect([ndjson.status, ndjson.json.jobs.length]).toEqual([202, 2])
    expect(source.calls.map(([name]) => name)).toEqual(['enqueue', 'enqueue'])
  })

  it('in a batch are refused together, with the place of the bad one', async () => {
    const { send, source } = await stage({}, { maxBatch: 3 })
    const bad = await send('POST', '/v1/jobs/batch', [JOB, { kind: 'http' }])
    expect([bad.status, bad.json.error]).toMatchObject([400, { field: 'payload', index: 1 }])
    const torn = await send('POST', '/v1/jobs/batch', `${JSON.stringify(JOB)}\n{"kind`, {
      'content-type': 'application/x-ndjson',
    })
    expect([torn.status, torn.json.error.index]).toEqual([400, 1])
    expect((await send('POST', '/v1/jobs/batch', [JOB, JOB, JOB, JOB])).status).toBe(413)
    expect((await send('POST', '/v1/jobs/batch', [])).status).toBe(400)
    expect((await send('POST', '/v1/jobs/batch', JOB)).status).toBe(400)
    expect(source.calls).toEqual([])
  })

  it('come in batches with a job that follows when all have ended, and the batch can be asked after', async () => {
    const { send, source } = await stage()
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const onComplete = { kind: 'http', payload: { url: 'https://api.example.com/done' }, priority: 3 }
    const answer = await send('POST', '/v1/jobs/batch', { jobs: [JOB, JOB], onComplete, id: 'import-7' }, { traceparent })
    expect([answer.status, answer.json]).toMatchObject([202, { batch: 'import-7', duplicate: false, jobs: [{}, {}] }])
    const [, request] = source.calls[0] as [string, { jobs: unknown[] }]
    expect(request).toEqual({
      id: 'import-7',
      jobs: [
        { ...JOB, traceparent },
        { ...JOB, traceparent },
      ],
      onComplete: { ...onComplete, traceparent },
    })
    expect((await send('POST', '/v1/jobs/batch', { jobs: [JOB] })).json.batch).toBe('batch-new')
    expect((await send('GET', '/v1/batches/batch-new')).json).toMatchObject({ total: 3, pending: 1, parked: 1 })
    expect((await send('GET', '/v1/batches/nobody')).json.error.code).toBe('ERR_JOB_NOT_FOUND')
    expect((await send('GET', '/v1/jobs?batch=batch-new')).status).toBe(200)
    expect(source.calls.at(-1)).toMatchObject(['jobs', { batch: 'batch-new' }])
  })

  it.each([
    ['a field that is none', { jobs: [JOB], onCompleted: {} }, 'onCompleted'],
    ['a callback that is none', { jobs: [JOB], onComplete: 'http' }, 'body'],
    ['a field of the callback that is none', { jobs: [JOB], onComplete: { kind: 'http', runAt: 1 } }, 'runAt'],
    ['a name that is none', { jobs: [JOB], id: 7 }, 'id'],
    ['no jobs', { jobs: [] }, 'body'],
    ['jobs that are none', { jobs: 7 }, 'body'],
  ])('in a batch with %s are refused', async (_what, body, field) => {
    const { send, source } = await stage()
    const answer = await send('POST', '/v1/jobs/batch', body)
    expect([answer.status, answer.json.error.field]).toEqual([400, field])
    expect(source.calls).toEqual([])
  })

  it('are shown without their fence and without secrets', async () => {
    const { send, source } = await stage()
    const answer = await send('GET', `/v1/jobs/${source.state.jobs[0]?.id}`)
    expect(answer.json).toMatchObject({ state: 'available', heldBy: 'breaker', heldUntil: expect.any(Number), attempts: 2 })
    expect(answer.json.history).toHaveLength(3)
    expect(answer.json).not.toHaveProperty('token')
    expect(answer.text).not.toContain('sk-live')
    expect((await send('GET', '/v1/jobs/nobody')).json.error.code).toBe('ERR_JOB_NOT_FOUND')
  })

  it('are listed by filter, page by page', async () => {
    const { send, source } = await stage()
    const answer = await send('GET', '/v1/jobs?state=available&kind=http&target=https%3A%2F%2Fapi.example.com&limit=10')
    expect([answer.status, answer.json.jobs.length, answer.json.nextCursor]).toEqual([200, 2, 'older'])
    const filter = { state: 'available', kind: 'http', target: 'https://api.example.com', limit: 10, cursor: undefined }
    expect(source.calls).toEqual([['jobs', filter]])
  })

  it.each(['state=lost', 'limit=0', 'limit=1001', 'limit=ten', 'limit=1&limit=2', 'colour=red', 'kind=%00'])(
    'are not listed by %s',
    async (query) => {
      const { send, source } = await stage()
      const answer = await send('GET', `/v1/jobs?${query}`)
      expect([answer.status, answer.json.error.code, answer.json.error.field]).toEqual([400, 'ERR_QUERY', query.split('=')[0]])
      expect(source.calls).toEqual([])
    },
  )

  it('are cancelled and retried, with or without an empty body; finished ones are a conflict', async () => {
    const { send, source } = await stage()
    const id = (state: string): string | undefined => source.state.jobs.find((job) => job.state === state)?.id
    expect((await send('POST', `/v1/jobs/${id('available')}/cancel`)).status).toBe(200)
    expect((await send('POST', `/v1/jobs/${id('scheduled')}/retry`, {})).status).toBe(200)
    const done = await send('POST', `/v1/jobs/${id('succeeded')}/cancel`)
    expect([done.status, done.json.error.code]).toEqual([409, 'ERR_JOB_STATE'])
    expect((await send('POST', `/v1/jobs/${id('succeeded')}/retry`)).status).toBe(409)
    expect((await send('POST', '/v1/jobs/nobody/cancel')).status).toBe(404)
    expect((await send('POST', `/v1/jobs/${id('available')}/cancel`, { force: true })).status).toBe(400)
  })
})

describe('dead letters', () => {
  it('are listed, redriven and discarded', async () => {
    const { send, source } = await stage()
    const id = source.state.letters[0]?.id as string
    expect((await send('GET', '/v1/dead-letters?status=pending')).json.deadLetters).toHaveLength(1)
    expect((await send('GET', '/v1/dead-letters/stats')).json).toMatchObject({
      deadLetters: { pending: 1, exhausted: 2 },
      causes: {},
    })
    expect((await send('GET', '/v1/dead-letters/stats?kind=http')).status).toBe(400)
    expect((await send('POST', `/v1/dead-letters/${id}/redrive`)).json).toEqual({ ids: [id], count: 1, dryRun: false })
    expect((await send('POST', `/v1/dead-letters/${id}/discard`)).json.status).toBe('discarded')
    const dry = await send('POST', '/v1/dead-letters/redrive', { target: 'ai_service', limit: 5, dryRun: true })
    expect(dry.json).toMatchObject({ count: 3, dryRun: true })
    expect(source.calls.at(-1)).toEqual(['redrive', { target: 'ai_service', kind: undefined, limit: 5, dryRun: true }])
    expect((await send('POST', '/v1/dead-letters/redrive')).status).toBe(200)
  })

  it('that are not there, or not to be redriven, say which', async () => {
    const { send, source } = await stage({ redrive: async () => [] })
    expect((await send('POST', '/v1/dead-letters/nobody/redrive')).status).toBe(404)
    expect((await send('POST', `/v1/dead-letters/${source.state.jobs[0]?.id}/redrive`)).status).toBe(409)
    expect((await send('POST', '/v1/dead-letters/nobody/discard')).status).toBe(404)
    expect((await send('POST', '/v1/dead-letters/redrive', { dryRun: 'yes' })).status).toBe(400)
    expect((await send('POST', '/v1/dead-letters/redrive', { everything: true })).status).toBe(400)
  })
})

describe('batches', () => {
  it('are listed, by state and page by page', async () => {
    const { send, source } = await stage()
    const { batches } = (await send('GET', '/v1/batches')).json
    expect(batches[0]).toMatchObject({ id: 'import-2026-11', pending: 3120, callbackKind: 'report' })
    expect((await send('GET', '/v1/batches?state=ended')).json.batches).toMatchObject([{ total: 240, pending: 0 }])
    await send('GET', '/v1/batches?state=open&limit=5&cursor=abc')
    expect(source.calls.at(-1)).toEqual(['batches', { state: 'open', limit: 5, cursor: 'abc' }])
    for (const query of ['state=done', 'limit=0', 'kind=http'])
      expect((await send('GET', `/v1/batches?${query}`)).status).toBe(400)
    expect((await send('GET', '/v1/status')).json.batches).toHaveLength(3)
  })
})

describe('schedules', () => {
  it('are listed, paused, resumed and run, and 404 when unknown', async () => {
    const { send, source } = await stage()
    expect((await send('GET', '/v1/schedules')).json.schedules).toMatchObject([
      { name: 'feed' },
      { name: 'report', paused: true },
    ])
    expect(await send('POST', '/v1/schedules/feed/pause')).toMatchObject({ status: 200, json: { name: 'feed' } })
    expect(await send('POST', '/v1/schedules/report/resume')).toMatchObject({ status: 200, json: { name: 'report' } })
    expect(await send('POST', '/v1/schedules/feed/run')).toMatchObject({ status: 202, json: { state: 'available' } })
    expect(source.calls.map(([name]) => name)).toEqual(['schedules', 'pauseSchedule', 'resumeSchedule', 'runSchedule'])
    for (const verb of ['pause', 'resume', 'run'])
      expect((await send('POST', `/v1/schedules/none/${verb}`)).json.error.code).toBe('ERR_SCHEDULE_NOT_FOUND')
    expect((await send('POST', '/v1/schedules/feed/pause', { until: 1 })).status).toBe(400)
    expect((await send('GET', '/v1/status')).json.schedules).toHaveLength(2)
  })
})

describe('targets', () => {
  it('are shown, and turned by name, even when the name is a URL', async () => {
    const { send, source } = await stage()
    const path = `/v1/targets/${encodeURIComponent('https://api.example.com')}`
    expect((await send('GET', '/v1/targets')).json.targets).toHaveLength(6)
    for (const verb of ['isolate', 'reset', 'pause', 'resume'])
      expect((await send('POST', `${path}/${verb}`)).json.name).toBe('https://api.example.com')
    expect(source.calls.slice(1).map(([name, target]) => [name, target])).toEqual([
      ['isolate', 'https://api.example.com'],
      ['reset', 'https://api.example.com'],
      ['pause', 'https://api.example.com'],
      ['resume', 'https://api.example.com'],
    ])
    expect((await send('POST', '/v1/targets/nobody/pause')).json.error.code).toBe('ERR_TARGET_NOT_FOUND')
  })

  it('pause until a time in the future only', async () => {
    const { send, source } = await stage()
    const until = Date.now() + 60_000
    expect((await send('POST', '/v1/targets/database/pause', { until })).status).toBe(200)
    expect(source.calls.at(-1)).toEqual(['pause', 'database', until])
    expect((await send('POST', '/v1/targets/database/pause', { until: 5 })).json.error.field).toBe('until')
    expect((await send('POST', '/v1/targets/database/pause', { until: 'soon' })).status).toBe(400)
  })
})

describe('windows', () => {
  // R: R10
  it('answer health: alive, ready, and the whole with reasons', async () => {
    const { send, source } = await stage()
    expect(await send('GET', '/health/live')).toMatchObject({ status: 200, json: { status: 'healthy', version: '1.2.3' } })
    expect(source.calls).toEqual([])
    expect(await send('GET', '/health/ready')).toMatchObject({ status: 200, json: { ready: true } })
    const whole = await send('GET', '/health')
    expect([whole.status, whole.json.status, whole.json.reasons.length]).toEqual([200, 'degraded', 3])
    expect(whole.json.uptimeMs).toBeGreaterThan(0)
  })

  // W: 17, 21
  it('stay alive but not ready, and unhealthy, while the store is gone', async () => {
    const gone = async (): Promise<never> => {
      throw new HoldfastError('disk full', { code: 'ERR_STORE_UNAVAILABLE' })
    }
    const { send } = await stage({ status: gone, ready: gone, job: gone })
    expect((await send('GET', '/health/live')).status).toBe(200)
    expect((await send('GET', '/health/ready')).status).toBe(503)
    expect(await send('GET', '/health')).toMatchObject({ status: 503, json: { status: 'unhealthy' } })
    expect((await send('GET', '/v1/status')).headers.get('retry-after')).toBe('2')
    expect((await send('GET', '/metrics')).text).toContain('holdfast_up 0')
    expect((await send('GET', '/')).status).toBe(503)
  })

  it('show the status and the metrics', async () => {
    const { send } = await stage()
    expect((await send('GET', '/v1/status')).json).toMatchObject({ status: 'degraded', held: 454 })
    const metrics = await send('GET', '/metrics')
    expect(metrics.headers.get('content-type')).toMatch(/^text\/plain/)
    expect(metrics.text).toContain('holdfast_circuit_state{target="https://api.example.com"} 2')
  })

  it('stream events, and end the stream when the server closes', async () => {
    const { url, source, server } = await stage()
    const response = await fetch(`${url}/v1/events`)
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    const decoder = new TextDecoder()
    expect(decoder.decode((await reader.read()).value)).toContain('event: hello')
    source.bus.emit({ type: 'job.succeeded', at: 1, job: 'j', kind: 'http', attempt: 1, durationMs: 5 })
    expect(decoder.decode((await reader.read()).value)).toContain('data: {"type":"job.succeeded"')
    const closed = server.close(5000)
    expect((await reader.read()).done).toBe(true)
    await closed
    expect(source.bus.active).toBe(true) // the metrics still listen; the stream does not
  })

  it('take only so many listeners, and forget those who leave', async () => {
    const { url } = await stage({}, { maxStreams: 1 })
    const leaving = new AbortController()
    await fetch(`${url}/v1/events`, { signal: leaving.signal })
    expect((await fetch(`${url}/v1/events`)).status).toBe(503)
    leaving.abort()
    await expect
      .poll(async () => {
        const again = await fetch(`${url}/v1/events`)
        await again.body?.cancel()
        return again.status
      })
      .toBe(200)
  })
})

describe('every answer', () => {
  it('is JSON, also when there is nothing, or the method is wrong', async () => {
    const { send } = await stage()
    const nothing = await send('GET', '/v2/nothing')
    expect([nothing.status, nothing.json.error.code]).toEqual([404, 'ERR_NOT_FOUND'])
    const wrong = await send('DELETE', '/v1/jobs')
    expect([wrong.status, wrong.json.error.code, wrong.headers.get('allow')]).toEqual([
      405,
      'ERR_METHOD_NOT_ALLOWED',
      'POST, GET, HEAD',
    ])
    expect((await send('POST', '/health/live', {})).status).toBe(405)
  })

  it('is JSON, also when the request breaks HTTP itself', async () => {
    const { port } = await stage()
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write('NONSENSE\r\n\r\n'))
      socket.once('data', (data: Buffer) => {
        resolve(data.toString())
        socket.destroy()
      })
    })
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer).toContain('{"error":{"code":"ERR_REQUEST_MALFORMED"')
  })

  // R: R12
  it('carries the request id: the one that came, or a new one', async () => {
    const { send } = await stage()
    expect((await send('GET', '/health/live', undefined, { 'x-request-id': 'abc-1' })).headers.get('x-request-id')).toBe('abc-1')
    expect((await send('GET', '/v2/nothing')).headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
    const hostile = await send('GET', '/health/live', undefined, { 'x-request-id': '<script>' })
    expect(hostile.headers.get('x-request-id')).not.toContain('<')
  })

  it('forbids framing, sniffing, referring and foreign scripts', async () => {
    const { send } = await stage()
    for (const path of ['/', '/v1/status', '/v2/nothing', '/assets/holdfast.js']) {
      const { headers } = await send('GET', path)
      expect(headers.get('content-security-policy')).toContain("script-src 'self'")
      expect(headers.get('content-security-policy')).not.toContain('unsafe')
      expect(headers.get('x-frame-options')).toBe('DENY')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('referrer-policy')).toBe('no-referrer')
    }
  })
})

describe('without a token', () => {
  const json = { 'content-type': 'application/json' }

  it.each(['localhost', '127.0.0.1', '127.8.8.8:4680', '[::1]:4680', 'holdfast.localhost'])('answers to %s', async (host) => {
    const { port } = await stage()
    expect((await raw(port, 'GET', '/v1/status', { host })).status).toBe(200)
  })

  it.each(['evil.example', 'evil.example:4680', 'localhost.evil.example', '127.0.0.1.evil.example', '0.0.0.0', '10.0.0.5'])(
    'does not answer to %s, which closes DNS rebinding',
    async (host) => {
      const { port, source } = await stage()
      for (const [method, path] of [
        ['GET', '/v1/status'],
        ['POST', '/v1/jobs'],
        ['GET', '/'],
        ['GET', '/health'],
      ] as const) {
        const answer = await raw(port, method, path, { host, ...json }, method === 'POST' ? JSON.stringify(JOB) : '')
        expect([answer.status, answer.json.error.code]).toEqual([403, 'ERR_HOST'])
      }
      expect(source.calls).toEqual([])
    },
  )

  it('answers to a host that is allowed', async () => {
    const { port } = await stage({}, { allowedHosts: ['Ops.Example.com'] })
    expect((await raw(port, 'GET', '/v1/status', { host: 'ops.example.com' })).status).toBe(200)
  })

  it.each([
    ['another page', { origin: 'https://evil.example' }],
    ['another port of this host', { origin: 'http://localhost:3000' }],
    ['a page without an origin', { origin: 'null' }],
    ['a cross-site call', { 'sec-fetch-site': 'cross-site' }],
    ['a same-site call', { 'sec-fetch-site': 'same-site' }],
  ])('takes no change from %s', async (_who, headers) => {
    const { port, source } = await stage()
    const answer = await raw(port, 'POST', '/v1/jobs', { host: 'localhost:4680', ...json, ...headers }, JSON.stringify(JOB))
    expect([answer.status, answer.json.error.code]).toEqual([403, 'ERR_ORIGIN'])
    expect(source.calls).toEqual([])
  })

  it('takes changes from its own page', async () => {
    const { port } = await stage()
    const headers = { host: 'localhost:4680', origin: 'http://localhost:4680', 'sec-fetch-site': 'same-origin', ...json }
    expect((await raw(port, 'POST', '/v1/jobs', headers, JSON.stringify(JOB))).status).toBe(202)
  })

  it('takes nothing through a proxy, which speaks for others', async () => {
    const { port } = await stage()
    const answer = await raw(port, 'GET', '/v1/status', { host: 'localhost', 'x-forwarded-for': '203.0.113.9' })
    expect([answer.status, answer.json.error.code]).toEqual([403, 'ERR_NOT_LOOPBACK'])
  })

  it('takes no form as an action without a body', async () => {
    const { port } = await stage()
    const form = { host: 'localhost', 'content-type': 'application/x-www-form-urlencoded' }
    expect((await raw(port, 'POST', '/v1/targets/database/isolate', form)).status).toBe(415)
  })
})

describe('with a token', () => {
  const token = 'correct-horse-battery'
  const bearer = { authorization: `Bearer ${token}` }

  it('wants it for reading and for changing, but not for health', async () => {
    const { send, source } = await stage({}, { token })
    for (const path of ['/v1/status', '/v1/jobs', '/v1/targets', '/v1/events', '/metrics', '/v1/dead-letters']) {
      const answer = await send('GET', path)
      expect([path, answer.status, answer.headers.get('www-authenticate')]).toEqual([path, 401, 'Bearer realm="holdfast"'])
    }
    expect((await send('POST', '/v1/jobs', JOB)).status).toBe(401)
    expect(source.calls).toEqual([])
    for (const path of ['/health/live', '/health/ready', '/health']) expect((await send('GET', path)).status).toBe(200)
    expect((await send('POST', '/v1/jobs', JOB, bearer)).status).toBe(202)
    expect((await send('GET', '/v1/status', undefined, bearer)).status).toBe(200)
  })

  it('tells strangers how things stand, but no names', async () => {
    const { send } = await stage({}, { token })
    const stranger = await send('GET', '/health')
    expect(stranger.json.status).toBe('degraded')
    expect(stranger.text).not.toContain('api.example.com')
    expect((await send('GET', '/health', undefined, bearer)).text).toContain('api.example.com')
  })

  it.each(['Bearer wrong', 'Bearer ', 'Basic Y29ycmVjdA==', `Bearer ${token}x`, token])('refuses %s', async (authorization) => {
    const { send } = await stage({}, { token })
    expect((await send('GET', '/v1/status', undefined, { authorization })).status).toBe(401)
  })

  it('is reached by any name, and through a proxy', async () => {
    const { port } = await stage({}, { token })
    const headers = { host: 'ops.example.com', 'x-forwarded-for': '203.0.113.9', ...bearer }
    expect((await raw(port, 'GET', '/v1/status', headers)).status).toBe(200)
  })

  it('turns ?token= into a session whose cookie is not the token, and whose changes must come from its own page', async () => {
    const { port, send } = await stage({}, { token })
    expect((await send('GET', '/')).text).toContain('Sign in')
    expect((await send('GET', '/?token=wrong')).status).toBe(401)
    const login = await send('GET', `/?token=${token}`)
    const cookie = login.headers.get('set-cookie') ?? ''
    expect(cookie).toMatch(/HttpOnly; SameSite=Strict/)
    expect(cookie).not.toContain(token)
    const session = { cookie: cookie.split(';')[0] as string }
    expect((await send('GET', '/', undefined, session)).text).toContain('targets are not answering')
    expect((await send('GET', '/v1/status', undefined, session)).status).toBe(200)
    const foreign = { host: 'localhost:4680', origin: 'http://localhost:3000', 'content-type': 'application/json', ...session }
    expect((await raw(port, 'POST', '/v1/jobs', foreign, JSON.stringify(JOB))).status).toBe(403)
    const forged = { cookie: session.cookie.replace(/=\d/, '=9') }
    expect((await send('GET', '/v1/status', undefined, forged)).status).toBe(401)
  })

  it('signs in by the form', async () => {
    const { send } = await stage({}, { token })
    expect((await send('POST', '/session', { token: 'wrong' })).status).toBe(401)
    const answer = await send('POST', '/session', { token })
    expect([answer.status, answer.headers.get('set-cookie')]).toEqual([200, expect.stringContaining('HttpOnly')])
  })
})

describe('closing', () => {
  it('lets an answer under way finish, and refuses new connections', async () => {
    let finish = (): void => {}
    const slow = new Promise<void>((resolve) => {
      finish = resolve
    })
    const { send, server, url } = await stage({ targets: () => slow.then(() => []) })
    const underWay = send('GET', '/v1/targets')
    await new Promise((resolve) => setTimeout(resolve, 50))
    const closed = server.close(5000)
    await expect(fetch(`${url}/health/live`)).rejects.toThrow()
    finish()
    expect((await underWay).status).toBe(200)
    await closed
  })

  it('cuts what does not finish by the deadline', async () => {
    const { send, server } = await stage({ targets: () => new Promise(() => {}) })
    const cut = send('GET', '/v1/targets').catch((error: unknown) => error)
    await new Promise((resolve) => setTimeout(resolve, 50))
    await server.close(50)
    expect(await cut).toBeInstanceOf(Error)
  })

  it('tells of a port that is taken', async () => {
    const { port, source } = await stage()
    const app = createApi({ source, clock: systemClock, version: '1' })
    await expect(startServer({ app, port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })
})
