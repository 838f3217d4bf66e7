import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Outcome } from '../../core/outcome.ts'
import { isRejection } from '../../core/permit.ts'
import type { Limit } from './limit.ts'
import { AdaptiveMachine, type AdaptivePermit, type AdaptiveSettings, type LimitChange, type Waiter } from './machine.ts'

type Sample = readonly [now: number, rttMs: number, inFlight: number, dropped: boolean]

/** An algorithm that goes where it is told, and remembers what it heard. */
class Scripted implements Limit {
  value: number
  readonly reason = 'growth'
  readonly baselineMs = undefined
  readonly heard: Sample[] = []
  readonly #next: number[]

  constructor(value: number, ...next: number[]) {
    this.value = value
    this.#next = next
  }

  get learnt(): number {
    return this.value
  }

  onSample(...sample: Sample): void {
    this.heard.push(sample)
    this.value = this.#next.shift() ?? this.value
  }

  restore(_now: number, value: number): void {
    this.value = value
  }
}

/** The fastest call stands for a window, so that round trips are exact. */
const settings = (given: Partial<AdaptiveSettings> = {}): AdaptiveSettings => ({
  window: { ms: 100, minSamples: 2, percentile: 0, lossTolerance: 0 },
  queueLimit: 0,
  lossAfterMs: Number.POSITIVE_INFINITY,
  ...given,
})

function make(algorithm: Limit, given: Partial<AdaptiveSettings> = {}) {
  const changes: LimitChange[] = []
  return { changes, machine: new AdaptiveMachine(algorithm, settings(given), (change) => changes.push(change), 0) }
}

function taken(machine: AdaptiveMachine, now: number): AdaptivePermit {
  const answer = machine.tryAcquire(now)
  if (isRejection(answer)) throw new Error(answer.reason)
  return answer
}

describe('the machine of an adaptive limiter', () => {
  it('admits up to the limit, and rejects with the time that a place takes to come free, once it knows', () => {
    const { machine } = make(new Scripted(2, 2))
    const [one, two] = [taken(machine, 0), taken(machine, 0)]
    expect(machine.tryAcquire(0)).toEqual({ rejected: true, reason: '2 calls are in flight, and 2 is the limit now' })
    one.release('success', 100)
    two.release('success', 101)
    taken(machine, 101)
    taken(machine, 101)
    const reason = '2 calls are in flight, and 2 is the limit now'
    expect(machine.tryAcquire(101)).toEqual({ rejected: true, reason, retryAfterMs: 50 })
  })

  it('goes by the last round trip that there was, after a window that lost every call', () => {
    const { machine } = make(new Scripted(2))
    const lost = () => [taken(machine, 100), taken(machine, 100)]
    for (const call of [taken(machine, 0), taken(machine, 0)]) call.release('success', 100)
    for (const call of lost()) call.release('failure', 200)
    lost()
    expect([machine.rttMs, machine.tryAcquire(200)]).toMatchObject([100, { retryAfterMs: 50 }])
  })

  it('tells the algorithm of each full window: its end, its round trip, the most in flight, its losses', () => {
    const algorithm = new Scripted(5)
    const { machine } = make(algorithm)
    const calls = [10, 20, 30].map((now) => taken(machine, now))
    calls[0]!.release('success', 60)
    calls[1]!.release('success', 100)
    expect(algorithm.heard).toEqual([[100, 50, 3, false]])
    calls[2]!.release('failure', 150)
    taken(machine, 180).release('success', 210)
    expect(algorithm.heard[1]).toEqual([210, 30, 1, true])
  })

  // T: 29
  it('learns nothing from calls that began under an earlier limit, whatever became of them', () => {
    const algorithm = new Scripted(4, 8)
    const { machine, changes } = make(algorithm)
    const [one, two, old, lost] = [taken(machine, 0), taken(machine, 0), taken(machine, 0), taken(machine, 0)]
    one!.release('success', 100)
    two!.release('success', 100)
    expect(changes).toEqual([{ from: 4, to: 8, reason: 'growth', rttMs: 100, baselineMs: undefined }])
    old!.release('success', 300)
    lost!.release('failure', 301)
    expect([machine.stale, machine.epoch, algorithm.heard.length]).toEqual([2, 1, 1])
    const [three, four] = [taken(machine, 301), taken(machine, 301)]
    three.release('success', 401)
    four.release('success', 402)
    expect(algorithm.heard[1]).toEqual([402, 100, 2, false])
  })

  // T: 29
  it('begins a window only when the calls of the old limit are back, or after four round trips', () => {
    for (const [hangs, firstHeard] of [
      [false, 350],
      [true, 700],
    ] as const) {
      const algorithm = new Scripted(4, 8)
      const { machine } = make(algorithm)
      const old = taken(machine, 0)
      for (const call of [taken(machine, 0), taken(machine, 0)]) call.release('success', 100)
      for (let now = 110; now < 1000 && algorithm.heard.length < 2; now += 10) {
        if (now === 250 && !hangs) old.release('success', now)
        taken(machine, now - 5).release('success', now)
      }
      // Four round trips of 100 ms after the change at 100 are over at 500; then comes a window of 100 ms … of fresh calls.
      expect(algorithm.heard[1]![0], hangs ? 'an old call hangs' : 'the old call comes back').toBe(hangs ? 600 : firstHeard)
    }
  })

  // T: 29
  it('waits for all calls of the old limit, and begins nothing anew for one that comes back after the four round trips', () => {
    const algorithm = new Scripted(5, 9)
    const { machine } = make(algorithm)
    const [first, second, last] = [taken(machine, 0), taken(machine, 0), taken(machine, 0)]
    for (const call of [taken(machine, 0), taken(machine, 0)]) call.release('success', 100)
    const fresh = (now: number) => taken(machine, now - 5).release('success', now)
    first.release('success', 150)
    for (const now of [200, 260]) fresh(now)
    expect(algorithm.heard, 'two old calls are out').toHaveLength(1)
    second.release('success', 300)
    for (const now of [500, 550]) fresh(now)
    last.release('success', 560)
    for (const now of [590, 600]) fresh(now)
    expect(algorithm.heard[1]).toEqual([600, 5, 2, false])
  })

  // T: 6
  it('forgets after a pause what was measured before it', () => {
    const algorithm = new Scripted(4)
    const { machine } = make(algorithm)
    taken(machine, 0).release('failure', 5)
    taken(machine, 50_000).release('success', 50_010)
    taken(machine, 50_100).release('success', 50_120)
    expect(algorithm.heard).toEqual([[50_120, 10, 1, false]])
  })

  it('takes a pause no longer than a window for none', () => {
    const algorithm = new Scripted(4)
    const { machine } = make(algorithm)
    taken(machine, 0).release('failure', 5)
    taken(machine, 105).release('success', 110)
    expect(algorithm.heard).toEqual([[110, 5, 1, true]])
  })

  it('takes it for no pause that calls are out and none has ended', () => {
    const algorithm = new Scripted(4)
    const { machine } = make(algorithm)
    const long = taken(machine, 0)
    taken(machine, 0).release('failure', 5)
    taken(machine, 200).release('success', 210)
    expect(algorithm.heard).toEqual([[210, 10, 2, true]])
    long.release('neutral', 220)
  })

  it('waits for nobody after a change while nothing was in flight', () => {
    const algorithm = new Scripted(4, 8)
    const { machine } = make(algorithm)
    taken(machine, 0).release('success', 90)
    taken(machine, 91).release('success', 181)
    expect(machine.epoch).toBe(1)
    taken(machine, 181).release('success', 200)
    taken(machine, 200).release('success', 281)
    expect(algorithm.heard[1]).toEqual([281, 19, 1, false])
  })

  it('forgets what it was measuring when it goes on from a snapshot', () => {
    const algorithm = new Scripted(4)
    const { machine } = make(algorithm)
    taken(machine, 0).release('failure', 5)
    machine.restore(5, 4, undefined)
    for (const now of [90, 100]) taken(machine, now).release('success', now + 5)
    expect(algorithm.heard).toEqual([[105, 5, 1, false]])
  })

  it('learns nothing from neutral calls, and counts slow ones as lost where asked', () => {
    const algorithm = new Scripted(9)
    const { machine } = make(algorithm, { lossAfterMs: 80 })
    for (let call = 0; call < 5; call++) taken(machine, 0).release('neutral', 200)
    expect([algorithm.heard.length, machine.inFlight]).toEqual([0, 0])
    const [fast, slow] = [taken(machine, 200), taken(machine, 200)]
    fast.release('success', 280)
    slow.release('success', 301)
    expect(algorithm.heard).toEqual([[301, 80, 2, true]])
  })

  // T: 4
  it('releases once', () => {
    const { machine } = make(new Scripted(2))
    const permit = taken(machine, 0)
    taken(machine, 0)
    permit.release('neutral', 1)
    permit.release('success', 1)
    permit.release('failure', 1)
    expect(machine.inFlight).toBe(1)
  })

  // T: 18
  it('hands freed places to the head of the queue, and all new ones when the limit grows', () => {
    const algorithm = new Scripted(2, 5)
    const { machine } = make(algorithm, { queueLimit: 4 })
    const [one, two] = [taken(machine, 0), taken(machine, 0)]
    const order: string[] = []
    const waiters = ['a', 'b', 'c', 'd'].map((name): Waiter => ({ grant: () => order.push(name) }))
    for (const waiter of waiters) expect(machine.wait(waiter)).toBe(true)
    expect(machine.wait({ grant: () => {} })).toBe(false)
    machine.leave(waiters[1]!)
    one.release('success', 50)
    expect([order, machine.inFlight, isRejection(machine.tryAcquire(50))]).toEqual([['a'], 2, true])
    two.release('success', 100)
    expect([order, machine.inFlight, machine.queued]).toEqual([['a', 'c', 'd'], 3, 0])
  })

  it('hands out nothing until enough have left when the limit shrinks', () => {
    const { machine } = make(new Scripted(3, 1), { queueLimit: 1 })
    const calls = [0, 0, 0].map((now) => taken(machine, now))
    let granted = 0
    machine.wait({ grant: () => granted++ })
    calls[0]!.release('success', 100)
    expect([machine.limit, granted]).toEqual([3, 1])
    calls[1]!.release('success', 100)
    expect([machine.limit, machine.inFlight]).toEqual([1, 2])
    machine.wait({ grant: () => granted++ })
    calls[2]!.release('success', 100)
    expect([granted, machine.inFlight]).toEqual([1, 1])
  })
})

/** The same, written naively: every call and every sample kept in lists, everything recomputed from them. */
class NaiveMachine {
  limit: number
  epoch = 0
  stale = 0
  readonly calls = new Map<number, { epoch: number; startedAt: number }>()
  queue: number[] = []
  readonly heard: Sample[] = []
  readonly #plan: number[]
  #samples: { rttMs: number; lost: boolean }[] = []
  #peaks: number[] = [0]
  #windowAt = 0
  #idleSince = 0
  #changedAt: number | undefined
  #rttMs = 0

  constructor(limit: number, plan: number[]) {
    this.limit = limit
    this.#plan = [...plan]
  }

  #begin(now: number): void {
    this.#windowAt = now
    this.#samples = []
    this.#peaks = [this.calls.size]
  }

  admit(id: number, now: number): void {
    if (this.calls.size === 0 && now - this.#idleSince > 100) this.#begin(now)
    this.calls.set(id, { epoch: this.epoch, startedAt: now })
    this.#peaks.push(this.calls.size)
  }

  release(id: number, outcome: Outcome, now: number): void {
    const { epoch, startedAt } = this.calls.get(id)!
    this.calls.delete(id)
    if (this.calls.size === 0) this.#idleSince = now
    if (this.#changedAt !== undefined && !this.#someAreOld()) {
      this.#changedAt = undefined
      this.#begin(now)
    }
    if (outcome !== 'neutral') {
      if (epoch < this.epoch) this.stale++
      else this.#learn({ rttMs: now - startedAt, lost: outcome === 'failure' }, now)
    }
    while (this.queue.length > 0 && this.calls.size < this.limit) this.admit(this.queue.shift()!, now)
  }

  #learn(sample: { rttMs: number; lost: boolean }, now: number): void {
    if (this.#changedAt !== undefined) {
      if (now < this.#changedAt + 4 * this.#rttMs) return
      this.#changedAt = undefined
      this.#begin(now)
    }
    this.#samples.push(sample)
    const lostEnough = this.#samples.filter((one) => one.lost).length >= 2
    if (this.#samples.length < 2 || (now < this.#windowAt + 100 && !lostEnough)) return
    const rtts = this.#samples.filter(({ lost }) => !lost).map(({ rttMs }) => Math.max(rttMs, 2 ** -10))
    if (rtts.length > 0) this.#rttMs = Math.min(...rtts)
    const lost = this.#samples.some((one) => one.lost)
    this.heard.push([now, rtts.length > 0 ? Math.min(...rtts) : Number.NaN, Math.max(...this.#peaks), lost])
    const next = this.#plan.shift() ?? this.limit
    this.#begin(now)
    if (next === this.limit) return
    this.limit = next
    this.epoch++
    if (this.#someAreOld()) this.#changedAt = now
  }

  #someAreOld(): boolean {
    return [...this.calls.values()].some(({ epoch }) => epoch < this.epoch)
  }
}

const command = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ type: 'call' } as const) },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('release' as const),
      which: fc.nat(),
      outcome: fc.constantFrom<Outcome>('success', 'success', 'failure', 'neutral'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('leave' as const), which: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 150 }) }) },
)

describe('a long life of the machine', () => {
  // T: 17, 18, 29
  it('is what the naive one makes of it', () => {
    const plans = fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 8 })
    fc.assert(
      fc.property(plans, fc.array(command, { maxLength: 150 }), (plan, commands) => {
        const algorithm = new Scripted(3, ...plan)
        const { machine } = make(algorithm, { queueLimit: 3 })
        const naive = new NaiveMachine(3, plan)
        const permits = new Map<number, AdaptivePermit>()
        const waiters = new Map<number, Waiter>()
        let [now, ids] = [0, 0]
        for (const step of commands) {
          if (step.type === 'pass') now += step.ms
          else if (step.type === 'call') {
            const id = ids++
            const answer = machine.tryAcquire(now)
            expect(isRejection(answer)).toBe(naive.calls.size >= naive.limit)
            if (!isRejection(answer)) {
              permits.set(id, answer)
              naive.admit(id, now)
            } else {
              const waiter: Waiter = {
                grant: (permit) => {
                  waiters.delete(id)
                  permits.set(id, permit)
                },
              }
              const waits = machine.wait(waiter)
              expect(waits).toBe(naive.queue.length < 3)
              if (waits) {
                waiters.set(id, waiter)
                naive.queue.push(id)
              }
            }
          } else if (step.type === 'release' && permits.size > 0) {
            const id = [...permits.keys()][step.which % permits.size]!
            const permit = permits.get(id)!
            permits.delete(id)
            naive.release(id, step.outcome, now)
            permit.release(step.outcome, now)
          } else if (step.type === 'leave' && waiters.size > 0) {
            const id = [...waiters.keys()][step.which % waiters.size]!
            machine.leave(waiters.get(id)!)
            waiters.delete(id)
            naive.queue = naive.queue.filter((other) => other !== id)
          }
          expect(new Set(permits.keys())).toEqual(new Set(naive.calls.keys()))
          expect([...waiters.keys()]).toEqual(naive.queue)
          expect({ limit: machine.limit, epoch: machine.epoch, stale: machine.stale }).toEqual({
            limit: naive.limit,
            epoch: naive.epoch,
            stale: naive.stale,
          })
          expect([machine.inFlight, machine.queued]).toEqual([naive.calls.size, naive.queue.length])
          expect(machine.queued > 0 && machine.inFlight < machine.limit, 'somebody waits beside a free place').toBe(false)
          expect(algorithm.heard).toEqual(naive.heard)
        }
      }),
      { numRuns: 300 },
    )
  })
})
