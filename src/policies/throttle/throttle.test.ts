import { afterEach, describe, expect, it, vi } from 'vitest'
import { OptionError, RejectedError, TimeoutError } from '../../core/errors.ts'
import { type HoldfastEvent, listenerErrors } from '../../core/events.ts'
import { compose } from '../../core/policy.ts'
import { scripted } from '../../testing/scripted-operation.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { bulkhead } from '../bulkhead/bulkhead.ts'
import { timeout } from '../timeout/timeout.ts'
import { type Throttle, type ThrottleOptions, throttle } from './throttle.ts'

const report = listenerErrors.report
afterEach(() => {
  listenerErrors.report = report
})

/** The dice always say the least: any probability refuses. */
const make = (options: ThrottleOptions = {}) => {
  const clock = new VirtualClock({ now: 1000 })
  return { clock, gentle: throttle({ clock, random: () => 0, ...options }) }
}
const settled = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ value }),
    (error) => ({ error }),
  )
const overload = Object.assign(new Error('busy'), { status: 503 })

/** So many requests that the target does not take, by hand. */
function refusedBy(target: Throttle, count: number): void {
  // A factor that is never refused: the throttle sees them all.
  for (let call = 0; call < count; call++) target.acquire(Number.POSITIVE_INFINITY).fail()
}

describe('a throttle', () => {
  it('refuses what the target would refuse, with the numbers and a hint, and says so', async () => {
    const { gentle } = make({ name: 'search' })
    const events: HoldfastEvent[] = []
    gentle.observe((event) => events.push(event))
    refusedBy(gentle, 20)
    const operation = scripted().thenReturns('ok')
    const { error } = (await settled(gentle.execute(operation, { operation: 'find' }))) as { error: RejectedError }
    expect(error).toBeInstanceOf(RejectedError)
    expect(error).toMatchObject({
      code: 'ERR_THROTTLED',
      family: 2001,
      policy: 'search',
      message: 'throttled: the target accepts 0 of 21 requests',
      details: { probability: 0.9, requests: 21, accepts: 0 },
    })
    expect(error.hint).toContain('One in 10 calls still goes through')
    expect(operation.calls.length).toBe(0)
    expect(events).toEqual([
      expect.objectContaining({
        type: 'throttle.rejected',
        probability: 0.9,
        requests: 20,
        accepts: 0,
        operation: 'find',
        policy: 'search',
      }),
    ])
  })

  it('describes itself', () => {
    const { gentle } = make({ name: 'search', factor: 3, mode: 'shadow' })
    refusedBy(gentle, 20)
    expect(gentle.describe()).toEqual({
      name: 'search',
      type: 'throttle',
      options: { factor: 3, mode: 'shadow' },
      state: { probability: 0.9, requests: 20, accepts: 0 },
    })
    expect(make({ factor: () => 2 }).gentle.describe().options.factor).toBe('by call')
  })

  it('lets everything through while the target takes half of it', async () => {
    const { gentle } = make()
    for (let call = 0; call < 50; call++) {
      await gentle.execute(() => 'ok')
      await settled(gentle.execute(() => Promise.reject(overload)))
    }
    expect(gentle.status()).toEqual({ probability: 0, requests: 100, accepts: 50 })
  })

  it('takes time-outs, lost connections and refusals for overload as not accepted, and any other answer as accepted', async () => {
    const status = (code: number) => Object.assign(new Error(`status ${code}`), { response: { status: code } })
    const cases: [unknown, number][] = [
      [overload, 0],
      [status(429), 0],
      [new TimeoutError(5), 0],
      [new TypeError('fetch failed', { cause: Object.assign(new Error(), { code: 'UND_ERR_CONNECT_TIMEOUT' }) }), 0],
      [new AggregateError([Object.assign(new Error(), { code: 'ECONNREFUSED' })]), 0],
      [status(500), 1],
      [status(400), 1],
      [new Error('a bug'), 1],
      [null, 1],
    ]
    for (const [error, accepts] of cases) {
      const { gentle } = make()
      await settled(gentle.execute(() => Promise.reject(error)))
      expect(gentle.status(), String(error)).toMatchObject({ requests: 1, accepts })
    }
  })

  it('takes results as not accepted where asked, and survives a rule that throws', async () => {
    const reports = vi.fn()
    listenerErrors.report = reports
    const broken = (): boolean => {
      throw new Error('in the rule')
    }
    const { gentle } = make({ isRefusedResult: (value) => (value === 'odd' ? broken() : value === 503), isRefused: broken })
    expect([await gentle.execute(() => 503), await gentle.execute(() => 200)]).toEqual([503, 200])
    expect(gentle.status()).toMatchObject({ requests: 2, accepts: 1 })
    expect(await gentle.execute(() => 'odd')).toBe('odd')
    await expect(gentle.execute(() => Promise.reject(new Error('real')))).rejects.toThrow('real')
    expect(gentle.status()).toMatchObject({ requests: 2, accepts: 1 })
    expect(reports.mock.calls.map(([, where]) => where)).toEqual(['throttle.isRefusedResult', 'throttle.isRefused'])
  })

  it('does not count calls that a policy further in rejected: the target never saw them', async () => {
    const { clock, gentle } = make()
    const slots = bulkhead({ limit: 1, clock })
    slots.acquire()
    await settled(compose(gentle, slots).execute(() => 1))
    expect(gentle.status()).toEqual({ probability: 0, requests: 0, accepts: 0 })
  })

  // T: 28
  it('notices a target that hangs once its patience is over, and at once without patience', async () => {
    for (const patience of ['2s', 0]) {
      const { clock, gentle } = make({ patience })
      const operation = scripted({ clock }).hangs()
      const calls = Array.from({ length: 20 }, () => settled(gentle.execute(operation)))
      const first = operation.running
      expect(first).toBe(patience === 0 ? 10 : 20)
      await clock.advance(2000)
      await settled(gentle.execute(operation))
      expect(operation.running).toBe(first)
      operation.release()
      await Promise.all(calls)
    }
  })

  it('in shadow refuses nothing, and tells what it would refuse', async () => {
    const { gentle } = make({ mode: 'shadow' })
    const events: string[] = []
    gentle.observe(({ type }) => events.push(type))
    for (let call = 0; call < 12; call++) await settled(gentle.execute(() => Promise.reject(overload)))
    expect(events).toEqual(['throttle.would-reject', 'throttle.would-reject'])
    expect(gentle.status()).toMatchObject({ requests: 12, accepts: 0 })
    expect(() => gentle.acquire().fail()).not.toThrow()
  })

  it('refuses calls that matter less first, where each has a factor of its own', async () => {
    const { gentle } = make({ factor: ({ attributes }) => attributes.factor as number })
    for (let call = 0; call < 60; call++) gentle.acquire(Number.POSITIVE_INFINITY).succeed()
    refusedBy(gentle, 40)
    const passes = async (factor: number) => 'value' in (await settled(gentle.execute(() => 1, { attributes: { factor } })))
    expect([await passes(1.1), await passes(2), await passes(Number.POSITIVE_INFINITY)]).toEqual([false, true, true])
  })

  it('takes the default factor where the function gives none that makes sense, and reports it', async () => {
    const reports = vi.fn()
    listenerErrors.report = reports
    const { gentle } = make({ factor: () => Number.NaN })
    refusedBy(gentle, 20)
    await expect(gentle.execute(() => 1)).rejects.toMatchObject({ code: 'ERR_THROTTLED' })
    expect(reports).toHaveBeenCalledWith(expect.any(OptionError), 'throttle.factor')
  })

  it('runs synchronous operations alike', () => {
    const { gentle } = make()
    expect(gentle.executeSync(() => 1)).toBe(1)
    expect(() =>
      gentle.executeSync(() => {
        throw overload
      }),
    ).toThrow('busy')
    expect(gentle.status()).toMatchObject({ requests: 2, accepts: 1 })
    refusedBy(gentle, 20)
    expect(() => gentle.executeSync(() => 1)).toThrow(RejectedError)
  })

  // T: 4
  it('gives manual permits that count once, and not at all when nothing was said', () => {
    const { gentle } = make()
    const permit = gentle.acquire()
    permit.succeed()
    permit.fail()
    {
      using _unsaid = gentle.acquire()
    }
    expect(gentle.status()).toMatchObject({ requests: 1, accepts: 1 })
    refusedBy(gentle, 20)
    expect(() => gentle.acquire()).toThrow(RejectedError)
    gentle.reset()
    gentle.acquire().succeed()
    expect(gentle.status()).toMatchObject({ requests: 1, accepts: 1 })
  })

  // T: 3, 12
  it.each(['before', 'while running', 'while settling'])('counts nothing of a call cancelled %s', async (when) => {
    const { clock, gentle } = make()
    const controller = new AbortController()
    const operation = scripted({ clock }).hangsUntilAborted()
    if (when === 'before') controller.abort('enough')
    const call = settled(
      gentle.execute(
        when === 'while settling'
          ? () => {
              controller.abort('enough')
              return 'value'
            }
          : operation,
        { signal: controller.signal },
      ),
    )
    controller.abort('enough')
    expect(await call).toEqual({ error: 'enough' })
    await clock.advance(0)
    expect(gentle.status()).toEqual({ probability: 0, requests: 0, accepts: 0 })
  })

  it('counts a call whose time ran out as not accepted, wherever the timeout stands', async () => {
    for (const outside of [true, false]) {
      const { clock, gentle } = make()
      const limit = timeout({ limit: 50, clock })
      const stack = outside ? compose(limit, gentle) : compose(gentle, limit)
      const call = settled(stack.execute(scripted({ clock }).hangsUntilAborted()))
      await clock.advance(50)
      expect(await call).toHaveProperty('error.code', 'ERR_TIMEOUT')
      expect(gentle.status()).toMatchObject({ requests: 1, accepts: 0 })
    }
  })

  it.each(['throws', 'rejects', 'returns a bad value'])('counts an operation that %s once', async (what) => {
    const { gentle } = make()
    const bad: unknown = Object.defineProperty({}, 'then', {
      get() {
        throw new Error('bad')
      },
    })
    const call = settled(
      gentle.execute(() => {
        if (what === 'throws') throw new Error('bad')
        return what === 'rejects' ? Promise.reject(new Error('bad')) : bad
      }),
    )
    expect(await call).toEqual({ error: new Error('bad') })
    expect(gentle.status()).toMatchObject({ requests: 1, accepts: 1 })
  })

  it('leaves no timer behind, and remembers no call that has ended', async () => {
    const { clock, gentle } = make({ window: 1000 })
    for (let call = 0; call < 2000; call++) {
      await gentle.execute(() => call)
      if (call % 100 === 0) await clock.advance(100)
    }
    expect(clock.pendingTimers({ includeIdle: true })).toBe(0)
    await clock.advance(1100)
    expect(gentle.status()).toEqual({ probability: 0, requests: 0, accepts: 0 })
  })

  // T: 8
  it('does not care when the wall clock steps', async () => {
    const { clock, gentle } = make()
    refusedBy(gentle, 20)
    clock.stepWall(-3_600_000)
    expect(gentle.status().probability).toBe(0.9)
    clock.stepWall(7_200_000)
    expect(gentle.status().probability).toBe(0.9)
  })
})

describe('a snapshot of a throttle', () => {
  // T: 21
  it('goes on where it was, less what has left the window meanwhile', async () => {
    const { clock, gentle } = make({ window: '1m' })
    refusedBy(gentle, 20)
    await clock.advance(30_000)
    refusedBy(gentle, 5)
    const stored = JSON.parse(JSON.stringify(gentle.snapshot())) as unknown
    const next = throttle({
      window: '1m',
      clock: new VirtualClock({ now: 7, wallNow: clock.wallNow() + 40_000 }),
    })
    next.hydrate(stored)
    expect(next.status()).toMatchObject({ requests: 5, accepts: 0 })
    const soon = throttle({ window: '1m', clock: new VirtualClock({ now: 7, wallNow: clock.wallNow() + 1000 }) })
    soon.hydrate(stored)
    expect(soon.status()).toMatchObject({ probability: 0.9, requests: 25, accepts: 0 })
  })

  it('has a slice for each part of the window in which there was a request, oldest first, at its middle', async () => {
    const { clock, gentle } = make({ window: 2400 })
    const start = clock.wallNow()
    refusedBy(gentle, 2)
    await clock.advance(2000)
    gentle.acquire().succeed()
    await clock.advance(130)
    refusedBy(gentle, 1)
    expect(gentle.snapshot()).toEqual({
      version: 1,
      slices: [
        { at: start + 50, requests: 2, accepts: 0 },
        { at: start + 2050, requests: 1, accepts: 1 },
        { at: start + 2130, requests: 1, accepts: 0 },
      ],
    })
    const before = gentle.snapshot()
    gentle.hydrate(before)
    expect(gentle.snapshot()).toEqual(before)
    await clock.advance(3000)
    expect(gentle.snapshot().slices).toEqual([])
  })

  // T: 21, 8
  it('takes a time in the future for now, and nonsense for nothing', async () => {
    const { clock, gentle } = make({ window: '1m' })
    gentle.hydrate({
      version: 1,
      slices: [
        { at: clock.wallNow() + 1e9, requests: 20, accepts: 30 },
        { at: 'x', requests: 5, accepts: 5 },
        { at: clock.wallNow(), requests: -5, accepts: Number.NaN },
        null,
        { at: clock.wallNow() - 1e9, requests: 5, accepts: 5 },
      ],
    })
    expect(gentle.status()).toMatchObject({ requests: 20, accepts: 20 })
    await clock.advance(60_000)
    expect(gentle.status()).toMatchObject({ requests: 0, accepts: 0 })
  })

  // T: 21
  it('drops what is a window older than the rest, and shares its slice', () => {
    const { clock, gentle } = make({ window: '1m' })
    const at = clock.wallNow()
    const slices = [at - 60_000, at].map((one) => ({ at: one, requests: 20, accepts: 5 }))
    for (const order of [slices.toReversed(), slices]) {
      gentle.hydrate({ version: 1, slices: order })
      expect(gentle.status()).toMatchObject({ requests: 20, accepts: 5 })
    }
  })

  it('is refused when it is none', () => {
    const { gentle } = make()
    for (const bad of [undefined, null, 5, {}, { version: 2, slices: [] }, { version: 1 }])
      expect(() => gentle.hydrate(bad)).toThrow('snapshot')
  })
})

describe('the options of a throttle', () => {
  // T: 11
  it('are refused when they are unknown or out of bounds', () => {
    const wrong: [object, string][] = [
      [{ k: 2 }, 'k'],
      [{ factor: 0.9 }, 'factor'],
      [{ factor: '2' }, 'factor'],
      [{ window: 0 }, 'window'],
      [{ minRequests: 0 }, 'minRequests'],
      [{ maxRejection: 1 }, 'maxRejection'],
      [{ maxRejection: -0.1 }, 'maxRejection'],
      [{ patience: -1 }, 'patience'],
      [{ isRefused: [] }, 'isRefused'],
      [{ isRefusedResult: 503 }, 'isRefusedResult'],
      [{ mode: 'off' }, 'mode'],
      [{ random: 1 }, 'random'],
      [{ name: 5 }, 'name'],
    ]
    for (const [options, option] of wrong) {
      let error: unknown
      try {
        throttle(options as ThrottleOptions)
      } catch (thrown) {
        error = thrown
      }
      expect((error as OptionError)?.option, JSON.stringify(options)).toBe(`throttle.${option}`)
    }
  })

  // T: 11
  it('all have an effect', async () => {
    const probability = (options: ThrottleOptions) => {
      const { gentle } = make(options)
      for (let call = 0; call < 4; call++) gentle.acquire(Number.POSITIVE_INFINITY).succeed()
      refusedBy(gentle, 16)
      return gentle.status().probability
    }
    expect(probability({})).toBeCloseTo(12 / 21)
    expect(probability({ factor: 3 })).toBeCloseTo(8 / 21)
    expect(probability({ minRequests: 21 })).toBe(0)
    expect(probability({ maxRejection: 0.3 })).toBe(0.3)
    const { clock, gentle } = make({ window: 100, patience: 0 })
    refusedBy(gentle, 20)
    await clock.advance(101)
    expect(gentle.status().requests).toBe(0)
  })
})
