import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { planClaim } from './plan-claim.ts'
import type { ReadyLane } from './store.ts'

const lane = (kind: string, target: string, priority = 0, runAt = 0): ReadyLane => ({ kind, target, priority, runAt })
const plan = (
  lanes: ReadyLane[],
  capacity: number,
  slots: Record<string, number>,
  free: Record<string, number> = {},
  turns: Record<string, number> = {},
): Record<string, number> =>
  Object.fromEntries(
    planClaim(lanes, {
      capacity,
      slots: new Map(Object.entries(slots)),
      freeOf: (kind) => free[kind] ?? Infinity,
      turnOf: (of) => turns[of.target] ?? 0,
    }).map((planned) => [`${planned.kind}>${planned.target}`, planned.limit]),
  )

describe('the plan of a claim', () => {
  it('gives equals one each in turn', () => {
    expect(plan([lane('k', 'a'), lane('k', 'b'), lane('k', 'c')], 7, { a: 99, b: 1, c: 99 })).toEqual({
      'k>a': 3,
      'k>b': 1,
      'k>c': 3,
    })
  })

  it('serves higher priorities first', () => {
    expect(plan([lane('k', 'low'), lane('k', 'high', 5)], 3, { low: 9, high: 2 })).toEqual({ 'k>high': 2, 'k>low': 1 })
  })

  it('begins with who waited longest for a turn, then with the oldest job', () => {
    expect(plan([lane('k', 'a'), lane('k', 'b')], 1, { a: 9, b: 9 }, {}, { a: 4, b: 3 })).toEqual({ 'k>b': 1 })
    expect(plan([lane('k', 'a', 0, 20), lane('k', 'b', 0, 10)], 1, { a: 9, b: 9 })).toEqual({ 'k>b': 1 })
  })

  it('shares a target’s slots among its lanes, and skips held targets', () => {
    expect(plan([lane('k', 'a'), lane('l', 'a'), lane('k', 'held')], 9, { a: 2 })).toEqual({ 'k>a': 1, 'l>a': 1 })
  })

  it('respects what a kind may run at once', () => {
    expect(plan([lane('k', 'a'), lane('k', 'b'), lane('l', 'a')], 9, { a: 9, b: 9 }, { k: 1, l: 2 })).toEqual({
      'k>a': 1,
      'l>a': 2,
    })
  })

  it('never gives more than any limit, and nothing is left lying while it may be given', () => {
    const lanes = fc.array(fc.record({ kind: fc.constantFrom('k', 'l'), target: fc.constantFrom('a', 'b', 'c') }), {
      maxLength: 6,
    })
    const some = fc.nat({ max: 5 })
    fc.assert(
      fc.property(lanes, fc.nat({ max: 12 }), fc.tuple(some, some, some), fc.tuple(some, some), (list, capacity, s, f) => {
        const unique = [...new Map(list.map((l) => [`${l.kind}>${l.target}`, lane(l.kind, l.target)])).values()]
        const slots: Record<string, number> = { a: s[0], b: s[1], c: s[2] }
        const free: Record<string, number> = { k: f[0], l: f[1] }
        const given = planClaim(unique, {
          capacity,
          slots: new Map(Object.entries(slots)),
          freeOf: (kind) => free[kind] as number,
          turnOf: () => 0,
        })
        let rest = capacity
        for (const { kind, target, limit } of given) {
          rest -= limit
          slots[target] = (slots[target] as number) - limit
          free[kind] = (free[kind] as number) - limit
        }
        expect(Math.min(rest, ...Object.values(slots), ...Object.values(free))).toBeGreaterThanOrEqual(0)
        const more = unique.some((l) => rest > 0 && (slots[l.target] as number) > 0 && (free[l.kind] as number) > 0)
        expect(more).toBe(false)
      }),
    )
  })
})
