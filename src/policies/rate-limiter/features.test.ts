import { afterEach, describe, expect, it, vi } from 'vitest'
import { OptionError, type RejectedError } from '../../core/errors.ts'
import { type HoldfastEvent, listenerErrors } from '../../core/events.ts'
import { scripted } from '../../testing/scripted-operation.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { type RateLimiterOptions, rateLimiter } from './rate-limiter.ts'

const report = listenerErrors.report
afterEach(() => {
  listenerErrors.report = report
})

const make = (options: Partial<RateLimiterOptions> = {}) => {
  const clock = new VirtualClock()
  const one = options.limits === undefined ? { limit: 10, per: '1s', burst: 2 } : {}
  const limiter = rateLimiter({ ...one, clock, ...options })
  const events: HoldfastEvent[] = []
  limiter.observe((event) => events.push(event))
  return { clock, limiter, events }
}
const settled = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )

describe('a reservation', () => {
  // R: X8, R4
  it('says how long to wait and until when, and is given back once', () => {
    const { clock, limiter } = make({ burst: 1 })
    expect(limiter.reserve('a').waitMs).toBe(0)
    const second = limiter.reserve('a')
    const third = limiter.reserve('a')
    expect([second.waitMs, second.readyAt - clock.wallNow(), third.waitMs]).toEqual([100, 100, 200])
    expect([third.cancel(), third.cancel()]).toEqual([true, false])
    expect(limiter.decide('a').retryAfterMs).toBe(200)
    expect([second.cancel(), limiter.decide('a').retryAfterMs]).toEqual([true, 100])
  })

  it('whose time has come is worth something while nobody has taken another since', async () => {
    for (const algorithm of ['token-bucket', 'sliding-window'] as const) {
      const { limiter } = make({ algorithm, limit: 2, burst: algorithm === 'token-bucket' ? 2 : (undefined as never) })
      const [one, other] = [limiter.reserve('a'), limiter.reserve('a')]
      expect([one.cancel(), other.cancel(), limiter.decide('a').remaining]).toEqual([false, true, 1])
    }
  })

  it('that is given up lets those who wait move up', async () => {
    const { clock, limiter } = make({ burst: 1, maxWait: '1m' })
    limiter.consume()
    const reserved = limiter.reserve()
    const operation = scripted({ clock }).thenReturns('ok')
    const calls = [limiter.execute(operation), limiter.execute(operation)]
    reserved.cancel()
    const late = limiter.execute(operation)
    await clock.advance(1000)
    await Promise.all([...calls, late])
    expect(operation.calls.map(({ at }) => at)).toEqual([100, 200, 300])
  })
})

describe('the cost of a call', () => {
  it('may be a number or depend on the call, and 0 is free', async () => {
    for (const cost of [2, ({ attributes }: { attributes: Readonly<Record<string, unknown>> }) => attributes.size as number]) {
      const { limiter } = make({ cost })
      await limiter.execute(() => 1, { attributes: { size: 2 } })
      await expect(limiter.execute(() => 1, { attributes: { size: 2 } })).rejects.toMatchObject({ retryAfterMs: 200 })
      if (typeof cost === 'number') continue
      await limiter.execute(() => 1, { attributes: { size: 0 } })
      await expect(limiter.execute(() => 1, { attributes: { size: 3 } })).rejects.toThrow(OptionError)
    }
  })
})

describe('the key of a call', () => {
  // R: P3, P6
  it('may be made of anything that the call says', async () => {
    const { limiter } = make({ burst: 1, keyOf: ({ attributes }) => attributes.peer as string | undefined })
    await Promise.all(['a', 'b', undefined].map((peer) => limiter.execute(() => 1, { attributes: { peer } })))
    await expect(limiter.execute(() => 1, { attributes: { peer: 'a' }, key: 'other' })).rejects.toThrow(/rate limit/)
    expect(limiter.keys).toBe(2)
  })
})

describe('several limits', () => {
  it('hold all together, by key and for all', async () => {
    const limits = [
      { limit: 2, per: '1s' },
      { limit: 3, per: '1h', algorithm: 'sliding-window' },
    ] as const
    const { clock, limiter } = make({ limits })
    for (const key of [undefined, 'a']) {
      expect([1, 2, 3].map(() => limiter.consume(key).allowed)).toEqual([true, true, false])
      expect(limiter.shouldThrottle(key ?? 'b').allow).toBe(key === undefined)
    }
    await clock.advance(1000)
    expect([limiter.consume('a').allowed, limiter.consume('a').retryAfterMs]).toEqual([true, 3_599_000])
  })
})

describe('penalty, reward, drain and block', () => {
  it('move what is left, by key', () => {
    for (const algorithm of ['token-bucket', 'sliding-window'] as const) {
      const { limiter } = make({ algorithm, limit: 5, per: 500, burst: algorithm === 'token-bucket' ? 5 : (undefined as never) })
      const left = (key?: string) => limiter.decide(key).remaining
      limiter.penalize('a', 3)
      expect([left('a'), left('b'), left()]).toEqual([2, 5, 5])
      limiter.reward('a', 2)
      expect(left('a')).toBe(4)
      limiter.reward('a', 5)
      expect(left('a')).toBe(5)
      limiter.drain('a')
      expect(left('a')).toBe(0)
      expect(() => limiter.penalize('a', 6)).toThrow(OptionError)
      expect(() => limiter.reward('a', 0)).toThrow(OptionError)
    }
  })

  it('a block holds everybody, those who wait included, and ends early only by hand', async () => {
    const { clock, limiter, events } = make({ burst: 1, maxWait: 500 })
    limiter.consume()
    const operation = scripted({ clock }).thenReturns('ok')
    const fits = settled(limiter.execute(operation))
    limiter.block(300)
    expect(events.at(-1)).toMatchObject({ type: 'rate-limiter.blocked', retryAfterMs: 300, by: 'hand' })
    limiter.block(100)
    await clock.advance(300)
    expect([await fits, operation.calls.map(({ at }) => at)]).toEqual([{ value: 'ok' }, [300]])
    const refused = settled(limiter.execute(operation))
    limiter.block('1m')
    expect(await refused).toMatchObject({ error: { code: 'ERR_RATE_LIMITED', retryAfterMs: 60_000 } })
    expect(limiter.waiting()).toBe(0)
    limiter.unblock()
    await clock.advance(100)
    expect(limiter.consume().allowed).toBe(true)
    limiter.unblock('nobody')
    expect(limiter.keys).toBe(0)
  })
})

describe('learning from responses', () => {
  const response = (status: number, headers: Record<string, string>) => ({ status, headers })

  // T: 27
  it('takes over what is left and until when, and what a 429 asks for', async () => {
    const { clock, limiter } = make({ burst: 10, maxBlock: '1m' })
    limiter.learn({ RateLimit: '"api";r=1;t=30', 'RateLimit-Policy': '"api";q=9;w=60' }, 'a')
    expect(limiter.quotas('a')).toEqual([{ name: 'api', limit: 9, remaining: 1, resetAt: clock.wallNow() + 30_000 }])
    expect([limiter.consume('a').allowed, limiter.consume('a').retryAfterMs]).toEqual([true, 30_000])
    limiter.learnFrom(response(200, { 'retry-after': '5' }), 'b')
    expect(limiter.consume('b').allowed).toBe(true)
    limiter.learnFrom(response(429, { 'retry-after': '5' }), 'b')
    expect(limiter.consume('b').retryAfterMs).toBe(5000)
    limiter.learnFrom(response(503, { 'retry-after': '86400' }), 'b')
    expect(limiter.consume('b').retryAfterMs).toBe(60_000)
    limiter.learnFrom({ statusCode: 429 }, 'c')
    expect(limiter.decide('c').remaining).toBe(0)
    limiter.learnFrom({ status: 500 }, 'd')
    expect([limiter.quotas('d'), limiter.decide('d').remaining]).toEqual([[], 10])
  })

  it('happens by itself when asked for, from what a call returned or threw', async () => {
    const { clock, limiter } = make({ burst: 10, learn: true })
    await limiter.execute(() => response(200, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '9' }), { key: 'a' })
    expect(limiter.decide('a').retryAfterMs).toBe(9000)
    const refused = Object.assign(new Error('429'), { response: response(429, { 'retry-after': '3' }) })
    await settled(limiter.execute(() => Promise.reject(refused), { key: 'b' }))
    expect(limiter.decide('b').retryAfterMs).toBe(3000)
    for (const nothing of [undefined, null, 5, 'text', {}, { headers: null }]) await limiter.execute(() => nothing, { key: 'c' })
    expect(limiter.quotas('c')).toEqual([])
    await clock.advance(9000)
    expect(limiter.consume('a').allowed).toBe(true)
  })

  it('is not misled by answers out of order', async () => {
    const { limiter } = make({
      limit: 100,
      per: '1s',
      burst: 100,
      learn: (value) => value as { headers: Record<string, string> },
    })
    limiter.learn({ RateLimit: '"q";r=50;t=60' })
    const answers: ((answer: unknown) => void)[] = []
    const calls = [1, 2, 3].map(() => limiter.execute(() => new Promise((resolve) => answers.push(resolve))))
    const answer = (call: number, left: number) => {
      answers[call]!({ headers: { RateLimit: `"q";r=${left};t=60` } })
      return calls[call]
    }
    await answer(1, 48)
    expect(limiter.quotas()[0]!.remaining).toBe(47)
    await answer(0, 49)
    expect(limiter.quotas()[0]!.remaining).toBe(47)
    await answer(2, 30)
    expect(limiter.quotas()[0]!.remaining).toBe(30)
  })

  // T: 19
  it('survives a rule that throws', async () => {
    const reports = vi.fn()
    listenerErrors.report = reports
    const { limiter } = make({
      learn: () => {
        throw new Error('in the rule')
      },
    })
    expect(await limiter.execute(() => 'value')).toBe('value')
    expect(reports).toHaveBeenCalledOnce()
  })
})

describe('shadow mode', () => {
  it('admits, and tells what it would reject or delay', async () => {
    const { limiter, events } = make({ burst: 1, maxWait: 150, mode: 'shadow' })
    for (let call = 0; call < 3; call++) await limiter.execute(() => 1, { within: '1m' })
    expect(
      events.map((event) => [event.type, 'delayMs' in event ? event.delayMs : 'retryAfterMs' in event && event.retryAfterMs]),
    ).toEqual([
      ['rate-limiter.would-delay', 100],
      ['rate-limiter.would-reject', 200],
    ])
    expect(limiter.consume().allowed).toBe(false)
  })
})

describe('waiting by hand', () => {
  it('has a longest wait, and stands in one line with the calls', async () => {
    const { clock, limiter } = make({ burst: 1, maxWait: '1m' })
    limiter.consume()
    const order: string[] = []
    const note = (name: string) => () => void order.push(name)
    const all = [
      limiter.wait().then(note('a')),
      limiter.execute(note('b')),
      limiter.wait(undefined, 1, { maxWait: 300 }).then(note('c')),
    ]
    expect(limiter.waiting()).toBe(3)
    const error = (await limiter.wait(undefined, 1, { maxWait: 300 }).catch((thrown: unknown) => thrown)) as RejectedError
    expect(error).toMatchObject({ code: 'ERR_RATE_LIMITED', retryAfterMs: 400 })
    await clock.advance(400)
    await Promise.all(all)
    expect(order).toEqual(['a', 'b', 'c'])
  })
})

describe('a snapshot of a limiter', () => {
  // R: X9
  // T: 21
  it('counts on where it was, by key, whatever time has passed', async () => {
    for (const limits of [
      [{ limit: 10, per: 1000, burst: 5 }],
      [{ limit: 5, per: 1000, algorithm: 'sliding-window' }],
      [
        { limit: 10, per: 1000, burst: 5 },
        { limit: 8, per: 5000, algorithm: 'sliding-window' },
      ],
    ] as const) {
      const before = make({ limits })
      for (let call = 0; call < 5; call++) before.limiter.consume('a')
      before.limiter.consume(undefined, 2)
      await before.clock.advance(300)
      const stored = JSON.parse(JSON.stringify(before.limiter.snapshot())) as { keys: unknown[] }
      expect(stored.keys.length).toBe(1)
      const clock = new VirtualClock({ now: 77, wallNow: before.clock.wallNow() + 150 })
      const { limiter } = make({ limits, clock })
      limiter.hydrate(stored)
      await before.clock.advance(150)
      for (const key of ['a', undefined, 'new']) {
        const now = limiter.decide(key)
        const then = before.limiter.decide(key)
        expect([now.allowed, now.remaining]).toEqual([then.allowed, then.remaining])
        expect(now.retryAfterMs).toBeCloseTo(then.retryAfterMs, 3)
      }
    }
  })

  // T: 8, 21
  it('is clamped when the clock stepped, and drops what died with its callers', async () => {
    const { clock, limiter } = make({ burst: 2 })
    for (let call = 0; call < 100; call++) limiter.reserve()
    const stored = limiter.snapshot()
    const back = make({ burst: 2, clock: new VirtualClock({ wallNow: clock.wallNow() - 1e9 }) })
    back.limiter.hydrate(stored)
    expect(back.limiter.decide()).toMatchObject({ retryAfterMs: 100, remaining: 0 })
    const ahead = make({ burst: 2, clock: new VirtualClock({ wallNow: clock.wallNow() + 1e9 }) })
    ahead.limiter.hydrate(stored)
    expect(ahead.limiter.decide().remaining).toBe(2)
  })

  it('holds blocks and what servers said, and is bounded in keys', async () => {
    const { clock, limiter } = make({ burst: 10 })
    limiter.block(1000, 'a')
    limiter.learn({ RateLimit: '"q";r=1;t=60' }, 'b')
    limiter.consume('b')
    for (let key = 0; key < 50; key++) limiter.consume(`${key}`, 1 + (key % 9))
    const stored = limiter.snapshot()
    expect([
      stored.keys.length,
      limiter
        .snapshot({ maxKeys: 2 })
        .keys.map(([key]) => key)
        .toSorted(),
    ]).toEqual([52, ['a', 'b']])
    const next = make({ burst: 10, clock: new VirtualClock({ wallNow: clock.wallNow() + 400 }) })
    next.limiter.hydrate(stored)
    expect([next.limiter.decide('a').retryAfterMs, next.limiter.decide('b').retryAfterMs]).toEqual([600, 59_600])
  })

  it('is refused when it is none, and survives nonsense in its parts', () => {
    const { limiter } = make()
    for (const bad of [undefined, null, 5, {}, { version: 2, at: 0 }, { version: 1 }])
      expect(() => limiter.hydrate(bad)).toThrow(OptionError)
    const nonsense = [
      5,
      [5],
      ['a'],
      ['a', null],
      ['a', { state: ['x', Number.NaN, 1e99], blockedMs: 'x', quotas: [null, { name: 5 }] }],
    ]
    limiter.hydrate({ version: 1, at: 1e15, all: 5, keys: nonsense })
    limiter.hydrate({ version: 1, at: 0, all: { state: 'x' }, keys: 'none' })
    // More than could ever be missing is as much as can be.
    expect([limiter.decide('a'), limiter.decide().remaining]).toMatchObject([{ retryAfterMs: 100 }, 2])
  })
})

// T: 11
it('refuses options of the new kind that are wrong', () => {
  const wrong: [object, string][] = [
    [{ limits: [] }, 'rateLimiter.limits'],
    [{ limits: [{ limit: 1, per: 0 }] }, 'rateLimiter.limits[0].per'],
    [{ limits: [{ limit: 1, per: 1, brust: 1 }] }, 'rateLimiter.limits[0].brust'],
    [{ limits: [{ limit: 1, per: 1 }], burst: 1 }, 'rateLimiter.limits'],
    [{ cost: -1 }, 'rateLimiter.cost'],
    [{ cost: 3 }, 'rateLimiter.cost'],
    [{ keyOf: 'key' }, 'rateLimiter.keyOf'],
    [{ learn: 'all' }, 'rateLimiter.learn'],
    [{ maxBlock: 0 }, 'rateLimiter.maxBlock'],
    [{ mode: 'dark' }, 'rateLimiter.mode'],
  ]
  for (const [options, option] of wrong) {
    let error: unknown
    try {
      make(options)
    } catch (thrown) {
      error = thrown
    }
    expect((error as OptionError)?.option, JSON.stringify(options)).toBe(option)
  }
})
