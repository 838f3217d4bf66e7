import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BUCKETS, BudgetMachine, type BudgetSettings } from './machine.ts'

const settings = (given: Partial<BudgetSettings> = {}): BudgetSettings => ({ ratio: 0.2, floor: 0, windowMs: 1000, ...given })

type Line = readonly [at: number, act: 'call' | 'refund'] | readonly [at: number, act: 'reserve', granted: boolean]

function play(given: BudgetSettings, lines: readonly Line[]): BudgetMachine {
  const machine = new BudgetMachine(given)
  for (const [index, [at, act, granted]] of lines.entries()) {
    if (act === 'call') machine.noteCall(at)
    else if (act === 'refund') machine.refund()
    else expect(machine.reserve(at), `line ${index}`).toBe(granted)
  }
  return machine
}

const calls = (at: number, count: number): Line[] => Array.from({ length: count }, () => [at, 'call'])

describe('the budget machine, line by line', () => {
  it('allows a share of the calls, and no fraction of one', () => {
    const machine = play(settings(), [
      [0, 'reserve', false],
      ...calls(0, 4),
      [0, 'reserve', false],
      ...calls(0, 1),
      [0, 'reserve', true],
      [0, 'reserve', false],
      ...calls(0, 9),
      [0, 'reserve', true],
      [0, 'reserve', false],
    ])
    expect(machine.count(0)).toEqual({ calls: 14, extras: 2, allowed: expect.closeTo(2.8) as number, available: 0 })
  })

  it('always allows its floor', () => {
    play(settings({ floor: 2 }), [
      [0, 'reserve', true],
      [0, 'reserve', true],
      [0, 'reserve', false],
      [999, 'reserve', false],
      [1000, 'reserve', true],
    ])
  })

  // T: 26
  it('counts an extra call from its reservation until it is given back', () => {
    play(settings(), [
      ...calls(0, 5),
      [0, 'reserve', true],
      [1, 'reserve', false],
      [2, 'refund'],
      [2, 'reserve', true],
      [3, 'reserve', false],
    ])
  })

  // T: 4
  it('gives no more back than was taken', () => {
    const machine = play(settings({ floor: 1 }), [
      [0, 'refund'],
      [0, 'reserve', true],
      [0, 'refund'],
      [0, 'refund'],
      [0, 'reserve', true],
      [0, 'reserve', false],
    ])
    expect(machine.count(0)).toMatchObject({ extras: 1, available: 0 })
  })

  it('takes the youngest reservation back, so that the older ones still expire on their day', () => {
    const machine = new BudgetMachine(settings({ floor: 2 }))
    machine.reserve(0)
    machine.reserve(500)
    machine.noteCall(900)
    machine.refund()
    expect([999, 1000, 1500].map((at) => machine.count(at).extras)).toEqual([1, 0, 0])
  })

  // T: 6
  it('forgets every tenth of its window by its own time, and all of it after a pause', () => {
    const machine = play(settings(), [...calls(0, 10), ...calls(100, 20), ...calls(950, 30)])
    expect([999, 1000, 1099, 1100, 1899, 1900, 1e9].map((at) => machine.count(at).calls)).toEqual([60, 50, 50, 30, 30, 0, 0])
  })

  it('counts what comes with an older time as of now', () => {
    const machine = play(settings(), [...calls(5000, 5), ...calls(4000, 5)])
    expect(machine.count(5000).calls).toBe(10)
  })

  it('works on a clock that starts below zero', () => {
    const machine = play(settings(), [...calls(-1500, 5), ...calls(-50, 5)])
    expect([machine.count(-600).calls, machine.count(0).calls]).toEqual([5, 5])
  })

  it('does not lose a call to rounding', () => {
    for (const [ratio, count] of [
      [0.1, 30],
      [0.7, 10],
      [1.1, 10],
    ] as const) {
      const machine = play(settings({ ratio }), calls(0, count))
      let granted = 0
      while (machine.reserve(0)) granted++
      expect(granted).toBe(Math.round(ratio * count))
    }
  })

  it('counts what was taken although nothing was left', () => {
    const machine = new BudgetMachine(settings())
    machine.overdraw(0)
    expect(machine.count(0)).toEqual({ calls: 0, extras: 1, allowed: 0, available: 0 })
    machine.noteCall(0)
    expect(machine.count(1000)).toMatchObject({ calls: 0, extras: 0 })
  })

  // T: 21
  it('takes up what was counted, for what is left of its time, and clamps what cannot be', () => {
    const machine = new BudgetMachine(settings())
    for (let i = 0; i < 7; i++) machine.noteCall(5000)
    machine.restore(100, 3, 450, 5000)
    expect([machine.count(5000), machine.count(5599), machine.count(5600)]).toEqual([
      { calls: 100, extras: 3, allowed: 20, available: 17 },
      { calls: 100, extras: 3, allowed: 20, available: 17 },
      { calls: 0, extras: 0, allowed: 0, available: 0 },
    ])
    expect(machine.count(6500)).toEqual({ calls: 0, extras: 0, allowed: 0, available: 0 })
    for (let i = 0; i < 7; i++) machine.overdraw(6500)
    machine.restore(100, 3, 1000, 6600)
    expect(machine.count(8000)).toEqual({ calls: 0, extras: 0, allowed: 0, available: 0 })
    machine.restore(100, 3, 1000, 6000)
    expect(machine.count(6000).calls).toBe(0)
    machine.restore(-5, 1e300, -1e9, 6000)
    expect(machine.count(6000)).toMatchObject({ calls: 0, extras: 1e9, available: 0 })
    machine.restore(2.9, 0, 0, 6000)
    expect(machine.count(6000).calls).toBe(2)
  })
})

/** The budget written naively: lists of times. */
class NaiveBudget {
  calls: number[] = []
  extras: number[] = []
  readonly given: BudgetSettings

  constructor(given: BudgetSettings) {
    this.given = given
  }

  inWindow(times: number[], now: number): number[] {
    const bucket = (at: number) => Math.floor(at / (this.given.windowMs / BUCKETS))
    return times.filter((at) => bucket(at) > bucket(now) - BUCKETS)
  }

  reserve(now: number): boolean {
    const allowed = this.given.ratio * this.inWindow(this.calls, now).length + this.given.floor
    if (this.inWindow(this.extras, now).length + 1 > allowed + 1e-9) return false
    this.extras.push(now)
    return true
  }
}

describe('the budget machine against a naive one', () => {
  it('agrees after any sequence of calls, reservations and refunds', () => {
    const step = fc.record({
      after: fc.oneof(fc.constant(0), fc.nat(40), fc.nat(2500)),
      act: fc.constantFrom('call', 'call', 'reserve', 'reserve', 'refund'),
    })
    const given = fc.record({
      ratio: fc.constantFrom(0, 0.1, 0.2, 0.5, 2),
      floor: fc.constantFrom(0, 1, 2.5),
      windowMs: fc.constantFrom(1000, 730),
    })
    fc.assert(
      fc.property(given, fc.integer({ min: -3000, max: 3000 }), fc.array(step, { maxLength: 60 }), (options, start, steps) => {
        const machine = new BudgetMachine(options)
        const naive = new NaiveBudget(options)
        let now = start
        for (const { after, act } of steps) {
          now += after
          if (act === 'call') {
            machine.noteCall(now)
            naive.calls.push(now)
          } else if (act === 'reserve') {
            expect(machine.reserve(now)).toBe(naive.reserve(now))
          } else {
            // Before the refund the machine has to know the time, as it does after any reservation.
            if (machine.count(now).extras > 0) naive.extras.pop()
            machine.refund()
          }
          const { calls: counted, extras } = machine.count(now)
          expect([counted, extras]).toEqual([naive.inWindow(naive.calls, now).length, naive.inWindow(naive.extras, now).length])
        }
      }),
      { numRuns: 400 },
    )
  })
})
