import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Outcome } from '../../core/outcome.ts'
import { seededRandom } from '../../core/random.ts'
import { ThrottleMachine, type ThrottlePermit, type ThrottleSettings } from './machine.ts'
import { SLICES } from './window.ts'

const WINDOW = 2400
const SLICE = WINDOW / SLICES

const make = (given: Partial<ThrottleSettings> = {}, random: () => number = () => 0) =>
  new ThrottleMachine({ windowMs: WINDOW, minRequests: 1, maxRejection: 0.9, patienceMs: 0, ...given }, random)

function requests(machine: ThrottleMachine, count: number, outcome: Outcome | 'out', now = 0): ThrottlePermit[] {
  return Array.from({ length: count }, () => {
    const permit = machine.admit(now)
    if (outcome !== 'out') permit.release(outcome, now)
    return permit
  })
}

describe('the probability of a refusal', () => {
  it.each([
    // requests, accepts, K, expected
    [0, 0, 2, 0],
    [100, 100, 2, 0],
    [100, 50, 2, 0],
    [100, 49, 2, 2 / 101],
    [100, 10, 2, 80 / 101],
    [100, 10, 1.1, 89 / 101],
    [9, 0, 2, 0.9],
    [8, 0, 2, 8 / 9],
    [1000, 0, 2, 0.9],
    [1000, 0, Number.POSITIVE_INFINITY, 0],
  ])('of %i requests with %i accepts and a factor of %d is %d', (all, accepts, factor, expected) => {
    const machine = make()
    requests(machine, accepts, 'success')
    requests(machine, all - accepts, 'failure')
    expect(machine.probability(0, factor)).toBeCloseTo(expected, 10)
  })

  it('is none before there are enough requests', () => {
    const machine = make({ minRequests: 10 })
    requests(machine, 9, 'failure')
    expect(machine.probability(0, 2)).toBe(0)
    requests(machine, 1, 'failure')
    expect(machine.probability(0, 2)).toBe(0.9)
  })

  // T: 28
  it('counts requests from their admission: a target that hangs is noticed before its calls end', () => {
    const machine = make()
    requests(machine, 20, 'success')
    requests(machine, 60, 'out', 1)
    expect(machine.probability(1, 2)).toBeCloseTo(40 / 81)
  })

  // T: 28
  it('gives calls their patience first, so that a burst after a pause is no outage', () => {
    const machine = make({ patienceMs: 500 })
    const burst = requests(machine, 100, 'out')
    expect([machine.probability(499, 2), machine.window.requests]).toEqual([0, 0])
    expect([machine.probability(500, 2), machine.window.requests]).toEqual([0.9, 100])
    for (const permit of burst) permit.release('success', 600)
    expect([machine.probability(600, 2), machine.window.accepts]).toEqual([0, 100])
  })

  it('counts refused requests too, as the book does: what gets through is then K times what is taken', () => {
    const random = seededRandom(3)
    const machine = make({ windowMs: 60_000 }, random)
    let [sent, refused] = [0, 0]
    for (let now = 0; now < 600_000; now += 10) {
      // 100 asked for per second; the target takes 10 of them, evenly.
      if (machine.decide(now, 2)) {
        machine.refuse(now)
        if (now >= 300_000) refused++
      } else {
        const permit = machine.admit(now)
        permit.release(machine.window.accepts < machine.window.requests * 0.1 ? 'success' : 'failure', now)
        if (now >= 300_000) sent++
      }
    }
    expect(sent / (sent + refused)).toBeGreaterThan(0.18)
    expect(sent / (sent + refused)).toBeLessThan(0.22)
  })

  // T: 28
  it('keeps a floor of probes while the target takes nothing, and recovers through them', () => {
    const random = seededRandom(5)
    const machine = make({ windowMs: 10_000 }, random)
    const sentIn = (from: number, to: number, taken: boolean) => {
      let sent = 0
      for (let now = from; now < to; now += 10) {
        if (machine.decide(now, 2)) machine.refuse(now)
        else {
          sent++
          machine.admit(now).release(taken ? 'success' : 'failure', now)
        }
      }
      return sent / ((to - from) / 10)
    }
    sentIn(0, 10_000, false)
    const down = sentIn(10_000, 60_000, false)
    expect(down).toBeGreaterThan(0.08)
    expect(down).toBeLessThan(0.12)
    sentIn(60_000, 90_000, true)
    expect(sentIn(90_000, 100_000, true)).toBe(1)
  })

  // T: 6
  it('forgets each slice by its own time, however long nothing came', () => {
    const machine = make()
    requests(machine, 50, 'failure', 0)
    requests(machine, 10, 'failure', SLICE * 3)
    expect(machine.probability(WINDOW - 1, 2)).toBe(0.9)
    expect([machine.probability(WINDOW, 2) > 0, machine.window.requests]).toEqual([true, 10])
    expect([machine.probability(WINDOW * 1000, 2), machine.window.requests]).toEqual([0, 0])
  })

  it('refuses below the probability, and not at it', () => {
    const machine = make({}, () => 0.9)
    requests(machine, 20, 'failure')
    expect([machine.decide(0, 2), machine.probability(0, 2)]).toEqual([false, 0.9])
  })

  it('draws no lot where none is needed', () => {
    let lots = 0
    const machine = make({}, () => ++lots)
    requests(machine, 10, 'success')
    machine.decide(0, 2)
    expect(lots).toBe(0)
  })
})

describe('what came back', () => {
  it('is counted where the request was, never twice, and a neutral one is as if it had never been', () => {
    const machine = make()
    const [accepted, refused, neutral] = requests(machine, 3, 'out', 0)
    accepted!.release('success', 500)
    accepted!.release('success', 500)
    accepted!.release('failure', 500)
    refused!.release('failure', 500)
    neutral!.release('neutral', 500)
    expect([machine.window.requests, machine.window.accepts]).toEqual([2, 1])
    machine.probability(WINDOW, 2)
    expect([machine.window.requests, machine.window.accepts]).toEqual([0, 0])
  })

  it('after its request has left the window counts for nothing', () => {
    for (const outcome of ['success', 'failure', 'neutral'] as const) {
      const machine = make()
      const [late] = requests(machine, 1, 'out', 0)
      late!.release(outcome, WINDOW + 5)
      expect([machine.window.requests, machine.window.accepts], outcome).toEqual([0, 0])
    }
  })

  it('after everything was forgotten neither counts nor is taken back', () => {
    const machine = make()
    const calls = requests(machine, 3, 'out', 0)
    machine.clear()
    for (const [index, outcome] of (['success', 'failure', 'neutral'] as const).entries()) calls[index]!.release(outcome, 1)
    expect([machine.window.requests, machine.window.accepts]).toEqual([0, 0])
    expect([calls[0]!.generation, machine.admit(1).generation]).toEqual([0, 1])
  })
})

/** The same, written naively: every request kept for good, everything counted from the list. */
class NaiveThrottle {
  readonly all: { at: number; state: 'refused' | 'out' | Outcome }[] = []
  readonly #patience: number

  constructor(patience: number) {
    this.#patience = patience
  }

  counts(now: number): { requests: number; accepts: number } {
    const newest = Math.floor(now / SLICE)
    const inWindow = this.all.filter(({ at }) => Math.floor(at / SLICE) > newest - SLICES)
    const counted = inWindow.filter(
      ({ at, state }) => state !== 'neutral' && (state !== 'out' || this.#patience === 0 || now - at >= this.#patience),
    )
    return { requests: counted.length, accepts: counted.filter(({ state }) => state === 'success').length }
  }
}

describe('a long life of the machine', () => {
  // T: 6, 28
  it('is what the naive one makes of it', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.constant({ type: 'admit' as const }) },
      { weight: 1, arbitrary: fc.constant({ type: 'refuse' as const }) },
      {
        weight: 4,
        arbitrary: fc.record({
          type: fc.constant('release' as const),
          which: fc.nat(),
          outcome: fc.constantFrom<Outcome>('success', 'failure', 'neutral'),
        }),
      },
      { weight: 3, arbitrary: fc.record({ type: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 700 }) }) },
    )
    fc.assert(
      fc.property(
        fc.constantFrom(0, 1, 150, 900),
        fc.integer({ min: -10_000, max: 10_000 }),
        fc.array(step, { maxLength: 120 }),
        (patienceMs, start, steps) => {
          const machine = make({ patienceMs })
          const naive = new NaiveThrottle(patienceMs)
          const out: [ThrottlePermit, (typeof naive.all)[number]][] = []
          let now = start
          for (const one of steps) {
            if (one.type === 'pass') {
              // Nobody looks before the next request comes.
              now += one.ms
              continue
            }
            if (one.type === 'refuse') {
              machine.refuse(now)
              naive.all.push({ at: now, state: 'refused' })
            } else if (one.type === 'admit') {
              const entry: (typeof naive.all)[number] = { at: now, state: 'out' }
              naive.all.push(entry)
              out.push([machine.admit(now), entry])
            } else if (out.length > 0) {
              const [[permit, entry]] = out.splice(one.which % out.length, 1) as [(typeof out)[number]]
              permit.release(one.outcome, now)
              entry.state = one.outcome
            }
            const { requests: all, accepts } = naive.counts(now)
            const probability = all === 0 ? 0 : Math.min(0.9, Math.max(0, (all - 2 * accepts) / (all + 1)))
            expect(machine.probability(now, 2)).toBeCloseTo(probability, 10)
            expect([machine.window.requests, machine.window.accepts]).toEqual([all, accepts])
          }
        },
      ),
      { numRuns: 300 },
    )
  })
})
