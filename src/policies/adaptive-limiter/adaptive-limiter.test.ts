import { afterEach, describe, expect, it, vi } from 'vitest'
import { type OptionError, RejectedError, TimeoutError } from '../../core/errors.ts'
import { type HoldfastEvent, listenerErrors } from '../../core/events.ts'
import { compose, policy } from '../../core/policy.ts'
import { scripted } from '../../testing/scripted-operation.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { timeout } from '../timeout/timeout.ts'
import { type AdaptiveLimiter, adaptiveLimiter } from './adaptive-limiter.ts'
import type { AlgorithmName } from './limit.ts'
import type { AdaptiveLimiterOptions } from './options.ts'

const report = listenerErrors.report
afterEach(() => {
  listenerErrors.report = report
})

const make = (options: AdaptiveLimiterOptions = {}) => {
  const clock = new VirtualClock()
  return { clock, limiter: adaptiveLimiter({ clock, random: () => 0.5, ...options }) }
}
const settled = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ value }),
    (error) => ({ error }),
  )

/** So many calls at once, each `ms` long; rejections do not matter. */
async function batch(limiter: AdaptiveLimiter, clock: VirtualClock, calls: number, ms: number): Promise<void> {
  const operation = scripted({ clock }).resolvesAfter(ms)
  const all = Array.from({ length: calls }, () => settled(limiter.execute(operation)))
  await clock.advance(ms)
  await Promise.all(all)
}

describe('an adaptive limiter', () => {
  it('runs up to its limit, queues, rejects the rest with an ETA, and says so', async () => {
    const { clock, limiter } = make({ initial: 2, queue: 1, name: 'api', window: 50, minSamples: 2 })
    const events: HoldfastEvent[] = []
    limiter.observe((event) => events.push(event))
    await batch(limiter, clock, 2, 100)
    events.splice(0)
    const operation = scripted<string>({ clock }).resolvesAfter(100, 'done')
    const { limit } = limiter
    const calls = Array.from({ length: limit + 2 }, () => settled(limiter.execute(operation, { operation: 'search' })))
    const { error } = (await calls.at(-1)) as { error: RejectedError }
    expect(error).toBeInstanceOf(RejectedError)
    expect(error).toMatchObject({ code: 'ERR_LIMIT_REACHED', family: 5001, policy: 'api', retryAfterMs: 200 / limit })
    expect(error.details).toEqual({ limit, inFlight: limit, queued: 1 })
    expect(events.map(({ type }) => type)).toEqual(['adaptive-limiter.queued', 'adaptive-limiter.rejected'])
    expect(events[1]).toMatchObject({ limit, inFlight: limit, queued: 1, retryAfterMs: 200 / limit, operation: 'search' })
    await clock.advance(200)
    expect((await Promise.all(calls.slice(0, -1))).every((end) => 'value' in end)).toBe(true)
    expect([operation.mostRunning, limiter.status().inFlight]).toEqual([limit, 0])
  })

  it('describes itself', () => {
    const { limiter } = make({ algorithm: 'aimd', initial: 3, queue: 2, maxWait: 50, name: 'api' })
    limiter.acquire()
    expect(limiter.describe()).toMatchObject({
      name: 'api',
      type: 'adaptive-limiter',
      options: { algorithm: 'aimd', queue: 2, maxWaitMs: 50, mode: 'enforce' },
      state: { limit: 3, inFlight: 1, queued: 0 },
    })
    expect(make({ mode: 'shadow' }).limiter.describe().options).toMatchObject({ maxWaitMs: undefined, mode: 'shadow' })
  })

  it('tells how the limit changed, and why', async () => {
    const { clock, limiter } = make({ algorithm: 'aimd', initial: 4, minSamples: 2, window: 100 })
    const events: HoldfastEvent[] = []
    limiter.observe((event) => events.push(event))
    await batch(limiter, clock, 4, 120)
    expect(events).toEqual([
      expect.objectContaining({ type: 'adaptive-limiter.changed', from: 4, to: 5, reason: 'growth', rttMs: 120 }),
    ])
    expect(limiter.status()).toMatchObject({ limit: 5, rttMs: 120, baselineMs: undefined, epoch: 1 })
  })

  // T: 29
  it('counts as losses time-outs and refusals for overload, its own policies’ and others’, and nothing else', async () => {
    const status = (code: number) => Object.assign(new Error(`status ${code}`), { status: code })
    const cases: [unknown, boolean][] = [
      [new TimeoutError(5), true],
      [status(503), true],
      [status(429), true],
      [new TypeError('fetch failed', { cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) }), true],
      [new DOMException('slow', 'TimeoutError'), true],
      [status(500), false],
      [status(404), false],
      [new Error('a bug'), false],
      ['a string', false],
      [undefined, false],
    ]
    for (const [error, lost] of cases) {
      const { clock, limiter } = make({ algorithm: 'aimd', initial: 10, minSamples: 1, window: 1 })
      await clock.advance(1)
      await settled(limiter.execute(() => Promise.reject(error)))
      expect([limiter.limit, limiter.status().inFlight], String(error)).toEqual([lost ? 9 : 10, 0])
    }
  })

  // T: 29
  it('counts a time-out around it as a loss, and a cancel by the caller as nothing', async () => {
    const lossOf = async (end: 'timeout' | 'within' | 'signal' | 'platform') => {
      const { clock, limiter } = make({ algorithm: 'aimd', initial: 10, minSamples: 1, window: 1 })
      const operation = scripted({ clock }).hangsUntilAborted()
      const controller = new AbortController()
      const stack = end === 'timeout' ? compose(timeout({ limit: 50, clock }), limiter) : limiter
      const call = settled(
        stack.execute(operation, {
          ...(end === 'within' ? { within: 50 } : {}),
          ...(end === 'signal' || end === 'platform' ? { signal: controller.signal } : {}),
        }),
      )
      await clock.advance(20)
      if (end === 'signal') controller.abort(new Error('enough'))
      if (end === 'platform') controller.abort(new DOMException('slow', 'TimeoutError'))
      await clock.advance(50)
      await call
      expect(limiter.status().inFlight).toBe(0)
      return limiter.limit < 10
    }
    expect([await lossOf('timeout'), await lossOf('within'), await lossOf('signal'), await lossOf('platform')]).toEqual([
      true,
      true,
      false,
      true,
    ])
  })

  // T: 16
  it('keeps the place of work that timed out until it ends', async () => {
    const { clock, limiter } = make({ initial: 1, max: 1 })
    const operation = scripted({ clock }).hangs()
    const call = settled(compose(timeout({ limit: 10, clock }), limiter).execute(operation))
    await clock.advance(10)
    expect(await call).toHaveProperty('error')
    await expect(limiter.execute(() => 1)).rejects.toThrow('concurrency limit reached')
    operation.release()
    await clock.advance(0)
    expect(await limiter.execute(() => 1)).toBe(1)
  })

  it('counts results as losses where asked, and survives a rule that throws', async () => {
    const reports = vi.fn()
    listenerErrors.report = reports
    const { clock, limiter } = make({
      algorithm: 'aimd',
      initial: 10,
      minSamples: 1,
      window: 1,
      isLossResult: (value) => {
        if (value === 'odd') throw new Error('in the rule')
        return value === 503
      },
      isLoss: () => {
        throw new Error('in the rule')
      },
    })
    await clock.advance(1)
    expect(await limiter.execute(() => 503)).toBe(503)
    expect(limiter.limit).toBe(9)
    expect(await limiter.execute(() => 'odd')).toBe('odd')
    await expect(limiter.execute(() => Promise.reject(new Error('real')))).rejects.toThrow('real')
    expect([limiter.limit, limiter.status().inFlight]).toEqual([9, 0])
    expect(reports.mock.calls.map(([, where]) => where)).toEqual(['adaptiveLimiter.isLossResult', 'adaptiveLimiter.isLoss'])
  })

  it('in shadow admits everything, tells what it would reject, and learns', async () => {
    const { clock, limiter } = make({ algorithm: 'aimd', initial: 2, queue: 1, mode: 'shadow', minSamples: 5, window: 50 })
    const events: HoldfastEvent[] = []
    limiter.observe((event) => events.push(event))
    const operation = scripted({ clock }).resolvesAfter(100, 'done')
    const calls = Array.from({ length: 5 }, () => settled(limiter.execute(operation)))
    expect(operation.running).toBe(5)
    expect(events).toMatchObject([
      { type: 'adaptive-limiter.would-reject', limit: 2, inFlight: 3 },
      { type: 'adaptive-limiter.would-reject', limit: 2, inFlight: 4 },
    ])
    await clock.advance(100)
    expect((await Promise.all(calls)).every((end) => 'value' in end)).toBe(true)
    expect(limiter.limit).toBe(3)
    const permits = [1, 2, 3, 4, 5, 6].map(() => limiter.acquire())
    expect(limiter.status().inFlight).toBe(6)
    for (const permit of permits) permit[Symbol.dispose]()
    expect(limiter.executeSync(() => 'sync')).toBe('sync')
  })

  // T: 29
  it('in shadow makes no probe, which would measure the load that it does not lower', async () => {
    const { clock, limiter } = make({ algorithm: 'vegas', initial: 2, mode: 'shadow', minSamples: 2, window: 50 })
    await batch(limiter, clock, 8, 100)
    expect(limiter.limit).toBe(2)
    await batch(limiter, clock, 8, 100)
    expect(limiter.limit).toBeGreaterThan(2)
  })

  // T: 4
  it('gives manual permits that count once, and are neutral when nothing was said', async () => {
    const { clock, limiter } = make({ algorithm: 'aimd', initial: 10, minSamples: 2, window: 1 })
    await clock.advance(1)
    const permit = limiter.acquire()
    permit.fail()
    permit.fail()
    permit.succeed()
    {
      using _unsaid = limiter.acquire()
    }
    expect([limiter.limit, limiter.status().inFlight]).toEqual([10, 0])
    limiter.acquire().fail()
    expect(limiter.limit).toBe(9)
    for (let call = 0; call < 9; call++) limiter.acquire()
    expect(() => limiter.acquire()).toThrow(RejectedError)
  })

  it('runs synchronous operations, and never queues them', () => {
    const { limiter } = make({ initial: 1, queue: 5 })
    expect(limiter.executeSync(() => limiter.status().inFlight)).toBe(1)
    expect(() => limiter.executeSync(() => limiter.executeSync(() => 1))).toThrow('concurrency limit reached')
    expect(limiter.status()).toMatchObject({ inFlight: 0, queued: 0 })
  })

  // T: 20
  it('copies its options', async () => {
    const options = { algorithm: 'aimd' as const, initial: 2, queue: 1 }
    const { clock, limiter } = make(options)
    options.initial = 50
    options.queue = 50
    expect(limiter.status()).toMatchObject({ limit: 2, queueLimit: 1 })
    await clock.advance(0)
  })
})

describe('the queue of an adaptive limiter', () => {
  const full = (options: AdaptiveLimiterOptions = {}) => {
    const made = make({ initial: 1, max: 1, queue: 2, ...options })
    return { ...made, held: made.limiter.acquire() }
  }

  // T: 12, 17
  it.each(['before', 'while waiting', 'while running', 'while settling'])(
    'lets go of a call that is cancelled %s',
    async (when) => {
      const { clock, limiter, held } = full()
      const controller = new AbortController()
      const operation = scripted({ clock }).hangsUntilAborted()
      if (when === 'before') controller.abort('enough')
      const call = settled(limiter.execute(operation, { signal: controller.signal }))
      if (when === 'while waiting') controller.abort('enough')
      if (when === 'while settling') {
        held.succeed()
        controller.abort('enough')
      }
      if (when === 'while running') {
        held.succeed()
        await clock.advance(0)
        expect(operation.running).toBe(1)
        controller.abort('enough')
      }
      expect(await call).toEqual({ error: 'enough' })
      held.succeed()
      await clock.advance(0)
      expect(operation.calls.length).toBe(when === 'while running' ? 1 : 0)
      expect(limiter.status()).toMatchObject({ inFlight: 0, queued: 0, limit: 1 })
      expect(await limiter.execute(() => 'next')).toBe('next')
    },
  )

  it.each(['throws', 'rejects', 'returns a bad value'])('gets its place back when the operation %s', async (what) => {
    const { limiter, held } = full()
    const bad: unknown = {
      get then() {
        throw new Error('bad')
      },
    }
    const call = settled(
      limiter.execute(() => {
        if (what === 'throws') throw new Error('bad')
        return what === 'rejects' ? Promise.reject(new Error('bad')) : bad
      }),
    )
    held.succeed()
    expect(await call).toEqual({ error: new Error('bad') })
    expect(limiter.status().inFlight).toBe(0)
  })

  it('is left after maxWait, with a rejection', async () => {
    const { clock, limiter, held } = full({ maxWait: 100 })
    const events: string[] = []
    limiter.observe(({ type }) => events.push(type))
    const call = settled(limiter.execute(() => 1))
    await clock.advance(99)
    expect(limiter.status().queued).toBe(1)
    await clock.advance(1)
    expect(await call).toMatchObject({ error: { code: 'ERR_LIMIT_REACHED' } })
    expect(((await call) as { error: Error }).error.message).toContain('no place came free within 100ms')
    expect([limiter.status().queued, events]).toEqual([0, ['adaptive-limiter.queued', 'adaptive-limiter.rejected']])
    const served = limiter.execute(() => 'served')
    held.succeed()
    expect(await served).toBe('served')
    expect(clock.pendingTimers()).toBe(0)
  })

  it('is not entered by a call whose deadline is over', async () => {
    const { clock, limiter } = full()
    const slow = policy('slow', (next) => (execution) => {
      vi.spyOn(clock, 'now').mockReturnValue(clock.now() + 10)
      return next(execution)
    })
    const tooLate = compose(slow, limiter).execute(() => 1, { within: 10 })
    await expect(tooLate).rejects.toMatchObject({ code: 'ERR_LIMIT_REACHED' })
    vi.restoreAllMocks()
    await clock.advance(1)
    expect(limiter.status().queued).toBe(0)
  })

  it('leaves no waiter, listener or timer behind after many calls', async () => {
    const { clock, limiter } = make({ initial: 5, queue: 20, maxWait: 50 })
    const controller = new AbortController()
    const listeners = vi.spyOn(controller.signal, 'addEventListener')
    const gone = vi.spyOn(controller.signal, 'removeEventListener')
    const operation = scripted({ clock }).resolvesAfter(7)
    const calls: Promise<unknown>[] = []
    for (let round = 0; round < 200; round++) {
      for (let call = 0; call < 10; call++) calls.push(settled(limiter.execute(operation, { signal: controller.signal })))
      await clock.advance(5)
    }
    await clock.advance(100)
    await Promise.all(calls)
    expect(limiter.status()).toMatchObject({ inFlight: 0, queued: 0 })
    expect([clock.pendingTimers(), gone.mock.calls.length]).toEqual([0, listeners.mock.calls.length])
  })
})

describe('a snapshot of an adaptive limiter', () => {
  // T: 21
  it('goes on with what was learnt, within the bounds of the new one', async () => {
    const { clock, limiter } = make({ algorithm: 'vegas', initial: 8, minSamples: 4, window: 50 })
    await batch(limiter, clock, 3, 100)
    await batch(limiter, clock, 3, 100)
    const stored = JSON.parse(JSON.stringify(limiter.snapshot())) as unknown
    expect(stored).toEqual({ version: 1, limit: 8, baselineMs: 100 })
    const next = make({ algorithm: 'vegas', max: 6 })
    next.limiter.hydrate(stored)
    expect(next.limiter.status()).toMatchObject({ limit: 6, baselineMs: 100, epoch: 0 })
    for (const baselineMs of ['x', 0, Number.POSITIVE_INFINITY]) {
      next.limiter.hydrate({ version: 1, limit: 0.2, baselineMs })
      expect(next.limiter.status()).toMatchObject({ limit: 1, baselineMs: undefined })
    }
  })

  it('keeps the limit that a probe cuts for a moment', async () => {
    const { clock, limiter } = make({ initial: 8, minSamples: 4, window: 50 })
    await batch(limiter, clock, 8, 100)
    expect([limiter.limit, limiter.snapshot().limit]).toEqual([4, 8])
    const next = make()
    next.limiter.hydrate(limiter.snapshot())
    expect(next.limiter.limit).toBe(8)
  })

  it('hands out places at once when it brings a higher limit', async () => {
    const { limiter } = make({ algorithm: 'aimd', initial: 1, queue: 5 })
    limiter.acquire()
    const waiting = limiter.execute(() => 'served')
    limiter.hydrate({ version: 1, limit: 10 })
    expect(await waiting).toBe('served')
  })

  it('is refused when it is none', () => {
    const { limiter } = make()
    const limits = [undefined, 0, -1, Number.NaN, Number.POSITIVE_INFINITY].map((limit) => ({ version: 1, limit }))
    for (const bad of [undefined, null, 5, {}, { version: 2, limit: 5 }, ...limits])
      expect(() => limiter.hydrate(bad)).toThrow('snapshot')
  })
})

describe('the options of an adaptive limiter', () => {
  const refusal = (options: object): string | undefined => {
    try {
      adaptiveLimiter(options as AdaptiveLimiterOptions)
    } catch (error) {
      return (error as OptionError).option
    }
    return undefined
  }

  // T: 11
  it('are refused when they are unknown, out of bounds, or without effect', () => {
    const wrong: [object, string][] = [
      [{ limit: 5 }, 'limit'],
      [{ algorithm: 'gradient' }, 'algorithm'],
      [{ min: 0 }, 'min'],
      [{ min: 10, max: 5 }, 'max'],
      [{ max: 10, initial: 11 }, 'initial'],
      [{ queue: -1 }, 'queue'],
      [{ maxWait: 5 }, 'maxWait'],
      [{ queue: 1, maxWait: 0 }, 'maxWait'],
      [{ window: 0 }, 'window'],
      [{ minSamples: 0 }, 'minSamples'],
      [{ percentile: 1.1 }, 'percentile'],
      [{ lossAfter: 0 }, 'lossAfter'],
      [{ lossTolerance: 1 }, 'lossTolerance'],
      [{ inFlightFactor: 0.5 }, 'inFlightFactor'],
      [{ backoff: 1 }, 'backoff'],
      [{ smoothing: 0 }, 'smoothing'],
      [{ tolerance: 0.9 }, 'tolerance'],
      [{ queueSize: -1 }, 'queueSize'],
      [{ probeEvery: 10 }, 'probeEvery'],
      [{ isLoss: true }, 'isLoss'],
      [{ isLossResult: true }, 'isLossResult'],
      [{ mode: 'dry' }, 'mode'],
      [{ random: 5 }, 'random'],
      [{ name: '' }, 'name'],
    ]
    for (const [options, option] of wrong) expect(refusal(options), JSON.stringify(options)).toBe(`adaptiveLimiter.${option}`)
  })

  // T: 11
  it('are refused by every algorithm that would ignore them, and taken by the others', () => {
    const readBy: Record<string, [unknown, AlgorithmName[]]> = {
      percentile: [0.9, ['vegas', 'gradient2']],
      backoff: [0.8, ['aimd', 'gradient2']],
      smoothing: [0.5, ['vegas', 'gradient2']],
      tolerance: [2, ['gradient2']],
      queueSize: [2, ['gradient2']],
      probeEvery: ['1m', ['vegas', 'gradient2']],
    }
    for (const [option, [value, algorithms]] of Object.entries(readBy))
      for (const algorithm of ['aimd', 'vegas', 'gradient2'] as const)
        expect(refusal({ algorithm, [option]: value }), `${option} for ${algorithm}`).toBe(
          algorithms.includes(algorithm) ? undefined : `adaptiveLimiter.${option}`,
        )
  })

  // T: 11
  it('that all algorithms read, all obey', async () => {
    for (const algorithm of ['aimd', 'vegas', 'gradient2'] as const) {
      const { clock, limiter } = make({ algorithm, initial: 10, min: 8, max: 12, minSamples: 2, window: 10, lossAfter: 50 })
      for (let round = 0; round < 5; round++) await batch(limiter, clock, 12, 60)
      expect(limiter.limit, `${algorithm}: slow calls are losses, min holds`).toBe(8)
      const tolerant = make({ algorithm, initial: 10, minSamples: 2, window: 10, lossAfter: 50, lossTolerance: 0.9 })
      const mixed = [tolerant.limiter.acquire(), tolerant.limiter.acquire()]
      await tolerant.clock.advance(20)
      mixed[0]!.fail()
      mixed[1]!.succeed()
      expect(tolerant.limiter.limit, `${algorithm}: tolerates`).toBe(10)
      const grown = make({ algorithm, initial: 2, max: 4, minSamples: 2, window: 10, inFlightFactor: 3 })
      for (let round = 0; round < 20; round++) await batch(grown.limiter, grown.clock, 6, 20)
      expect(grown.limiter.limit, `${algorithm}: max holds`).toBe(4)
    }
  })
})
