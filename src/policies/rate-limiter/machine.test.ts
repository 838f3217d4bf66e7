import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SlidingWindow, TokenBucket } from './machine.ts'
import { SAME_TIME_MS } from './rate-machine.ts'

const answers = (machine: TokenBucket | SlidingWindow, lines: readonly (readonly [now: number, cost: number])[]) =>
  lines.map(([now, cost]) => {
    const { allowed, retryAfterMs, remaining } = machine.take(now, cost)
    return allowed ? remaining : `in ${retryAfterMs}`
  })

describe('the token bucket, line by line', () => {
  // R: X7, P3
  it('lets a burst go and then spaces calls evenly', () => {
    const bucket = new TokenBucket(10, 1000, 3)
    const lines = [
      [0, 1],
      [0, 1],
      [0, 1],
      [0, 1],
      [99, 1],
      [100, 1],
      [150, 1],
      [200, 1],
      [1000, 1],
    ] as const
    expect(answers(bucket, lines)).toEqual([2, 1, 0, 'in 100', 'in 1', 0, 'in 50', 0, 2])
  })

  it('takes costs, and refuses a cost as a whole', () => {
    const bucket = new TokenBucket(10, 1000, 5)
    expect(
      answers(bucket, [
        [0, 3],
        [0, 3],
        [100, 3],
        [100, 2],
      ]),
    ).toEqual([2, 'in 100', 0, 'in 200'])
  })

  // R: X7
  it('gives one token in 180 s for 20 an hour', () => {
    const bucket = new TokenBucket(20, 3_600_000, 1)
    expect(
      answers(bucket, [
        [0, 1],
        [0, 1],
        [179_999, 1],
        [180_000, 1],
      ]),
    ).toEqual([0, 'in 180000', 'in 1', 0])
  })

  it('reserves places one after the other', () => {
    const bucket = new TokenBucket(10, 1000, 2)
    expect([0, 0, 0, 0].map((now) => bucket.reserve(now, 1))).toEqual([0, 0, 100, 200])
    expect([bucket.peek(0, 1), bucket.isIdle(399), bucket.isIdle(400)]).toEqual([
      { allowed: false, retryAfterMs: 300, remaining: 0 },
      false,
      true,
    ])
  })

  it('allows what it promised: its whole burst, and the wait it named, whatever the fractions', () => {
    const rates = fc.record({
      limit: fc.integer({ min: 1, max: 1000 }),
      per: fc.integer({ min: 1, max: 100_000 }),
      burst: fc.integer({ min: 1, max: 50 }),
      start: fc.double({ min: 0, max: 1e8, noNaN: true }),
    })
    fc.assert(
      fc.property(rates, ({ limit, per, burst, start }) => {
        const bucket = new TokenBucket(limit, per, burst)
        for (let call = 0; call < burst; call++) expect(bucket.take(start, 1).allowed).toBe(true)
        let now = start
        for (let call = 0; call < 5; call++) {
          const { allowed, retryAfterMs } = bucket.take(now, 1)
          if (allowed) continue
          now += retryAfterMs
          expect(bucket.take(now, 1).allowed).toBe(true)
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('the sliding window, line by line', () => {
  // R: P3
  it('never admits more than its limit in any window', () => {
    const window = new SlidingWindow(2, 100)
    const lines = [
      [0, 1],
      [60, 1],
      [60, 1],
      [99, 1],
      [100, 1],
      [159, 1],
      [160, 1],
      [1000, 2],
      [1000, 1],
    ] as const
    expect(answers(window, lines)).toEqual([1, 0, 'in 40', 'in 1', 0, 'in 1', 0, 0, 'in 100'])
  })

  it('reserves places that keep the rate, and is idle when all have left', () => {
    const window = new SlidingWindow(2, 100)
    expect([0, 0, 0, 0, 0].map((now) => window.reserve(now, 1))).toEqual([0, 0, 100, 100, 200])
    expect([window.isIdle(299), window.isIdle(300)]).toEqual([false, true])
  })

  it('allows what it promised, whatever the fractions', () => {
    const rates = fc.record({
      limit: fc.integer({ min: 1, max: 20 }),
      per: fc.double({ min: 1, max: 100_000, noNaN: true }),
      gaps: fc.array(fc.double({ min: 0, max: 1000, noNaN: true }), { maxLength: 40 }),
    })
    fc.assert(
      fc.property(rates, ({ limit, per, gaps }) => {
        const window = new SlidingWindow(limit, per)
        let now = 0.1
        for (const gap of gaps) {
          now += gap
          const { allowed, retryAfterMs } = window.take(now, 1)
          if (allowed) continue
          now += retryAfterMs
          expect(window.take(now, 1).allowed).toBe(true)
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('a place that is given up', () => {
  const machines = [
    ['bucket', () => new TokenBucket(10, 1000, 1)],
    ['window', () => new SlidingWindow(1, 100)],
  ] as const
  for (const [name, make] of machines) {
    it(`is undone in the ${name} when it is the latest, whatever was given up before it`, () => {
      const machine = make()
      expect([0, 0, 0, 0].map((now) => machine.reserve(now, 1))).toEqual([0, 100, 200, 300])
      machine.refund(200, 1)
      machine.refund(100, 1)
      expect(machine.peek(10, 1).retryAfterMs).toBe(90)
      machine.refund(300, 1)
      expect(machine.peek(10, 1).retryAfterMs).toBe(90)
      expect([machine.peek(100, 1).allowed, machine.isIdle(100)]).toEqual([true, true])
    })

    it(`goes in the ${name} to the next who asks for as much, once, and not after its time`, () => {
      const machine = make()
      for (let one = 0; one < 4; one++) machine.reserve(0, 1)
      machine.refund(100, 1)
      machine.refund(200, 1)
      expect([machine.reserve(50, 1), machine.reserve(201, 1)]).toEqual([50, 199])
      machine.refund(400, 1)
      expect(machine.take(250, 1)).toEqual({ allowed: false, retryAfterMs: 150, remaining: 0 })
    })
  }

  it('keeps the rate after any sequence of reservations and refunds', () => {
    const script = fc.array(
      fc.record({ after: fc.nat(80), cost: fc.integer({ min: 1, max: 2 }), give: fc.boolean(), which: fc.nat() }),
      {
        maxLength: 60,
      },
    )
    const limit = 3
    const per = 300
    fc.assert(
      fc.property(fc.boolean(), script, (windowed, steps) => {
        const machine = windowed ? new SlidingWindow(limit, per) : new TokenBucket(limit, per, 2)
        let now = 0.1
        let starts: { at: number; cost: number }[] = []
        for (const { after, cost, give, which } of steps) {
          now += after + 1 / 3
          const waiting = starts.filter(({ at }) => at > now)
          const given = give ? waiting[which % Math.max(1, waiting.length)] : undefined
          if (given !== undefined) {
            machine.refund(given.at, given.cost)
            starts = starts.filter((one) => one !== given)
          } else starts.push({ at: now + machine.reserve(now, cost), cost })
        }
        for (const { at } of starts) {
          const during = (ms: number) =>
            starts.filter((one) => one.at > at - ms + 0.01 && one.at <= at + 0.01).reduce((sum, one) => sum + one.cost, 0)
          if (windowed) expect(during(per)).toBeLessThanOrEqual(limit)
          // A bucket lets go its burst and what was refilled meanwhile, over any span.
          else
            for (const span of [50, 100, 200, 500, 1000])
              expect(during(span)).toBeLessThanOrEqual(2 + Math.ceil((span * limit) / per))
        }
      }),
      { numRuns: 500 },
    )
  })
})

const steps = fc.array(
  fc.record({ after: fc.nat(300), cost: fc.integer({ min: 1, max: 3 }), act: fc.constantFrom('take', 'take', 'reserve') }),
  {
    maxLength: 60,
  },
)

describe('the machines against naive ones', () => {
  it('the bucket agrees with one that counts tokens', () => {
    fc.assert(
      fc.property(fc.constantFrom(1, 2, 5, 10, 20), fc.integer({ min: 3, max: 6 }), steps, (limit, burst, script) => {
        const bucket = new TokenBucket(limit, 1000, burst)
        const interval = 1000 / limit
        // Tokens refill one per interval up to the burst; they go below zero for what is reserved.
        let tokens = burst
        let now = 0
        for (const { after, cost, act } of script) {
          now += after
          tokens = Math.min(burst, tokens + after / interval)
          const wait = Math.max(0, (cost - tokens) * interval)
          if (act === 'reserve') {
            expect(bucket.reserve(now, cost)).toBeCloseTo(wait, 5)
            tokens -= cost
          } else {
            const decision = bucket.take(now, cost)
            expect(decision.retryAfterMs).toBeCloseTo(wait, 5)
            expect(decision.allowed).toBe(wait < 1e-6)
            if (decision.allowed) tokens -= cost
            expect(decision.remaining).toBe(Math.max(0, Math.floor(tokens + 1e-6)))
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  it('the window agrees with a list of all admissions', () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 8 }), steps, (limit, script) => {
        const per = 500
        const window = new SlidingWindow(limit, per)
        const admitted: number[] = []
        let now = 0
        // The earliest time, not before the latest admission, at which `cost` more fit in the window that ends there.
        const earliest = (cost: number): number => {
          const candidates = [now, ...admitted, ...admitted.map((at) => at + per)].filter((at) => at >= now)
          const latest = Math.max(now, ...admitted)
          const fits = (at: number) => at >= latest && admitted.filter((one) => one > at - per).length + cost <= limit
          return Math.min(...candidates.filter(fits))
        }
        for (const { after, cost, act } of script) {
          now += after
          const at = earliest(cost)
          if (act === 'reserve') {
            expect(window.reserve(now, cost)).toBe(at - now)
          } else {
            const decision = window.take(now, cost)
            expect([decision.allowed, decision.retryAfterMs]).toEqual([at === now, at - now])
            if (!decision.allowed) continue
            if (admitted.every((one) => one <= now))
              expect(decision.remaining).toBe(limit - cost - admitted.filter((one) => one > now - per).length)
          }
          for (let one = 0; one < cost; one++) admitted.push(at)
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('a machine after places were given up', () => {
  const machines = [
    ['bucket', () => new TokenBucket(30, 1000, 3)],
    ['window', () => new SlidingWindow(3, 100)],
  ] as const
  for (const [name, make] of machines) {
    it(`lets the next one take what is free in the ${name}, and nobody a second time`, () => {
      for (const how of ['tryTake', 'reserve', 'occupyAndRemember'] as const) {
        const machine = make()
        for (let one = 0; one < 3; one++) machine.reserve(0, 3)
        machine.reserve(0, 1)
        // Three at 0, at 100 and at 200, and a last one after them: of these one at 200 is given up.
        const [from, last] = [machine.wait(0, 1), machine.wait(0, 2)]
        expect(machine.refund(200, 3)).toBe(true)
        expect([machine.tryTake(0, 3), machine.tryTake(0, 1), machine.tryTake(0, 2)]).toEqual([200, from, last])
        if (how === 'tryTake') expect(machine.tryTake(200, 3)).toBe(0)
        else if (how === 'reserve') expect(machine.reserve(0, 3)).toBe(200)
        else expect(machine.occupyAndRemember(0, 200, 3)).toBeUndefined()
        expect([machine.wait(0, 1), machine.wait(0, 3) > 200]).toEqual([from, true])
      }
    })

    it(`has changed its mark with every cost in the ${name}, and has the old one back when that is undone`, () => {
      const machine = make()
      machine.reserve(0, 2)
      const before = machine.mark
      const remembered = machine.occupyAndRemember(0, 0, 1)
      expect([machine.mark === before, machine.remaining(0)]).toEqual([false, 0])
      machine.undo(0, 1, remembered)
      expect([machine.mark, machine.remaining(0), machine.wait(0, 1)]).toEqual([before, 1, 0])
    })

    it(`says in the ${name} whether a place went back`, () => {
      const machine = make()
      machine.reserve(0, 3)
      const { mark } = machine
      machine.reserve(0, 3)
      expect([machine.refund(0, 3, 50, mark), machine.refund(100, 3, 50)]).toEqual([false, true])
    })

    it(`has nothing left in the ${name} when it is drained, until it refills as usual`, () => {
      const machine = make()
      machine.drain(50)
      expect([machine.remaining(50), machine.remaining(60), machine.isIdle(149), machine.isIdle(150)]).toEqual([
        0,
        0,
        false,
        true,
      ])
      expect(machine.wait(60, 3)).toBeCloseTo(90, 6)
    })
  }
})

describe('times that differ by a rounding', () => {
  it('are the same to the bucket, by its own pace where that is quick', () => {
    const bucket = new TokenBucket(1, 1000, 1)
    bucket.fullAt = SAME_TIME_MS
    expect([bucket.wait(0, 1), bucket.tryTake(0, 1)]).toEqual([0, 0])
    const quick = new TokenBucket(100_000, 1000, 1)
    quick.fullAt = SAME_TIME_MS / 2
    expect([quick.wait(0, 1), quick.tryTake(0, 1)]).toEqual([SAME_TIME_MS / 2, SAME_TIME_MS / 2])
    bucket.fullAt = SAME_TIME_MS
    expect([bucket.refund(-1000, 1, -2000), bucket.fullAt]).toEqual([true, SAME_TIME_MS - 1000])
  })

  it('are the same to the window', () => {
    const window = new SlidingWindow(1, 100)
    window.occupy(-200, -100, 1)
    expect(window.wait(-SAME_TIME_MS, 1)).toBe(0)
    window.occupy(-1, 0, 1)
    expect([window.refund(SAME_TIME_MS, 1, -1), window.wait(0.5, 1)]).toEqual([true, 0])
  })
})

describe('the window after its latest cost was taken back', () => {
  it('has room for just as many as before', () => {
    const window = new SlidingWindow(3, 100)
    window.reserve(0, 1)
    window.reserve(0, 2)
    const { mark } = window
    expect(window.refund(0, 2, 50, mark)).toBe(true)
    expect([1, 1, 1].map((cost) => window.tryTake(50, cost))).toEqual([0, 0, 50])
    expect([window.tryTake(100, 1), window.tryTake(100, 1)]).toEqual([0, 50])
  })

  it('stands as it stood, also when it has grown meanwhile', () => {
    const window = new SlidingWindow(20, 100)
    for (const at of [0, 10, 20]) window.reserve(at, 1)
    const remembered = window.occupyAndRemember(30, 30, 12)
    window.undo(30, 12, remembered)
    expect([window.remaining(30), window.remaining(105), window.remaining(115), window.remaining(120)]).toEqual([17, 18, 19, 20])
    expect([window.wait(30, 17), window.wait(30, 18), window.wait(30, 20)]).toEqual([0, 70, 90])
  })
})

describe('the window after a place ahead was taken back for which it had grown', () => {
  it('has its oldest admission in front again', () => {
    const window = new SlidingWindow(20, 100)
    for (const at of [0, 50, 60, 70]) window.reserve(at, 1)
    window.undo(105, 2, window.occupyAndRemember(80, 105, 2))
    expect([window.remaining(80), window.wait(80, 16), window.wait(80, 17), window.wait(80, 18)]).toEqual([16, 0, 20, 70])
  })
})

describe('the state of a machine', () => {
  it('of a bucket is what is missing, until nothing is', () => {
    const bucket = new TokenBucket(10, 1000, 2)
    expect(bucket.dump(0)).toEqual([])
    bucket.reserve(0, 2)
    expect([bucket.dump(50), bucket.dump(200), bucket.dump(201)]).toEqual([[150], [], []])
    const next = new TokenBucket(10, 1000, 2)
    next.load([150], 1000, 30)
    expect(next.wait(1000, 2)).toBeCloseTo(120, 6)
  })

  it('of a window is how long ago they were that are in it, and of a place ahead what it replaced', () => {
    const window = new SlidingWindow(2, 100)
    window.reserve(0, 1)
    window.reserve(50, 1)
    window.reserve(60, 1)
    expect([window.dump(60), window.dump(110), window.dump(150)]).toEqual([[-10, -60], [-60, -10], [-50]])
    // What was replaced was no later than all that is left, and than now.
    window.occupy(60, 180, 1)
    expect(window.dump(70)).toEqual([-70, 0])
    const late = new SlidingWindow(2, 100)
    for (const at of [0, 10, 150]) late.occupy(10, at, 1)
    expect(late.dump(60)).toEqual([-50, -50])
    const other = new SlidingWindow(2, 100)
    other.reserve(50, 1)
    expect([other.dump(50), other.dump(149), other.dump(150)]).toEqual([[0], [-99], []])
  })

  it('of a window is taken over whatever its order, as far as it is in the window by then, and no more than fits', () => {
    const filled = (limit: number, state: number[]) => {
      const window = new SlidingWindow(limit, 100)
      window.load(state, 1000, 20)
      return window
    }
    const three = filled(3, [-10, -70, 5])
    expect([three.remaining(1000), three.wait(1000, 1), three.wait(1000, 2), three.wait(1000, 3)]).toEqual([0, 10, 70, 80])
    const two = filled(2, [-10, -70, 5])
    expect([two.remaining(1000), two.wait(1000, 1), two.idleAt]).toEqual([0, 70, 1080])
    const five = filled(5, [-300, -200, -10])
    expect([five.remaining(1000), five.wait(1000, 4), five.wait(1000, 5)]).toEqual([4, 0, 70])
  })
})
