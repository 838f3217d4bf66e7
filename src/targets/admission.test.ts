import { describe, expect, it } from 'vitest'
import { HttpStatusError } from '../adapters/http/http-errors.ts'
import type { Operation } from '../core/operation.ts'
import { seededRandom } from '../core/random.ts'
import { scripted } from '../testing/scripted-operation.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import type { TargetOptions } from './settings.ts'
import { Target } from './target.ts'

const down = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })

function make(options: TargetOptions) {
  const clock = new VirtualClock()
  const target = new Target('t', options, { clock, random: seededRandom(1) })
  const call = (operation: Operation<unknown>): Promise<void> =>
    target.executeAttempt(operation).then(
      () => {},
      () => {},
    )
  return { clock, target, call, now: clock.wallNow() }
}

describe('what holds the work of a target', () => {
  it('is nothing, by default', () => {
    expect(make({}).target.admit()).toEqual({ admitted: true, slots: Number.POSITIVE_INFINITY })
    expect(make({ breaker: false }).target.admit()).toEqual({ admitted: true, slots: Number.POSITIVE_INFINITY })
  })

  it('is a pause, until it ends or is lifted', async () => {
    const { target, clock, now } = make({})
    target.pause(now + 1000.5)
    expect(target.admit()).toEqual({ admitted: false, heldBy: 'pause', heldUntil: now + 1001, reason: 'the target is paused' })
    await clock.advance(1001)
    expect(target.admit()).toMatchObject({ admitted: true })
    target.pause()
    expect(target.admit()).toEqual({ admitted: false, heldBy: 'pause', reason: 'the target is paused' })
    target.resume()
    expect(target.admit()).toMatchObject({ admitted: true })
  })

  it('is an open breaker, until its probe; then one job may go, and the others wait for it', async () => {
    const { target, clock, call, now } = make({ breaker: { failures: 1, openFor: '10s' } })
    await call(() => Promise.reject(down))
    expect(target.admit()).toEqual({
      admitted: false,
      heldBy: 'breaker',
      heldUntil: now + 10_000,
      reason: 'circuit open: 1 failures in a row',
    })
    await clock.advance(10_000)
    expect(target.admit()).toEqual({ admitted: true, slots: 1 })
    expect(target.admit()).toEqual({ admitted: true, slots: 1 })
    const probe = scripted().hangs()
    const probing = call(probe)
    await clock.advance(0)
    expect(target.admit()).toMatchObject({
      admitted: false,
      heldBy: 'breaker',
      reason: expect.stringMatching(/^circuit half-open/),
    })
    probe.release()
    await probing
    expect(target.admit()).toEqual({ admitted: true, slots: Number.POSITIVE_INFINITY })
  })

  it('is an isolated breaker, nobody knows until when', () => {
    const { target } = make({})
    target.isolate('maintenance')
    expect(target.admit()).toEqual({ admitted: false, heldBy: 'breaker', reason: 'circuit isolated: maintenance' })
  })

  it('is a rate limit, until its next permit; asking takes none', async () => {
    const { target, clock, call, now } = make({ rate: { limit: 2, per: '10s' } })
    for (let i = 0; i < 5; i++) expect(target.admit()).toEqual({ admitted: true, slots: 2 })
    await call(() => 1)
    expect(target.admit()).toEqual({ admitted: true, slots: 1 })
    await call(() => 1)
    expect(target.admit()).toEqual({
      admitted: false,
      heldBy: 'limit',
      heldUntil: now + 5000,
      reason: 'the rate limit is reached',
    })
    await clock.advance(5000)
    expect(target.admit()).toEqual({ admitted: true, slots: 1 })
  })

  it('is a 429, for as long as it says and for everybody; a shorter one does not cut it short', async () => {
    const { target, clock, call, now } = make({ breaker: { failures: 1 } })
    const tooMany = (retryAfterMs: number) => () =>
      Promise.reject(new HttpStatusError({ status: 429, method: 'POST', origin: 't', retryAfterMs }))
    await call(tooMany(2000))
    await call(tooMany(500))
    expect(target.admit()).toEqual({
      admitted: false,
      heldBy: 'limit',
      heldUntil: now + 2000,
      reason: 'the target asked for patience (429)',
    })
    expect(target.isOpen).toBe(false)
    await clock.advance(2000)
    expect(target.admit()).toMatchObject({ admitted: true })
  })

  it('is the number of calls in flight', async () => {
    const { target, clock, call } = make({ concurrency: 2 })
    const hung = scripted().hangs()
    const running = [call(hung)]
    await clock.advance(0)
    expect(target.admit()).toEqual({ admitted: true, slots: 1 })
    running.push(call(hung))
    await clock.advance(0)
    expect(target.admit()).toEqual({ admitted: false, heldBy: 'concurrency', reason: '2 calls are in flight' })
    hung.release()
    await Promise.all(running)
    expect(target.admit()).toEqual({ admitted: true, slots: 2 })
  })

  it('is told in the order in which a person would ask: pause, breaker, limits, concurrency', async () => {
    const { target, call } = make({ breaker: { failures: 1 }, rate: { limit: 1, per: '1h' }, concurrency: 1 })
    await call(() => Promise.reject(down))
    expect(target.admit()).toMatchObject({ heldBy: 'breaker' })
    target.pause()
    expect(target.admit()).toMatchObject({ heldBy: 'pause' })
    target.resume()
    target.reset()
    expect(target.admit()).toMatchObject({ heldBy: 'limit' })
  })
})
