import { describe, expect, it } from 'vitest'
import { type HoldfastError, isRejected } from '../../../core/errors.ts'
import type { HoldfastEvent } from '../../../core/events.ts'
import { type SharedRateLimiter, sharedRateLimiter } from './shared-rate-limiter.ts'
import { codeOf, WAYS, world } from './testing/world.ts'

/** How many of so many calls went, all made at once. */
async function went(limiter: SharedRateLimiter, calls: number, key?: string): Promise<number> {
  const ends = await Promise.all(Array.from({ length: calls }, () => limiter.execute(() => 1, { key }).catch(codeOf)))
  expect(ends.filter((end) => end !== 1 && end !== 'ERR_RATE_LIMITED')).toEqual([])
  return ends.filter((end) => end === 1).length
}

describe.each(WAYS)('a shared limit, %s', (shared) => {
  // R: I3
  it('is one limit for all processes, and one for each key', async () => {
    const { clock, process } = await world({ shared })
    const [here, there] = [process(), process()]
    const first = await went(here, 7)
    const second = await went(there, 7)
    expect(first).toBe(7)
    expect(second).toBeGreaterThanOrEqual(shared === 'strict' ? 3 : 2)
    expect(first + second).toBeLessThanOrEqual(10)
    expect([await went(here, 12, 'ada'), await went(there, 12, 'bob')]).toEqual([10, 10])
    await clock.advance(1000)
    expect((await went(here, 20)) + (await went(there, 20))).toBe(10)
  })

  it('refuses with the time after which the call may come, and keeps refusing until then without asking', async () => {
    const one = await world({ shared })
    const limiter = one.process()
    await went(limiter, 11)
    const asked = one.takes
    await expect(limiter.execute(() => 1)).rejects.toMatchObject({
      code: 'ERR_RATE_LIMITED',
      policy: 'api',
      retryAfterMs: 100,
      hint: expect.stringContaining('in all processes together'),
    })
    expect(isRejected(await limiter.execute(() => 1).catch((error: unknown) => error))).toBe(true)
    expect([one.takes, limiter.decide()]).toEqual([asked, { allowed: false, retryAfterMs: 100, remaining: 0 }])
    await one.clock.advance(100)
    expect([limiter.decide().allowed, await limiter.execute(() => 1)]).toEqual([true, 1])
  })

  it('lets a call wait for its turn, in all processes, and not beyond what it can wait for', async () => {
    const { clock, process } = await world({ shared, maxWait: '350ms' })
    const [here, there] = [process(), process()]
    expect((await went(here, 5)) + (await went(there, 5))).toBe(10)
    const times: number[] = []
    const call = (limiter: SharedRateLimiter, within?: number) =>
      limiter.execute(() => times.push(clock.now()), { within }).catch((error: HoldfastError) => error.code)
    const all = [call(here), call(there), call(here, 250), call(there), call(here)]
    await clock.advance(1000)
    expect((await Promise.all(all)).filter((end) => end === 'ERR_RATE_LIMITED').length).toBe(2)
    expect(times).toEqual([100, 200, 300])
    await clock.advance(1000)
    expect(clock.pendingTimers()).toBe(0)
  })

  it('gives the place of a call that is cancelled while it waits to the next', async () => {
    const { clock, process } = await world({ shared, burst: 1, maxWait: '1h' })
    const limiter = process()
    await limiter.execute(() => 1)
    const controller = new AbortController()
    const cancelled = limiter.execute(() => 2, { signal: controller.signal }).catch((error: unknown) => error)
    await clock.advance(50)
    controller.abort('enough')
    expect(await cancelled).toBe('enough')
    await clock.advance(50)
    expect(await limiter.execute(() => 3)).toBe(3)
    expect(clock.pendingTimers()).toBe(0)
  })

  it('is a manual API in the words of the local one', async () => {
    const { clock, process } = await world({ shared, limit: 20, per: '1h', burst: 2 })
    const [here, there] = [process(), process()]
    expect(here.shouldThrottle('reply_post')).toEqual({ allow: true, sleep: 0, reason: '2 of 2 left' })
    expect(await here.consume('reply_post')).toEqual({ allowed: true, retryAfterMs: 0, remaining: 1 })
    expect(await there.consume('reply_post', 2)).toEqual({ allowed: false, retryAfterMs: 180_000, remaining: 1 })
    expect(await there.consume('reply_post')).toEqual({ allowed: true, retryAfterMs: 0, remaining: 0 })
    expect(await here.consume('reply_post')).toEqual({ allowed: false, retryAfterMs: 180_000, remaining: 0 })
    expect(here.shouldThrottle('reply_post')).toEqual({ allow: false, sleep: 180_000, reason: 'none left for 3m' })
    const place = await there.reserve('reply_post')
    expect([place.waitMs, place.readyAt - clock.wallNow()]).toEqual([180_000, 180_000])
    const next = await here.reserve('reply_post')
    expect(next.waitMs).toBe(360_000)
    expect([next.cancel(), next.cancel()]).toEqual([true, false])
    await clock.advance(1)
    const turn = here.wait('reply_post').then(() => clock.now())
    await expect(there.wait('reply_post', 1, { maxWait: '5m' })).rejects.toMatchObject({ code: 'ERR_RATE_LIMITED' })
    await clock.advance(400_000)
    expect(await turn).toBe(360_000)
    expect([here.capacity, here.keys]).toEqual([2, 1])
  })

  // R: X7
  it('blocks all processes when one hears 429, a Retry-After, or that nothing is left', async () => {
    const { clock, process } = await world({ shared, learn: true })
    const [here, there] = [process(), process()]
    const limited = Object.assign(new Error('429'), { response: { status: 429, headers: { 'retry-after': '30' } } })
    await expect(here.execute(() => Promise.reject(limited))).rejects.toBe(limited)
    await clock.advance(1)
    for (const one of [here, there])
      await expect(one.execute(() => 1)).rejects.toMatchObject({ retryAfterMs: expect.closeTo(29_999, -1) as number })
    await clock.advance(30_000)
    await there.execute(() => ({ status: 200, headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '5' } }))
    await clock.advance(1)
    await expect(here.consume()).resolves.toMatchObject({ allowed: false, retryAfterMs: expect.closeTo(4999, -1) as number })
    await clock.advance(5000)
    expect((await here.consume()).allowed).toBe(true)
    there.learnFrom({ status: 429 })
    await clock.advance(0)
    expect((await there.consume()).allowed).toBe(false)
    there.block('1d', 'k')
    expect(there.decide('k')).toEqual({ allowed: false, retryAfterMs: 3_600_000, remaining: 0 })
  })

  it('costs what a call costs', async () => {
    const { process } = await world({ shared, cost: ({ attributes }) => attributes.cost as number })
    const limiter = process()
    const call = (cost: number) => limiter.execute(() => cost, { attributes: { cost } }).catch(codeOf)
    expect(await Promise.all([call(6), call(0), call(5), call(4)])).toEqual([6, 0, 'ERR_RATE_LIMITED', 4])
    expect(await call(11)).toBe('ERR_OPTION')
  })

  it('tells what it is', async () => {
    const { process } = await world({ shared })
    expect(process().describe()).toEqual({
      name: 'api',
      type: 'rate-limiter',
      options: { limit: 10, perMs: 1000, burst: 10, maxWaitMs: 0, shared, mode: 'enforce' },
      state: { remaining: 10, keys: 0, degraded: false },
    })
  })

  it('remembers no more keys than it may', async () => {
    const { clock, process } = await world({ shared, maxKeys: 10 })
    const limiter = process()
    for (let key = 0; key < 50; key++) await limiter.consume(`k${key}`)
    expect(limiter.keys).toBeLessThanOrEqual(10)
    await clock.advance(2000)
    expect(clock.pendingTimers()).toBe(0)
  })
})

describe('strict', () => {
  it('asks for what comes together at once, and for nothing else', async () => {
    const one = await world({ limit: 100, shared: 'strict' })
    const limiter = one.process()
    expect(await went(limiter, 60)).toBe(60)
    expect(one.takes).toBe(1)
    expect(await went(one.process(), 60)).toBe(40)
    expect(one.takes).toBe(3)
    await one.clock.advance(2000)
    expect(one.backs).toBe(0)
  })

  it('gives back at once what a caller who left had asked for', async () => {
    const one = await world({ shared: 'strict' })
    const limiter = one.process()
    const controller = new AbortController()
    const calls = [1, 2, 3].map((n) => limiter.execute(() => n, n === 2 ? { signal: controller.signal } : {}).catch(String))
    await Promise.resolve()
    await Promise.resolve()
    controller.abort('gone')
    expect(await Promise.all(calls)).toEqual([1, 'gone', 3])
    await one.clock.advance(0)
    expect((await one.process().consume()).remaining).toBe(7)
  })

  it('cannot answer at once', async () => {
    const { process } = await world({ shared: 'strict' })
    const limiter = process()
    expect(() => limiter.executeSync(() => 1)).toThrow('cannot ask a store')
    await went(limiter, 11)
    expect(() => limiter.executeSync(() => 1)).toThrow('shared rate limit reached')
  })
})

describe('leased', () => {
  it('decides at once once it knows the demand, and asks in the background, a few at a time', async () => {
    const one = await world({ shared: 'leased', limit: 1000, per: '1s', burst: 1000 })
    const limiter = one.process()
    let inTurn = 0
    for (let call = 0; call < 1000; call++) {
      if (call > 200 && limiter.executeSync(() => 1) === 1) inTurn++
      if (call <= 200) await limiter.execute(() => 1)
      await one.clock.advance(2)
    }
    expect(inTurn).toBe(799)
    expect(one.takes).toBeLessThan(100)
  })

  it('has no more in hand than its batch, and gives it back when idle, or at the end', async () => {
    const one = await world({ shared: 'leased', limit: 100, per: '1s', burst: 100, batch: 5 })
    const [busy, other] = [one.process(), one.process()]
    for (let call = 0; call < 100; call++) {
      await busy.execute(() => 1)
      await one.clock.advance(20)
    }
    await one.clock.advance(999)
    const left = (await other.consume()).remaining
    expect(left).toBeGreaterThanOrEqual(94)
    await one.clock.advance(2000)
    expect([one.backs, (await other.consume()).remaining]).toEqual([1, 99])
    expect(one.clock.pendingTimers({ includeIdle: true })).toBeLessThanOrEqual(2)
    for (let call = 0; call < 50; call++) {
      await busy.execute(() => 1)
      await one.clock.advance(20)
    }
    await busy.close()
    expect(one.backs).toBe(2)
  })

  it('holds nothing where the demand is slow', async () => {
    const one = await world({ shared: 'leased', limit: 20, per: '1h', burst: 5 })
    const [here, there] = [one.process(), one.process()]
    for (let call = 0; call < 5; call++) {
      expect(await (call % 2 ? here : there).execute(() => 1)).toBe(1)
      await one.clock.advance(2000)
    }
    expect(one.backs).toBe(0)
  })
})

describe.each(WAYS)('a store that is lost, %s', (shared) => {
  for (const trouble of ['fails', 'hangs'] as const)
    it(`(it ${trouble}) fails no call: each process keeps to its share of limit and burst, until it is back`, async () => {
      const one = await world({ shared, limit: 100, burst: 20, processes: 4 })
      const limiters = [one.process(), one.process(), one.process(), one.process()]
      const events: HoldfastEvent[] = []
      for (const limiter of limiters) limiter.observe((event) => events.push(event))
      await Promise.all(limiters.map((limiter) => went(limiter, 1)))
      await one.clock.advance(1000)
      for (const limiter of limiters) await limiter.close()
      one.trouble = trouble
      const first = Promise.all(limiters.map((limiter) => went(limiter, 30)))
      await one.clock.advance(250)
      expect((await first).every((count) => count >= 4 && count <= 6)).toBe(true)
      expect(limiters.every(({ degraded }) => degraded)).toBe(true)
      await one.clock.advance(750)
      let sum = 0
      for (let second = 0; second < 3; second++) {
        const from = one.clock.now()
        while (one.clock.now() < from + 1000) {
          for (const limiter of limiters) sum += await went(limiter, 2)
          await one.clock.advance(20)
        }
      }
      expect(sum).toBeGreaterThan(270)
      expect(sum).toBeLessThanOrEqual(300 + 20)
      one.trouble = 'none'
      await one.clock.advance(10_000)
      for (const limiter of limiters) await limiter.execute(() => 1).catch(() => {})
      await one.clock.advance(1)
      expect(limiters.some(({ degraded }) => degraded)).toBe(false)
      expect(events.filter(({ type }) => type === 'rate-limiter.degraded').length).toBe(4)
      expect(events.find(({ type }) => type === 'rate-limiter.degraded')).toMatchObject({ processes: 4, policy: 'api' })
      expect(events.filter(({ type }) => type === 'rate-limiter.restored').length).toBe(4)
      await one.clock.advance(5000)
      expect((await Promise.all(limiters.map((limiter) => went(limiter, 20)))).reduce((a, b) => a + b)).toBe(20)
    })

  it('is left alone for a while, so that it costs no time', async () => {
    const one = await world({ shared })
    const limiter = one.process()
    one.trouble = 'hangs'
    const first = limiter.execute(() => 1)
    await one.clock.advance(250)
    expect([await first, await limiter.execute(() => 2)]).toEqual([1, 2])
    expect(limiter.executeSync(() => 3)).toBe(3)
    expect((await limiter.reserve()).waitMs).toBe(0)
    expect(limiter.decide().allowed).toBe(true)
  })

  it('gets back what it granted too late', async () => {
    const one = await world({ shared })
    const real = one.state.take
    let late: () => void = () => {}
    const limiter = one.process()
    one.state.take = async (request) => {
      const answer = await real(request)
      await new Promise<void>((resolve) => {
        late = resolve
      })
      return answer
    }
    const slow = sharedRateLimiter({ state: one.state, name: 'api', limit: 10, per: '1s', clock: one.clock, shared })
    const end = slow.execute(() => 1)
    await one.clock.advance(250)
    await end
    late()
    await one.clock.advance(1)
    one.state.take = real
    expect((await limiter.consume()).remaining).toBe(9)
  })
})

describe('those who share a limit', () => {
  it('are counted by the marks they leave', async () => {
    const one = await world({ shared: 'strict', limit: 100, burst: 20 })
    const limiters = [one.process(), one.process(), one.process(), one.process()]
    const events: HoldfastEvent[] = []
    for (let round = 0; round < 3; round++) {
      for (const limiter of limiters) await limiter.consume()
      await one.clock.advance(11_000)
    }
    limiters[0]!.observe((event) => events.push(event))
    one.trouble = 'fails'
    await limiters[0]!.consume()
    expect(events[0]).toMatchObject({ type: 'rate-limiter.degraded', processes: 4 })
    one.trouble = 'none'
    for (const limiter of limiters.slice(1)) await limiter.close()
    await one.clock.advance(11_000)
    await limiters[0]!.consume()
    await one.clock.advance(1)
    await limiters[0]!.consume()
    await one.clock.advance(1)
    one.trouble = 'fails'
    await limiters[0]!.consume()
    expect(events.at(-1)).toMatchObject({ type: 'rate-limiter.degraded', processes: 1 })
  })
})

describe('options', () => {
  it.each([
    [{ batch: 1 }, "'sharedRateLimiter.batch' does nothing without shared: 'leased'"],
    [{ shared: 'leased', batch: 11 }, "'sharedRateLimiter.batch' must be a whole number from 1 to 10"],
    [{ shared: 'exact' }, "'sharedRateLimiter.shared' must be one of 'strict', 'leased'"],
    [{ mode: 'leased' }, "'sharedRateLimiter.mode' must be one of 'enforce', 'shadow'"],
    [{ limit: 1e10, burst: 1 }, "'sharedRateLimiter.limit' must not be more than 1,000,000,000 a second"],
    [{ limit: 0 }, "'sharedRateLimiter.limit' must be a number"],
    [{ cost: 11 }, "'sharedRateLimiter.cost' must be a whole number from 0 to 10"],
    [{ name: '' }, "'sharedRateLimiter.name' must be a non-empty string"],
    [{ name: 'x'.repeat(201) }, "'sharedRateLimiter.name' must be well-formed text of at most 200 characters"],
    [{ processes: 0 }, "'sharedRateLimiter.processes' must be a whole number of at least 1"],
    [{ state: {} }, "'sharedRateLimiter.state' must be a shared state"],
    [{ algorithm: 'sliding-window' }, "'sharedRateLimiter.algorithm' is not an option"],
  ])('%o: %s', async (options, message) => {
    const { process } = await world()
    expect(() => process(options as never)).toThrow(message)
  })
})
