import { describe, expect, it } from 'vitest'
import { HttpStatusError } from '../adapters/http/http-errors.ts'
import type { HoldfastEvent } from '../core/events.ts'
import { seededRandom } from '../core/random.ts'
import { scripted } from '../testing/scripted-operation.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import type { TargetOptions } from './settings.ts'
import { Target } from './target.ts'

const NAME = 'https://api.example.com'
const down = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
const status = (code: number, retryAfterMs?: number): HttpStatusError =>
  new HttpStatusError({ status: code, method: 'GET', origin: NAME, retryAfterMs })
const BREAKER: TargetOptions = { breaker: { failures: 3, openFor: '10s', openForMax: '40s' } }

function make(options: TargetOptions = {}, clock = new VirtualClock()) {
  const target = new Target(NAME, options, { clock, random: seededRandom(1) })
  const events: HoldfastEvent[] = []
  target.observe((event) => events.push(event))
  const fail = async (error: unknown, ...callers: readonly string[]): Promise<void> => {
    for (const caller of callers)
      await target
        .executeAttempt(() => Promise.reject(error), { caller })
        .then(
          () => {},
          () => {},
        )
  }
  const succeed = (): Promise<unknown> => target.executeAttempt(() => 'ok')
  return { target, clock, events, fail, succeed }
}

describe('a target', () => {
  it('runs a call under all its policies, and an attempt without the retry', async () => {
    const { target, clock, events } = make({ retry: { maxAttempts: 3, initial: 100, jitter: 'none' } })
    const operation = scripted<string>({ clock }).fails(2, down).thenReturns('ok')
    const answer = target.execute(operation, { operation: 'upload' })
    await clock.advance(1000)
    expect(await answer).toBe('ok')
    expect(operation.attempts).toEqual([1, 2, 3])
    expect(events.map(({ type }) => type)).toEqual(['retry.scheduled', 'retry.scheduled', 'execution.succeeded'])
    expect(events.at(-1)).toMatchObject({ target: NAME, operation: 'upload', attempts: 3, durationMs: 300 })

    const once = scripted().fails()
    await expect(target.executeAttempt(once)).rejects.toThrow('scripted failure 1')
    expect(once.calls).toHaveLength(1)
  })

  // R: U5, R11
  it('tells of every change of its breaker and of every failure, by its name', async () => {
    const { clock, events, fail, succeed } = make(BREAKER)
    await fail(down, 'a', 'b', 'c')
    await clock.advance(10_000)
    await succeed()
    const changes = events.filter((event) => event.type === 'circuit-breaker.changed')
    expect(changes).toMatchObject([
      { target: NAME, from: 'closed', to: 'open', retryAfterMs: 10_000 },
      { target: NAME, from: 'open', to: 'half-open' },
      { target: NAME, from: 'half-open', to: 'closed' },
    ])
    const failed = events.filter((event) => event.type === 'execution.failed')
    expect(failed).toHaveLength(3)
    expect(failed[0]).toMatchObject({ target: NAME, error: { code: 'ECONNREFUSED' } })
  })

  // R: X11
  it('counts what it did, and remembers its last error', async () => {
    const { target, fail, succeed } = make({ rate: { limit: 10, per: '1s' }, concurrency: { limit: 2, queue: 1 } })
    await fail(status(500), 'a')
    await succeed()
    const hung = scripted().hangs()
    void target.execute(hung)
    await Promise.resolve()
    expect(target.snapshot()).toMatchObject({
      name: NAME,
      inFlight: 1,
      successes: 1,
      failures: 1,
      lastError: { code: 'ERR_HTTP_STATUS', status: 500, at: expect.any(Number) },
      limiter: { available: 7, capacity: 10 },
      bulkhead: { inFlight: 1, limit: 2, queued: 0 },
      breaker: { state: 'closed' },
      pausedUntil: undefined,
    })
    hung.release()
  })

  it('counts a cancelled call neither as success nor as failure, and blames nobody', async () => {
    const { target, events } = make(BREAKER)
    for (const caller of ['a', 'b', 'c']) {
      const aborter = new AbortController()
      const running = target.executeAttempt(scripted().hangsUntilAborted(), { caller, signal: aborter.signal })
      aborter.abort(new Error('stop'))
      await expect(running).rejects.toThrow('stop')
    }
    expect(target.snapshot()).toMatchObject({ successes: 0, failures: 0, inFlight: 0 })
    expect(target.isOpen).toBe(false)
    expect(events.map(({ type }) => type)).toEqual(Array(3).fill('execution.cancelled'))
  })

  it('counts a refused call as no failure of the target', async () => {
    const { target, fail, succeed, events } = make(BREAKER)
    await fail(down, 'a', 'b', 'c')
    await expect(succeed()).rejects.toMatchObject({ code: 'ERR_CIRCUIT_OPEN' })
    expect(target.snapshot()).toMatchObject({ failures: 3, successes: 0 })
    expect(events.at(-1)?.type).toBe('circuit-breaker.rejected')
  })
})

describe('an outage', () => {
  // W: 7
  it('is an open breaker with several callers that failed; one caller alone is its own trouble', async () => {
    const { target, fail } = make(BREAKER)
    await fail(down, 'a', 'a', 'a')
    expect([target.isOpen, target.isDown]).toEqual([true, false])
    target.reset()
    await fail(down, 'a', 'b', 'c')
    expect([target.isOpen, target.isDown]).toEqual([true, true])
  })

  it('is over as soon as somebody gets an answer, were it a 404', async () => {
    const { target, clock, fail } = make(BREAKER)
    await fail(down, 'a', 'b', 'c')
    await clock.advance(10_000)
    await fail(status(404), 'd')
    expect([target.isOpen, target.isDown]).toEqual([false, false])
    await fail(down, 'd', 'd', 'd')
    expect([target.isOpen, target.isDown]).toEqual([true, false])
  })

  it('is not made of refusals of requests, nor of faults of callers', async () => {
    const { target, fail } = make(BREAKER)
    await fail(status(404), 'a', 'b', 'c')
    await fail(new TypeError('oops'), 'd', 'e', 'f')
    await fail(down, 'g', 'g', 'g')
    expect([target.isOpen, target.isDown]).toEqual([true, false])
  })

  it('is made of timeouts too, whether the call heeds its signal or not', async () => {
    const { target, clock } = make({ ...BREAKER, timeout: 1000 })
    for (const [caller, operation] of [
      ['a', scripted().hangsUntilAborted()],
      ['b', scripted().hangs()],
      ['c', scripted().hangs()],
    ] as const) {
      const failed = expect(target.executeAttempt(operation, { caller })).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
      await clock.advance(1000)
      await failed
    }
    expect([target.isOpen, target.isDown]).toEqual([true, true])
  })
})

describe('what a target stores', () => {
  // R: U2
  // T: 21
  it('brings back an open breaker for the rest of its time, and its outage', async () => {
    const { target, clock, fail } = make(BREAKER)
    await fail(down, 'a', 'b', 'c')
    await clock.advance(4000)
    const stored: unknown = JSON.parse(JSON.stringify(target.store()))

    const later = new VirtualClock({ wallNow: clock.wallNow() + 1000 })
    const { target: restored, fail: failAgain } = make(BREAKER, later)
    restored.restore(stored)
    expect(restored.admit()).toMatchObject({ admitted: false, heldBy: 'breaker', heldUntil: later.wallNow() + 5000 })
    expect(restored.isDown).toBe(true)
    await later.advance(5000)
    expect(restored.admit()).toEqual({ admitted: true, slots: 1 })
    await failAgain(down, 'd')
    expect(restored.isDown).toBe(true)
    expect(restored.admit()).toMatchObject({ heldBy: 'breaker', heldUntil: later.wallNow() + 20_000 })
  })

  it('does not take one caller’s trouble for an outage after the restart', async () => {
    const { target, fail } = make(BREAKER)
    await fail(down, 'a', 'a', 'a')
    const { target: restored } = make(BREAKER)
    restored.restore(JSON.parse(JSON.stringify(target.store())))
    expect([restored.isOpen, restored.isDown]).toEqual([true, false])
  })

  // T: 21
  it('never holds longer than the longest open time, whatever the clocks say', async () => {
    const { target, clock, fail } = make(BREAKER)
    await fail(down, 'a', 'b', 'c')
    const past = new VirtualClock({ wallNow: clock.wallNow() - 86_400_000 })
    const { target: restored } = make(BREAKER, past)
    restored.restore(target.store())
    expect(restored.admit()).toMatchObject({ heldUntil: past.wallNow() + 40_000 })
  })

  it('brings back pauses, with and without an end', () => {
    const { target, clock } = make()
    for (const until of [undefined, clock.wallNow() + 5000]) {
      target.pause(until)
      const { target: restored } = make({}, clock)
      restored.restore(JSON.parse(JSON.stringify(target.store())))
      expect(restored.snapshot().pausedUntil).toBe(until ?? Number.POSITIVE_INFINITY)
    }
  })

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['a text', 'x'],
    ['another version', { version: 2, breaker: { version: 1, state: 'isolated' } }],
    ['a breaker of another version', { version: 1, breaker: { version: 9 }, paused: null, outage: true }],
    ['a state that is none', { version: 1, breaker: { version: 1, state: 'asleep' }, paused: null }],
  ])('is ignored when it is %s', (_what, stored) => {
    const { target } = make()
    target.restore(stored)
    expect(target.admit()).toMatchObject({ admitted: true })
  })

  it('is worth storing while there is something to go on from', async () => {
    const { target, clock, fail } = make(BREAKER)
    expect(target.isWorthStoring).toBe(false)
    target.pause(clock.wallNow() + 1000)
    expect(target.isWorthStoring).toBe(true)
    await clock.advance(1000)
    expect(target.isWorthStoring).toBe(false)
    await fail(down, 'a', 'b', 'c')
    expect(target.isWorthStoring).toBe(true)
    target.reset()
    expect(target.isWorthStoring).toBe(false)
  })
})

describe('a target by hand', () => {
  // R: R1
  it('can be isolated, and is reset with all that held it', async () => {
    const { target, fail, succeed } = make(BREAKER)
    target.isolate()
    await expect(succeed()).rejects.toMatchObject({ code: 'ERR_CIRCUIT_ISOLATED' })
    target.reset()
    await succeed()
    await fail(status(429, 60_000), 'a')
    expect(target.admit()).toMatchObject({ heldBy: 'limit' })
    target.reset()
    expect(target.admit()).toMatchObject({ admitted: true })
  })

  it('holds work while paused, but not direct calls', async () => {
    const { target, clock } = make()
    target.pause(clock.wallNow() + 1000)
    expect(target.admit()).toMatchObject({ admitted: false, heldBy: 'pause' })
    expect(await target.execute(() => 'ok')).toBe('ok')
    target.resume()
    expect(target.admit()).toMatchObject({ admitted: true })
  })

  it('without a breaker is isolated by nothing, and never open', async () => {
    const { target, fail } = make({ breaker: false })
    target.isolate()
    await fail(down, ...Array.from({ length: 20 }, (_, n) => `caller ${n}`))
    expect([target.isOpen, target.isDown, target.admit().admitted]).toEqual([false, false, true])
  })
})

describe('an idle target', () => {
  it('is one that nothing would be lost with', async () => {
    const { target, clock, fail, succeed } = make({ ...BREAKER, rate: { limit: 2, per: '10s' } })
    expect([target.isIdle(0), target.isIdle(1000)]).toEqual([true, false])
    await clock.advance(1000)
    expect(target.isIdle(1000)).toBe(true)

    await succeed()
    expect(target.isIdle(0), 'while a permit of its limit is out').toBe(false)
    await clock.advance(5000)
    expect(target.isIdle(0)).toBe(true)

    await fail(status(429, 60_000), 'a')
    await clock.advance(30_000)
    expect(target.isIdle(0), 'while a 429 is in force').toBe(false)
    await clock.advance(30_000)
    expect(target.isIdle(0)).toBe(true)

    target.pause()
    expect(target.isIdle(0), 'while paused').toBe(false)
    target.resume()

    const hung = scripted().hangs()
    const running = target.executeAttempt(hung)
    await clock.advance(60_000)
    expect(target.isIdle(0), 'while in flight').toBe(false)
    hung.release()
    await running

    for (const caller of ['a', 'b', 'c']) {
      await fail(down, caller)
      await clock.advance(5000)
    }
    await clock.advance(60_000)
    expect(target.isOpen && !target.isIdle(0), 'while its breaker is not closed').toBe(true)
  })
})
