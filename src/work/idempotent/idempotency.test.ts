import { describe, expect, it } from 'vitest'
import { HoldfastError, RejectedError } from '../../core/errors.ts'
import type { HoldfastEvent } from '../../core/events.ts'
import { compose } from '../../core/policy.ts'
import type { SharedState } from '../../core/shared-state.ts'
import { retry } from '../../policies/retry/retry.ts'
import { timeout } from '../../policies/timeout/timeout.ts'
import { memorySharedState } from '../../stores/memory/memory-shared-state.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { type Idempotency, idempotency } from './idempotency.ts'
import type { IdempotencyOptions } from './options.ts'

interface World {
  readonly clock: VirtualClock
  readonly state: SharedState
  /** One more process that shares the state. */
  process(options?: Partial<IdempotencyOptions>): Idempotency
  /** Makes the store fail, or hang. */
  trouble: 'none' | 'fails' | 'hangs'
}

async function world(common: Partial<IdempotencyOptions> = {}): Promise<World> {
  const clock = new VirtualClock()
  const real = memorySharedState({ clock })
  await real.open()
  const it: World = {
    clock,
    trouble: 'none',
    state: new Proxy(real, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => {
          if (it.trouble === 'hangs') return new Promise(() => {})
          if (it.trouble === 'fails') return Promise.reject(new HoldfastError('gone', { code: 'ERR_STORE_UNAVAILABLE' }))
          return Reflect.apply(value, target, args) as unknown
        }
      },
    }),
    process: (options = {}) => idempotency({ state: it.state, clock, ...common, ...options }),
  }
  return it
}

/** An operation that ends when told, and counts its calls. */
function work() {
  const ends: PromiseWithResolvers<unknown>[] = []
  const signals: AbortSignal[] = []
  const fn = ({ signal }: { readonly signal: AbortSignal }): Promise<unknown> => {
    signals.push(signal)
    const end = Promise.withResolvers<unknown>()
    ends.push(end)
    return end.promise
  }
  return { fn, ends, signals, calls: () => ends.length }
}

/** Timers but the one of the wheel. */
const left = (clock: VirtualClock): number =>
  clock.pendingTimers({ includeIdle: true }) - (clock.pendingTimers({ includeIdle: true }) > clock.pendingTimers() ? 1 : 0)

const codeOf = (error: unknown): string => (error instanceof HoldfastError ? error.code : String(error))
const settle = (promise: Promise<unknown>): Promise<unknown> => promise.catch(codeOf)

describe('a duplicate', () => {
  // R: X9
  it('gets the result of the first, from any process, as JSON has it, until the window ends', async () => {
    const { clock, process } = await world()
    const [here, there] = [process(), process()]
    let calls = 0
    const fn = () => ({ reply: ++calls })
    const first = await here.run('tweet 17 / ada', fn)
    expect([first, await here.run('tweet 17 / ada', fn), await there.run('tweet 17 / ada', fn)]).toEqual(
      Array(3).fill({ reply: 1 }),
    )
    expect(await there.run('tweet 17 / ada', fn)).not.toBe(first)
    await clock.advance(86_400_001)
    expect([await there.run('tweet 17 / ada', fn), await here.run('tweet 17 / ada', fn)]).toEqual([{ reply: 2 }, { reply: 2 }])
  })

  it('of another payload is an error of its own, whether the first runs or is done, here or elsewhere', async () => {
    const { process } = await world()
    const [here, there] = [process(), process()]
    const { fn, ends } = work()
    const first = here.run('k', fn, { payload: { text: 'a' } })
    const others = [here, there].map((one) => settle(one.run('k', fn, { payload: { text: 'b' } })))
    expect(await Promise.all(others)).toEqual(['ERR_IDEMPOTENCY_MISMATCH', 'ERR_IDEMPOTENCY_MISMATCH'])
    ends[0]!.resolve('done')
    expect(await first).toBe('done')
    const late = [here, there].map((one) => settle(one.run('k', fn, { payload: { text: 'b' } })))
    expect(await Promise.all(late)).toEqual(['ERR_IDEMPOTENCY_MISMATCH', 'ERR_IDEMPOTENCY_MISMATCH'])
    expect(await there.run('k', fn, { payload: { text: 'a' } })).toBe('done')
    await expect(here.run('k', fn, { payload: { text: 'b' } })).rejects.toMatchObject({ retryable: false, key: 'k' })
  })

  it('is answered without the store while this process remembers', async () => {
    const it = await world()
    const once = it.process()
    await once.run('k', () => 1)
    it.trouble = 'fails'
    expect(await once.run('k', () => 2)).toBe(1)
    expect(await settle(it.process().run('k', () => 2))).toBe('ERR_STORE_UNAVAILABLE')
  })

  it('is forgotten in memory when there are too many, and found in the store then', async () => {
    const it = await world({ cache: { maxKeys: 2 } })
    const once = it.process()
    for (const key of ['a', 'b', 'c']) await once.run(key, () => key)
    expect(once.describe().state.remembered).toBe(2)
    expect(await once.run('a', () => 'again')).toBe('a')
    it.trouble = 'fails'
    expect(await settle(once.run('b', () => 'again'))).toBe('ERR_STORE_UNAVAILABLE')
    const bare = it.process({ cache: false })
    it.trouble = 'none'
    await bare.run('d', () => 'd')
    expect(bare.describe().state.remembered).toBe(0)
    expect(await bare.run('d', () => 'again')).toBe('d')
  })

  it('of another name is none', async () => {
    const { process } = await world()
    expect(await process({ name: 'a' }).run('k', () => 1)).toBe(1)
    expect(await process({ name: 'b' }).run('k', () => 2)).toBe(2)
  })

  it('may have a key of any length and text', async () => {
    const { process } = await world()
    const [here, there] = [process(), process()]
    for (const key of ['x'.repeat(5000), `${'x'.repeat(5000)}y`, 'a\0b', '\ud800', ' ', '#', '=']) {
      expect(await here.run(key, () => key)).toBe(key)
      expect(typeof (await there.run(key, () => 1))).toBe('string')
    }
    expect(await settle(here.run('', () => 1))).toBe('ERR_OPTION')
  })
})

describe('the cool-down', () => {
  // R: X9
  it('blocks a duplicate for longer than its result is kept', async () => {
    const { clock, process } = await world({ window: '1h', coolDown: '24h' })
    const [here, there] = [process(), process()]
    await here.run('k', () => 'posted')
    await clock.advance(3_600_000)
    expect([await here.run('k', () => 2), await there.run('k', () => 2)]).toEqual(['posted', 'posted'])
    await clock.advance(1)
    for (const one of [here, there, process()])
      await expect(one.run('k', () => 2)).rejects.toMatchObject({
        code: 'ERR_IDEMPOTENCY_DONE',
        retryAfterMs: 23 * 3_600_000 - 1,
        details: { reason: 'cool-down' },
      })
    await clock.advance(23 * 3_600_000 - 1)
    expect(await there.run('k', () => 2)).toBe(2)
  })

  it('alone keeps no results at all', async () => {
    const { process } = await world({ window: 0, coolDown: '24h' })
    expect(await process().run('k', () => 'posted')).toBe('posted')
    expect(await settle(process().run('k', () => 2))).toBe('ERR_IDEMPOTENCY_DONE')
  })
})

describe('a result that is not JSON', () => {
  it('reaches the caller as it is; duplicates hear that it is done, and why there is no result', async () => {
    const { process } = await world()
    const [here, there] = [process(), process()]
    const when = new Date(0)
    expect(await here.run('k', () => ({ when }))).toEqual({ when })
    for (const one of [here, there])
      await expect(one.run('k', () => 1)).rejects.toMatchObject({
        code: 'ERR_IDEMPOTENCY_DONE',
        message: expect.stringContaining("'result.when' must be plain JSON, not a Date"),
      })
    expect(await here.run('nothing', () => undefined)).toBe(undefined)
    expect(await there.run('nothing', () => 1)).toBe(undefined)
  })
})

describe('while the first runs', () => {
  it('its duplicates wait for its result, here and elsewhere, and it runs once', async () => {
    const { clock, process } = await world()
    const [here, there] = [process(), process()]
    const { fn, ends, calls } = work()
    const all = [here.run('k', fn), here.run('k', fn), there.run('k', fn), there.run('k', fn)]
    await clock.advance(60_000)
    expect(calls()).toBe(1)
    ends[0]!.resolve('done')
    await clock.advance(1000)
    expect(await Promise.all(all)).toEqual(Array(4).fill('done'))
  })

  it('its duplicates are refused where that is asked for', async () => {
    const { clock, process } = await world({ whenRunning: 'reject', lease: '30s' })
    const [here, there] = [process(), process()]
    const { fn, ends } = work()
    const first = here.run('k', fn)
    await clock.advance(15_000)
    for (const one of [here, there])
      await expect(one.run('k', fn)).rejects.toMatchObject({
        code: 'ERR_IDEMPOTENCY_RUNNING',
        retryAfterMs: 25_000,
        retryable: true,
      })
    ends[0]!.resolve(1)
    expect(await first).toBe(1)
  })

  it('a duplicate that cancels, or runs out of time, is released at once; the work goes on for the others', async () => {
    const { clock, process } = await world()
    const [here, there] = [process(), process()]
    const { fn, ends, signals } = work()
    const controller = new AbortController()
    const first = settle(here.run('k', fn, { signal: controller.signal }))
    const second = here.run('k', fn)
    const elsewhere = settle(there.run('k', fn, { within: '1s' }))
    await clock.advance(1)
    controller.abort(new Error('gone'))
    expect(await first).toBe('Error: gone')
    await clock.advance(2000)
    expect(await elsewhere).toBe('ERR_TIMEOUT')
    expect(signals[0]!.aborted).toBe(false)
    ends[0]!.resolve('done')
    expect(await second).toBe('done')
    expect(left(clock)).toBe(0)
  })

  it('a newcomer after all have left waits for its end, and no two run at once', async () => {
    const { clock, process } = await world({ onUnknown: 'rerun' })
    const once = process()
    const { fn, ends, signals, calls } = work()
    const controller = new AbortController()
    const first = settle(once.run('k', fn, { signal: controller.signal }))
    await clock.advance(1)
    controller.abort(new Error('gone'))
    await first
    expect(signals[0]!.aborted).toBe(true)
    const second = once.run('k', fn)
    await clock.advance(1000)
    expect(calls()).toBe(1)
    ends[0]!.reject(new Error('stopped'))
    await clock.advance(1)
    expect(calls()).toBe(2)
    ends[1]!.resolve('second')
    expect(await second).toBe('second')
  })
})

describe('a failure', () => {
  it('is passed on as it is, and frees the key at once', async () => {
    const { process } = await world()
    const error = new Error('500')
    await expect(process().run('k', () => Promise.reject(error))).rejects.toBe(error)
    expect(await process().run('k', () => 'done')).toBe('done')
  })

  it('of the first makes one of those who waited elsewhere the next to run', async () => {
    const { clock, process } = await world()
    const { fn, ends, calls } = work()
    const first = settle(process().run('k', fn))
    const [second, third] = [process().run('k', fn), process().run('k', fn)]
    await clock.advance(100)
    ends[0]!.reject(new Error('no'))
    expect(await first).toBe('Error: no')
    await clock.advance(1000)
    expect(calls()).toBe(2)
    ends[1]!.resolve('yes')
    await clock.advance(1000)
    expect(await Promise.all([second, third])).toEqual(['yes', 'yes'])
  })

  it('that is final is kept where that is asked for', async () => {
    const keepError = (error: unknown) => (error as { status?: number }).status === 403
    const { clock, process } = await world({ keepError, window: '1h', coolDown: '2h' })
    const [here, there] = [process(), process()]
    const forbidden = Object.assign(new Error('forbidden'), { status: 403 })
    await expect(here.run('k', () => Promise.reject(forbidden))).rejects.toBe(forbidden)
    for (const one of [here, there])
      await expect(one.run('k', () => 1)).rejects.toMatchObject({
        code: 'ERR_IDEMPOTENCY_FAILED',
        retryable: false,
        details: { error: { message: 'forbidden', status: 403 } },
      })
    await clock.advance(7_199_999)
    expect(await settle(there.run('k', () => 1))).toBe('ERR_IDEMPOTENCY_FAILED')
    await clock.advance(1)
    expect(await there.run('k', () => 1)).toBe(1)
  })

  it('by timeout may have happened: nobody does it again before a person has looked', async () => {
    const { clock, process } = await world()
    const [here, there] = [process(), process()]
    const guarded = compose(here, timeout({ limit: '5s', clock }))
    const first = settle(guarded.execute(() => new Promise(() => {}), { key: 'k' }))
    await clock.advance(5000)
    expect(await first).toBe('ERR_TIMEOUT')
    await clock.advance(1)
    for (const one of [here, there])
      await expect(one.run('k', () => 1)).rejects.toMatchObject({ code: 'ERR_IDEMPOTENCY_UNKNOWN', retryable: false })
    expect(await there.resolve('k', { done: 'it was posted' })).toBe(true)
    expect([await here.run('k', () => 1), await there.run('k', () => 1)]).toEqual(['it was posted', 'it was posted'])
    expect(await there.resolve('k', 'notDone')).toBe(false)
  })

  it('of a refusal further in is none: nothing was done', async () => {
    const { process } = await world()
    const refused = new RejectedError('full', { code: 'ERR_BULKHEAD_FULL' })
    await expect(process().run('k', () => Promise.reject(refused))).rejects.toBe(refused)
    expect(await process().run('k', () => 'done')).toBe('done')
  })
})

describe('a process that dies in the middle', () => {
  const begin = async (one: World, payload?: unknown) => {
    // A process whose timers stand still is as good as dead.
    const dead = idempotency({ state: one.state, clock: new VirtualClock(), lease: '30s', owner: 'the dead' })
    void settle(dead.run('k', () => new Promise(() => {}), { payload }))
    await one.clock.advance(0)
  }

  // W: 6
  it('holds the key for its lease, and leaves it unknown: by default a person decides', async () => {
    const one = await world()
    await begin(one)
    const once = one.process()
    const events: HoldfastEvent[] = []
    once.observe((event) => events.push(event))
    const waiting = settle(once.run('k', () => 'again'))
    await one.clock.advance(29_000)
    expect(events.map(({ type }) => type)).toEqual(['idempotency.joined'])
    await one.clock.advance(1001)
    expect(await waiting).toBe('ERR_IDEMPOTENCY_UNKNOWN')
    expect(events.at(-2)).toMatchObject({
      type: 'idempotency.unknown',
      since: expect.stringMatching(/^the dead#/),
      answer: 'park',
    })
    expect(await one.process().resolve('k', 'notDone')).toBe(true)
    expect(await once.run('k', () => 'again')).toBe('again')
  })

  it('is run again with onUnknown: rerun, by one of those who wait', async () => {
    const one = await world({ onUnknown: 'rerun' })
    await begin(one)
    const { fn, ends, calls } = work()
    const all = [one.process(), one.process(), one.process()].map((process) => process.run('k', fn))
    await one.clock.advance(31_000)
    expect(calls()).toBe(1)
    ends[0]!.resolve('again')
    await one.clock.advance(1000)
    expect(await Promise.all(all)).toEqual(['again', 'again', 'again'])
  })

  it('is asked about with onUnknown: verify, by one of those who wait', async () => {
    for (const [verdict, result, runs] of [
      ['done', undefined, 0],
      [{ done: 'id 5' }, 'id 5', 0],
      ['notDone', 'again', 1],
      ['unknown', 'ERR_IDEMPOTENCY_UNKNOWN', 0],
      ['nonsense', 'ERR_IDEMPOTENCY_UNKNOWN', 0],
      [new Error('verify fails'), 'ERR_IDEMPOTENCY_UNKNOWN', 0],
    ] as const) {
      const asked: unknown[] = []
      const verify = (key: string, { payload }: { readonly payload: unknown }) => {
        asked.push([key, payload])
        if (verdict instanceof Error) throw verdict
        return verdict as 'done'
      }
      const one = await world({ onUnknown: 'verify', verify })
      await begin(one, { text: 'hello' })
      let calls = 0
      const all = [one.process(), one.process()].map((process) =>
        settle(process.run('k', () => `again${calls++ > 0 ? ' and again' : ''}`, { payload: { text: 'hello' } })),
      )
      await one.clock.advance(40_000)
      expect(await Promise.all(all)).toEqual([result, result])
      expect(calls).toBe(runs)
      expect(asked.length).toBe(String(result).includes('UNKNOWN') ? 2 : 1)
      expect(asked[0]).toEqual(['k', { text: 'hello' }])
    }
  })
})

describe('the lease', () => {
  it('is renewed while the work runs, however long that takes', async () => {
    const { clock, process } = await world({ lease: '3s' })
    const { fn, ends } = work()
    const first = process().run('k', fn)
    const second = settle(process({ whenRunning: 'reject' }).run('k', fn))
    await clock.advance(60_000)
    expect(await settle(process({ whenRunning: 'reject' }).run('k', fn))).toBe('ERR_IDEMPOTENCY_RUNNING')
    ends[0]!.resolve('late')
    expect([await first, await second]).toEqual(['late', 'ERR_IDEMPOTENCY_RUNNING'])
    expect(left(clock)).toBe(0)
  })

  // W: 6
  it('that is lost stops the work and drops its result', async () => {
    const one = await world({ lease: '3s' })
    const once = one.process()
    const { fn, ends, signals } = work()
    const first = settle(once.run('k', fn))
    await one.clock.advance(1)
    one.trouble = 'fails'
    await one.clock.advance(2900)
    expect(signals[0]!.aborted).toBe(false)
    await one.clock.advance(200)
    expect(await first).toBe('ERR_LEASE_LOST')
    expect(signals[0]!.reason).toMatchObject({ code: 'ERR_LEASE_LOST' })
    one.trouble = 'none'
    expect(await settle(one.process().run('k', fn))).toBe('ERR_IDEMPOTENCY_UNKNOWN')
    ends[0]!.resolve('too late')
    await one.clock.advance(10)
    expect(await settle(one.process().run('k', fn))).toBe('ERR_IDEMPOTENCY_UNKNOWN')
    expect(left(one.clock)).toBe(0)
  })

  it('that somebody else has by now drops the result even when nobody noticed before', async () => {
    const one = await world({ lease: '3s' })
    const own = new VirtualClock()
    const slow = one.process({ clock: own })
    const { fn, ends } = work()
    const first = settle(slow.run('k', fn))
    await one.clock.advance(3001)
    expect(await one.process({ onUnknown: 'rerun' }).run('k', () => 'second')).toBe('second')
    ends[0]!.resolve('first')
    expect(await first).toBe('ERR_LEASE_LOST')
    expect(await slow.run('k', fn)).toBe('second')
  })

  it('outlives a pause of the whole process when nobody took over meanwhile', async () => {
    const one = await world({ lease: '3s' })
    const own = new VirtualClock()
    const paused = one.process({ clock: own })
    const { fn, ends } = work()
    const first = paused.run('k', fn)
    await one.clock.advance(10_000)
    await own.advance(10_000)
    ends[0]!.resolve('after all')
    expect(await first).toBe('after all')
  })
})

describe('a store that is lost', () => {
  it('refuses the call by default: nothing is done that might be a duplicate', async () => {
    for (const trouble of ['fails', 'hangs'] as const) {
      const one = await world()
      const once = one.process()
      one.trouble = trouble
      let calls = 0
      const end = expect(once.run('k', () => ++calls)).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE', retryable: true })
      await one.clock.advance(2000)
      await end
      expect([calls, once.degraded]).toEqual([0, true])
      one.trouble = 'none'
      expect([await once.run('k', () => ++calls), once.degraded]).toEqual([1, false])
    }
  })

  it('makes it once in this process where that is asked for, until it is back', async () => {
    const one = await world({ whenUnavailable: 'local' })
    const once = one.process()
    const events: string[] = []
    once.observe(({ type }) => events.push(type))
    one.trouble = 'hangs'
    let calls = 0
    const all = [once.run('k', () => ++calls), once.run('k', () => ++calls)]
    await one.clock.advance(2000)
    expect(await Promise.all(all)).toEqual([1, 1])
    // It is left alone for a while, and so costs no time.
    expect(await once.run('other', () => ++calls)).toBe(2)
    expect([await once.run('k', () => ++calls), once.degraded]).toEqual([1, true])
    one.trouble = 'none'
    await one.clock.advance(1000)
    expect([await once.run('third', () => ++calls), once.degraded]).toEqual([3, false])
    expect(events.filter((type) => type === 'idempotency.local').length).toBe(1)
  })

  it('after the work was done takes nothing from its caller, and hears of it when it is back', async () => {
    const one = await world({ lease: '30s' })
    const once = one.process()
    const { fn, ends } = work()
    const first = once.run('k', fn)
    await one.clock.advance(1)
    one.trouble = 'fails'
    ends[0]!.resolve('done')
    expect(await first).toBe('done')
    expect([await once.run('k', fn), once.degraded]).toEqual(['done', true])
    await one.clock.advance(10_000)
    one.trouble = 'none'
    await one.clock.advance(6000)
    expect(once.degraded).toBe(false)
    expect(await one.process().run('k', fn)).toBe('done')
    expect(left(one.clock)).toBe(0)
  })

  it('is told on closing, once more, of what it does not know', async () => {
    const one = await world()
    const once = one.process()
    const { fn, ends } = work()
    const first = once.run('k', fn)
    await one.clock.advance(1)
    one.trouble = 'fails'
    ends[0]!.resolve('done')
    await first
    one.trouble = 'none'
    await once.close()
    expect(await one.process().run('k', fn)).toBe('done')
    expect(await settle(once.run('k2', fn))).toBe('ERR_SHUT_DOWN')
    expect(left(one.clock)).toBe(0)
  })

  it('that begins a key after we gave up on it is told that nothing was done', async () => {
    const one = await world({ storeTimeout: '1s' })
    const real = one.state.begin
    let late: () => void = () => {}
    one.state.begin = async (request) => {
      await new Promise<void>((resolve) => {
        late = resolve
      })
      return real(request)
    }
    const first = settle(idempotency({ state: one.state, clock: one.clock, storeTimeout: '1s' }).run('k', () => 1))
    await one.clock.advance(1000)
    expect(await first).toBe('ERR_STORE_UNAVAILABLE')
    late()
    await one.clock.advance(1)
    one.state.begin = real
    expect(await one.process().run('k', () => 2)).toBe(2)
  })
})

describe('as a policy', () => {
  it('takes the key of the call, stands outside of retries, and lets calls without a key pass', async () => {
    const { clock, process } = await world()
    const once = process()
    const stack = compose(once, retry({ maxAttempts: 3, backoff: () => 10, clock }))
    let calls = 0
    const flaky = () => {
      if (++calls < 3) throw new Error('not yet')
      return calls
    }
    const first = stack.execute(flaky, { key: 'k' })
    await clock.advance(100)
    expect([await first, await stack.execute(flaky, { key: 'k' })]).toEqual([3, 3])
    expect([await stack.execute(flaky), await stack.execute(flaky)]).toEqual([4, 5])
    expect(() => once.executeSync(flaky, { key: 'k' })).toThrow('cannot ask a store')
  })

  it('takes key and payload from wherever it is told', async () => {
    const { process } = await world({
      keyOf: ({ attributes }) => attributes.message as string,
      payloadOf: ({ attributes }) => attributes.text,
    })
    const once = process()
    expect(await once.execute(() => 1, { attributes: { message: 'm1', text: 'a' } })).toBe(1)
    expect(await settle(once.execute(() => 2, { attributes: { message: 'm1', text: 'b' } }))).toBe('ERR_IDEMPOTENCY_MISMATCH')
  })

  it('runs a nested one of its kind, whose lost store is not taken for its own', async () => {
    const one = await world({ whenUnavailable: 'local' })
    const outer = one.process({ name: 'outer' })
    const inner = one.process({ name: 'inner', whenUnavailable: 'reject' })
    let calls = 0
    const end = settle(
      outer.run('k', () => {
        calls++
        one.trouble = 'fails'
        return inner.run('k', () => 1)
      }),
    )
    await one.clock.advance(10_000)
    expect([await end, calls]).toEqual(['ERR_STORE_UNAVAILABLE', 1])
  })
})

describe('options', () => {
  it.each([
    [{ name: 'a/b' }, "'idempotency.name' must have at most 64 characters and no '/'"],
    [{ coolDown: '1h' }, "'idempotency.coolDown' must not be shorter than 'window'"],
    [{ onUnknown: 'verify' }, "'idempotency.verify' must be given with onUnknown: 'verify', and only then"],
    [{ verify: () => 'done' }, "'idempotency.verify' must be given"],
    [{ lease: 10 }, "'idempotency.lease' must be finite and at least 100ms"],
    [{ state: {} }, "'idempotency.state' must be a shared state"],
    [{ cache: { maxKeys: 0 } }, "'idempotency.cache.maxKeys' must be a whole number of at least 1"],
    [{ windows: 1 }, "'idempotency.windows' is not an option"],
    [{ whenRunning: 'queue' }, "'idempotency.whenRunning' must be one of 'wait', 'reject'"],
    [{ keepError: true }, "'idempotency.keepError' must be a function"],
  ])('%o: %s', async (options, message) => {
    const { process } = await world()
    expect(() => process(options as never)).toThrow(message)
  })
})
