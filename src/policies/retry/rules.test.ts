import { describe, expect, it } from 'vitest'
import { RejectedError } from '../../core/errors.ts'
import type { HoldfastEvent } from '../../core/events.ts'
import { browserBot } from '../../presets/browser-bot.ts'
import { scripted } from '../../testing/scripted-operation.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { type RetryOptions, retry } from './retry.ts'

const steady = { type: 'constant', initial: 100, jitter: 'none' } as const
const settled = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ value }),
    (error) => ({ error }),
  )
/** When the attempts of a call began, and why there were no more. */
async function play(options: RetryOptions, errors: readonly unknown[], operation?: string) {
  const clock = new VirtualClock()
  const policy = retry({ backoff: steady, clock, ...options })
  const script = scripted<unknown>({ clock })
  for (const error of errors) script.fails(1, error)
  script.thenReturns('ok')
  let reason: string | undefined
  policy.observe((event: HoldfastEvent) => {
    if (event.type === 'retry.gave-up') reason = event.reason
  })
  const end = settled(policy.execute(script, { operation }))
  await clock.advance(86_400_000)
  return { at: script.calls.map(({ at }) => at), reason, end: await end }
}
const status = (code: number) => Object.assign(new Error(`status ${code}`), { status: code })
const coded = (code: string) => Object.assign(new Error(code), { code })
class Broken extends Error {}

describe('the errors that a retry repeats', () => {
  const attemptsFor = async (options: RetryOptions, error: unknown) => (await play(options, [error, error, error])).at.length

  // R: R3, P2, U1, X2
  it('are those of its lists, and no others', async () => {
    const retryOn = { errors: [Broken], statuses: [429, '5xx'], codes: ['ECONNRESET'] } as const
    for (const error of [new Broken(), status(429), status(503), coded('ECONNRESET')])
      expect(await attemptsFor({ retryOn }, error), String(error)).toBe(3)
    for (const error of [new Error('unknown'), status(404), status(408), coded('EPIPE'), 'text'])
      expect(await attemptsFor({ retryOn }, error), String(error)).toBe(1)
  })

  // R: R3
  it('are those of the lists or of the rule, when there are both', async () => {
    const rule: RetryOptions = { retryOn: { statuses: [503] }, retryIf: (error) => error === 'again' }
    expect(await attemptsFor(rule, status(503))).toBe(3)
    expect(await attemptsFor(rule, 'again')).toBe(3)
    expect(await attemptsFor(rule, status(500))).toBe(1)
  })

  it('are never those that are forbidden, whoever else wants them', async () => {
    const neverOn = { statuses: [501], errors: [Broken] } as const
    expect(await attemptsFor({ neverOn }, status(501))).toBe(1)
    expect(await attemptsFor({ neverOn }, status(502))).toBe(3)
    expect(await attemptsFor({ neverOn, retryIf: () => true }, new Broken())).toBe(1)
    expect(await attemptsFor({ neverOn, retryOn: { statuses: ['5xx'] } }, status(501))).toBe(1)
    expect(await attemptsFor({ neverOn, retryOn: { statuses: ['5xx'] } }, status(500))).toBe(3)
    expect(await attemptsFor({ neverOn, retryOn: { statuses: ['5xx'] } }, status(400))).toBe(1)
  })
})

describe('the waits of a retry', () => {
  it('may be listed: exactly these, the last one again', async () => {
    const errors = Array.from({ length: 4 }, () => new Error('x'))
    expect((await play({ backoff: [10, '1s', 50], maxAttempts: 5 }, errors)).at).toEqual([0, 10, 1010, 1060, 1110])
  })

  // T: 27
  it('are what the target asks for, in every form, clamped to their bounds', async () => {
    const asking = (headers: Record<string, string>) => Object.assign(status(503), { response: { headers } })
    const date = new Date(new VirtualClock().wallNow() + 7000).toUTCString()
    const at = async (error: unknown, options: RetryOptions = {}) => (await play(options, [error])).at
    expect(await at(asking({ 'retry-after': '5' }))).toEqual([0, 5000])
    expect(await at(asking({ 'retry-after': date }))).toEqual([0, 7000])
    expect(await at(asking({ 'Retry-After-Ms': '250' }))).toEqual([0, 250])
    expect(await at(asking({ 'retry-after': '0' }))).toEqual([0, 0])
    expect(await at(asking({ 'retry-after': '0' }), { retryAfterMin: 30 })).toEqual([0, 30])
    expect(await at(asking({ 'retry-after': '5' }), { retryAfterMin: 30 })).toEqual([0, 5000])
    expect(await at(asking({ 'retry-after': 'soon' }))).toEqual([0, 100])
    expect(await at(asking({ 'retry-after': '61' }))).toEqual([0])
    expect(await at(asking({ 'retry-after': '61' }), { retryAfterMax: '61s' })).toEqual([0, 61_000])
    expect(await at(asking({ 'retry-after': '5' }), { retryAfterMax: 0 })).toEqual([0, 100])
  })

  // T: 27
  it('are what a rule of the user reads off the error', async () => {
    const options: RetryOptions = { retryAfterOf: (error) => (error as { wait?: number }).wait }
    expect((await play(options, [{ wait: 42, retryAfterMs: 7 }])).at).toEqual([0, 42])
    expect((await play(options, [{ retryAfterMs: 7 }])).at).toEqual([0, 100])
    expect((await play({ retryAfterOf: () => Number.NaN }, [status(503)])).at).toEqual([0, 100])
  })

  // R: X1
  it('never end later than maxElapsed: the retrying stops before such a wait', async () => {
    const errors = Array.from({ length: 9 }, () => new Error('x'))
    expect(await play({ maxAttempts: 9, maxElapsed: 300 }, errors)).toMatchObject({ at: [0, 100, 200, 300], reason: 'elapsed' })
    expect(await play({ maxAttempts: 9, maxElapsed: 299 }, errors)).toMatchObject({ at: [0, 100, 200], reason: 'elapsed' })
  })
})

describe('attempts that are free', () => {
  const refused = () => new RejectedError('wait your turn', { code: 'ERR_RATE_LIMITED', retryAfterMs: 50 })

  it('do not count towards maxAttempts', async () => {
    const options: RetryOptions = { maxAttempts: 2, maxElapsed: 10_000, isFree: (error) => error instanceof RejectedError }
    const { at, end, reason } = await play(options, [refused(), refused(), new Error('one'), refused(), new Error('two')])
    expect([at, reason]).toEqual([[0, 50, 100, 200, 250], 'attempts'])
    expect(end).toMatchObject({ error: { message: 'two' } })
  })

  it('end with maxElapsed', async () => {
    const errors = Array.from({ length: 99 }, refused)
    expect(await play({ maxElapsed: 220, isFree: () => true }, errors)).toMatchObject({
      at: [0, 50, 100, 150, 200],
      reason: 'elapsed',
    })
  })
})

describe('rules by operation', () => {
  // R: X3
  it('are the own ones of each, and for what these do not say those of all', async () => {
    const options: RetryOptions = {
      maxAttempts: 2,
      neverOn: { errors: [Broken] },
      byOperation: { goto: { maxAttempts: 4 }, click: { maxAttempts: 2, backoff: [7] }, read: { retryOn: { statuses: [418] } } },
    }
    const at = async (operation: string | undefined, error: unknown = new Error('x')) =>
      (await play(options, Array(9).fill(error), operation)).at
    expect(await at('goto')).toEqual([0, 100, 200, 300])
    expect(await at('click')).toEqual([0, 7])
    expect(await at('read', status(418))).toEqual([0, 100])
    expect(await at('read', status(503))).toEqual([0])
    expect(await at('other')).toEqual([0, 100])
    expect(await at(undefined)).toEqual([0, 100])
    expect(await at('goto', new Broken())).toEqual([0])
    expect(await at('toString')).toEqual([0, 100])
  })

  // R: X3
  it('know when the call began, where only one of them bounds it', async () => {
    const clock = new VirtualClock({ now: 5000 })
    const policy = retry({ backoff: steady, maxAttempts: 9, byOperation: { goto: { maxElapsed: 250 } }, clock })
    const script = scripted({ clock }).rejectsAfter(100)
    const end = settled(policy.execute(script, { operation: 'goto' }))
    await clock.advance(10_000)
    await end
    expect(script.calls.map(({ at }) => at)).toEqual([5000, 5200])
  })

  // R: X3
  it('are the presets of a bot, as they are', async () => {
    const policy = { ...browserBot.retry, byOperation: browserBot.retries, random: () => 0 }
    const errors = Array.from({ length: 9 }, () => new Error('x'))
    const counts = new Map<string, number>()
    for (const operation of [...Object.keys(browserBot.retries), 'anything'])
      counts.set(operation, (await play(policy, errors, operation)).at.length)
    expect(Object.fromEntries(counts)).toEqual({
      goto: 3,
      click: 2,
      wait_for_selector: 3,
      http_get: 4,
      http_post: 2,
      rmq_publish: 5,
      anything: 3,
    })
  })
})
