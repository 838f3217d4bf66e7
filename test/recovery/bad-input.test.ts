/** What must not get in does not: one running process, everything bad that can be sent, and afterwards an empty store. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, it } from 'vitest'
import type { DeadLetterAnswer, ErrorAnswer, JobAnswer, Sent } from './answers.ts'
import { HoldfastProcess, temporaryFolder } from './holdfast-process.ts'
import { ScriptedTarget } from './scripted-target.ts'
import { eventually } from './waiting.ts'

type Case = readonly [
  what: string,
  body: unknown,
  status: number,
  code: string,
  field: string,
  more?: { path?: string; type?: string; index?: number },
]

const job = (payload: unknown, more: object = {}) => ({ kind: 'http', payload, ...more })
const to = (url: string) => job({ url })
const nested = (depth: number): unknown => (depth === 0 ? 1 : { a: nested(depth - 1) })

const BATCH = '/v1/jobs/batch'
const INVALID = 'ERR_JOB_INVALID'

const BODIES: readonly Case[] = [
  ['malformed JSON', '{"kind":', 400, 'ERR_BODY_MALFORMED', 'body'],
  ['no body', '', 400, 'ERR_BODY_MALFORMED', 'body'],
  ['bytes that are not UTF-8', new Uint8Array([0x22, 0xff, 0x22]), 400, 'ERR_BODY_MALFORMED', 'body'],
  ['another content type', '{}', 415, 'ERR_CONTENT_TYPE', 'content-type', { type: 'text/plain' }],
  ['a form', 'kind=http', 415, 'ERR_CONTENT_TYPE', 'content-type', { type: 'application/x-www-form-urlencoded' }],
  ['no content type', '{}', 415, 'ERR_CONTENT_TYPE', 'content-type', { type: '' }],
  ['ten megabytes', `"${'x'.repeat(10_000_000)}"`, 413, 'ERR_BODY_TOO_LARGE', 'body'],
  ['an array where a job is due', [], 400, INVALID, 'body'],
  ['null', 'null', 400, INVALID, 'body'],
]

const FIELDS: readonly Case[] = [
  ['an unknown kind', { kind: 'htpp', payload: {} }, 400, 'ERR_JOB_UNKNOWN_KIND', 'kind'],
  ['no kind', { payload: {} }, 400, INVALID, 'kind'],
  ['no payload', { kind: 'http' }, 400, INVALID, 'payload'],
  ['an unknown field', job({ url: 'http://example.com' }, { priorty: 1 }), 400, INVALID, 'priorty'],
  ['an unknown field of the payload', job({ url: 'http://example.com', metod: 'GET' }), 400, INVALID, 'payload.metod'],
  ['a payload that is a list', job([]), 400, INVALID, 'payload'],
  ['a payload without a URL', job({}), 400, INVALID, 'payload.url'],
  ['a method that is none', job({ url: 'http://example.com', method: 'FETCH' }), 400, INVALID, 'payload.method'],
  ['a body that GET cannot have', job({ url: 'http://example.com', method: 'GET', body: 1 }), 400, INVALID, 'payload.body'],
  ['an endless time limit', job({ url: 'http://example.com', timeoutMs: 1e9 }), 400, INVALID, 'payload.timeoutMs'],
  ['a header with a line break', header('x-a', 'b\r\nhost: evil'), 400, INVALID, 'payload.headers.x-a'],
  ['a header name with a line break', header('x-a\r\nhost', 'b'), 400, INVALID, 'payload.headers."x-a\\r\\nhost"'],
  ['a header of ours', header('Idempotency-Key', 'b'), 400, INVALID, 'payload.headers.Idempotency-Key'],
  ['a header that is no text', header('x-a', 1), 400, INVALID, 'payload.headers.x-a'],
  ['a time that is none', job({ url: 'http://example.com' }, { runAt: 'tomorrow' }), 400, INVALID, 'runAt'],
  ['a time in seconds', job({ url: 'http://example.com' }, { runAt: 1_767_225_600 }), 400, INVALID, 'runAt'],
  ['a time in a hundred years', job({ url: 'http://example.com' }, { runAt: 4_923_000_000_000 }), 400, INVALID, 'runAt'],
  ['a priority that is no number', job({ url: 'http://example.com' }, { priority: 'high' }), 400, INVALID, 'priority'],
  ['a priority out of bounds', job({ url: 'http://example.com' }, { priority: 1001 }), 400, INVALID, 'priority'],
  ['no attempts', job({ url: 'http://example.com' }, { maxAttempts: 0 }), 400, INVALID, 'maxAttempts'],
  ['a key with a line break', job({ url: 'http://example.com' }, { idempotencyKey: 'a\nb' }), 400, INVALID, 'idempotencyKey'],
  ['a trace context that is none', job({ url: 'http://example.com' }, { traceparent: '00-1-2' }), 400, INVALID, 'traceparent'],
]

const HOSTILE: readonly Case[] = [
  ['a deep payload', job({ url: 'http://example.com', body: nested(40) }), 400, INVALID, `payload.body${'.a'.repeat(31)}`],
  ['a payload that is deeper than any stack', deepText(), 400, INVALID, `payload.body${'[0]'.repeat(31)}`],
  [
    '__proto__',
    '{"kind":"http","payload":{"url":"http://example.com","body":{"__proto__":{"admin":true}}}}',
    400,
    INVALID,
    'payload.body.__proto__',
  ],
  ['__proto__ beside the kind', '{"kind":"http","payload":{},"__proto__":{}}', 400, INVALID, '__proto__'],
  ['a large payload', job({ url: 'http://example.com', body: 'x'.repeat(300_000) }), 400, INVALID, 'payload'],
  ['a payload of many fields', job({ url: 'http://example.com', body: Array(20_000).fill(1) }), 400, INVALID, 'payload'],
]

const FORBIDDEN_URLS = [
  'http://10.0.0.1/',
  'http://192.168.1.1/',
  'http://172.16.5.5:8080/',
  'http://169.254.169.254/latest/meta-data/',
  'http://localhost:4680/',
  'http://100.100.100.200/',
  'http://0.0.0.0/',
  'http://[::]/',
  'http://[fe80::1]/',
  'http://[fd00:ec2::254]/',
  'http://[fc00::1]/',
  'http://[::ffff:10.0.0.1]/',
  'http://[::ffff:a9fe:a9fe]/',
  'http://[64:ff9b::a9fe:a9fe]/',
  'http://2852039166/',
  'http://0xa9fea9fe/',
  'http://0251.0376.0251.0376/',
  'http://0xa9.0xfe.0xa9.0xfe/',
  'http://167772161/',
  'http://10.1/',
  'http://１６９.２５４.１６９.２５４/',
  'http://[::1]/',
  'http://localhost6/',
]

const BAD_URLS = [
  'ftp://example.com/',
  'file:///etc/passwd',
  'example.com',
  'http://user:hunter2@example.com/',
  'http://exa mple.com/',
  'http://example.com/\r\nx: y',
  'javascript:alert(1)',
  '',
]

const URLS: readonly Case[] = [
  ...FORBIDDEN_URLS.map((url): Case => [`the URL ${url}`, to(url), 400, 'ERR_ADDRESS_FORBIDDEN', 'payload.url']),
  ...BAD_URLS.map((url): Case => [`the URL ${JSON.stringify(url)}`, to(url), 400, INVALID, 'payload.url']),
]

const GOOD = to('http://example.com/')
const ndjson = { path: BATCH, type: 'application/x-ndjson' }
const BATCHES: readonly Case[] = [
  ['a batch with one bad job', [GOOD, GOOD, to('ftp://x/')], 400, INVALID, 'payload.url', { path: BATCH, index: 2 }],
  ['a batch with one forbidden URL', [GOOD, to(FORBIDDEN_URLS[0]!)], 400, 'ERR_ADDRESS_FORBIDDEN', 'payload.url', at(1)],
  ['a batch with one unknown kind', [GOOD, { kind: 'x', payload: 1 }, GOOD], 400, 'ERR_JOB_UNKNOWN_KIND', 'kind', at(1)],
  ['a batch with one unknown field', [{ ...GOOD, x: 1 }, GOOD], 400, INVALID, 'x', at(0)],
  ['a batch with null in it', [GOOD, null], 400, INVALID, 'body', at(1)],
  ['a batch that is no list', GOOD, 400, 'ERR_BODY_MALFORMED', 'body', { path: BATCH }],
  ['an empty batch', [], 400, 'ERR_BODY_MALFORMED', 'body', { path: BATCH }],
  ['lines, one of them torn', `${text(GOOD)}\n\n{"kind`, 400, 'ERR_BODY_MALFORMED', 'body', { ...ndjson, index: 1 }],
  ['lines, one of them bad', `${text(GOOD)}\n${text(to('ftp://x/'))}\n`, 400, INVALID, 'payload.url', { ...ndjson, index: 1 }],
  ['lines of another type', text(GOOD), 415, 'ERR_CONTENT_TYPE', 'content-type', { path: BATCH, type: 'text/csv' }],
  ['a key for two payloads', [keyed(1), keyed(2)], 422, 'ERR_IDEMPOTENCY_MISMATCH', 'idempotencyKey', at(1)],
]

const QUERIES: readonly (readonly [query: string, field: string])[] = [
  ['/v1/jobs?state=asleep', 'state'],
  ['/v1/jobs?stat=dead', 'stat'],
  ['/v1/jobs?limit=0', 'limit'],
  ['/v1/jobs?limit=1e3', 'limit'],
  ['/v1/jobs?limit=10&limit=20', 'limit'],
  ['/v1/jobs?cursor=%00', 'cursor'],
  ['/v1/dead-letters?status=gone', 'status'],
  ['/v1/dead-letters?cursor=..', 'cursor'],
  ['/v1/targets?x=1', 'x'],
  ['/v1/status?verbose=1', 'verbose'],
]

function header(name: string, value: unknown): unknown {
  return job({ url: 'http://example.com', headers: { [name]: value } })
}
function deepText(): string {
  return `{"kind":"http","payload":{"url":"http://example.com","body":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`
}
function at(index: number) {
  return { path: BATCH, index }
}
function keyed(n: number): unknown {
  return job({ url: 'http://example.com', body: n }, { idempotencyKey: 'twice' })
}
function text(value: unknown): string {
  return JSON.stringify(value)
}

// W: 22
it('refuses all that is bad with the field, the rule and a hint, and stores nothing', async () => {
  const holdfast = await HoldfastProcess.in(await temporaryFolder(), { http: { allow: ['public'] }, log: { level: 'silent' } })
  await holdfast.start()
  const wrong: unknown[] = []
  for (const [what, body, status, code, field, more = {}] of [...BODIES, ...FIELDS, ...HOSTILE, ...URLS, ...BATCHES]) {
    const raw = typeof body === 'string' || body instanceof Uint8Array ? body : text(body)
    const answer = await holdfast.ask<ErrorAnswer>('POST', more.path ?? '/v1/jobs', raw, more.type)
    const { error } = answer.body
    const isRight =
      answer.status === status && error?.code === code && error.field === field && error.index === more.index && isWhole(error)
    if (!isRight || text(answer.body).includes('hunter2')) wrong.push({ what, status: answer.status, error })
  }
  for (const [path, field] of QUERIES) {
    const answer = await holdfast.ask<ErrorAnswer>('GET', path)
    const { error } = answer.body
    if (answer.status !== 400 || error?.field !== field || !isWhole(error)) wrong.push({ path, status: answer.status, error })
  }
  expect(wrong).toEqual([])
  expect(await holdfast.get('/v1/jobs')).toEqual({ jobs: [] })
  expect(await holdfast.get('/v1/targets')).toEqual({ targets: [] })
  expect((await holdfast.ask('GET', '/health/ready')).status).toBe(200)
  expect(holdfast.output).not.toMatch(/\n\s+at /)
})

function isWhole({ rule, hint, message }: ErrorAnswer['error']): boolean {
  return [rule, hint, message].every((part) => typeof part === 'string' && part !== '') && message.length < 1000
}

it('refuses a known key with another payload, and keeps the first job as it was', async () => {
  const target = await ScriptedTarget.up()
  const holdfast = await HoldfastProcess.in(await temporaryFolder(), { http: { allow: ['loopback'] }, log: { level: 'silent' } })
  await holdfast.start()
  const send = (n: number) =>
    holdfast.post<Sent & ErrorAnswer>('/v1/jobs', job({ url: `${target.origin}/`, body: { n } }, { idempotencyKey: 'a1' }))
  const first = await send(1)
  expect(first).toMatchObject({ status: 202, body: { duplicate: false } })
  expect(await send(1)).toMatchObject({ status: 200, body: { id: first.body.id, duplicate: true } })
  const { status, body } = await send(2)
  expect(status).toBe(422)
  expect(body.error).toMatchObject({ code: 'ERR_IDEMPOTENCY_MISMATCH', field: 'idempotencyKey' })
  expect(isWhole(body.error)).toBe(true)
  await eventually(
    () => holdfast.get<JobAnswer>(`/v1/jobs/${first.body.id}`),
    ({ state }) => state === 'succeeded',
  )
  expect(target.calls.map(({ key }) => key)).toEqual(['a1'])
})

// R: X14
it('finds a name or a redirect that leads to a forbidden address at the call: dead at once, never contacted', async () => {
  const forbidden = await ScriptedTarget.up({ status: 200 }, '127.0.0.2')
  const inside = `http://inside.example:${forbidden.port}/`
  const target = await ScriptedTarget.up(({ path }) => ({
    status: 307,
    headers: { location: path === '/name' ? inside : `${forbidden.origin}/` },
  }))
  const holdfast = await HoldfastProcess.in(await temporaryFolder(), {
    http: { allow: ['public', `127.0.0.1:${target.port}`] },
    log: { level: 'silent' },
  })
  await holdfast.start({
    NODE_OPTIONS: `--import=${pathToFileURL(join(import.meta.dirname, 'names.mjs')).href}`,
    HOLDFAST_TEST_NAMES: JSON.stringify({ 'inside.example': ['127.0.0.2'], 'half.example': ['169.254.169.254', '127.0.0.2'] }),
  })
  const urls = [inside, inside.replace('inside', 'half'), `${target.origin}/address`, `${target.origin}/name`]
  for (const url of urls) {
    const { status, body } = await holdfast.post<Sent>('/v1/jobs', to(url))
    expect([url, status]).toEqual([url, 202])
    const dead = await eventually(
      () => holdfast.get<JobAnswer>(`/v1/jobs/${body.id}`),
      ({ state }) => state !== 'available' && state !== 'running',
    )
    expect(dead).toMatchObject({ state: 'dead', attempts: 1, lastError: { code: 'ERR_ADDRESS_FORBIDDEN' } })
    const { deadLetters } = await holdfast.get<{ deadLetters: DeadLetterAnswer[] }>('/v1/dead-letters')
    expect(deadLetters.find(({ id }) => id === body.id)).toMatchObject({ cause: 'forbidden', targetDown: false })
  }
  expect(target.calls.map(({ path }) => path)).toEqual(['/address', '/name'])
  expect(forbidden.connections).toBe(0)
})
