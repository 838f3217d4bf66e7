import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Hand } from './machine.ts'

const rules = { limit: 100, perMs: 1000, burst: 100, most: 10, aheadMs: 200 }

describe('a hand', () => {
  it('uses what it has, and no more', () => {
    const hand = new Hand(rules)
    expect(hand.take(0, 1)).toBe(false)
    hand.granted(0, 3, 97)
    expect([hand.take(0, 2), hand.take(0, 2), hand.take(0, 1), hand.tokens]).toEqual([true, false, true, 0])
  })

  it('foresees the need of the next moment from what was used lately, once half of it is gone', () => {
    const hand = new Hand(rules)
    expect(hand.ahead(0)).toBe(0)
    hand.granted(0, 20, 80)
    for (let use = 0; use < 20; use++) hand.take(0, 1)
    expect(hand.ahead(0)).toBe(4)
    hand.granted(0, 4, 76)
    expect([hand.ahead(0), hand.take(0, 1), hand.ahead(0), hand.take(0, 1), hand.ahead(0)]).toEqual([0, true, 0, true, 2])
    // A second later there is a third of the demand.
    expect(hand.ahead(1000)).toBe(0)
    hand.take(1000, 2)
    expect(hand.ahead(1000)).toBe(2)
    expect(hand.ahead(10_000)).toBe(0)
  })

  it('foresees nothing where none may be in hand, nor while the bucket is known to be empty', () => {
    const strict = new Hand({ ...rules, most: 0 })
    strict.granted(0, 50, 50)
    strict.take(0, 50)
    expect(strict.ahead(0)).toBe(0)
    const hand = new Hand(rules)
    hand.granted(0, 50, 0)
    hand.take(0, 50)
    hand.refused(0, 1, 10)
    expect([hand.ahead(9), hand.ahead(10)]).toEqual([0, 10])
  })

  it('knows how long a cost is refused; less may be there sooner', () => {
    const hand = new Hand(rules)
    hand.refused(0, 3, 30)
    expect([hand.waitFor(0, 3), hand.waitFor(10, 5), hand.waitFor(0, 2), hand.waitFor(30, 3)]).toEqual([30, 20, 0, 0])
    hand.granted(5, 1, 0)
    expect(hand.waitFor(5, 3)).toBe(0)
    // With five in hand, eight are three too many.
    hand.granted(5, 4, 0)
    hand.refused(5, 3, 30)
    expect([hand.waitFor(5, 8), hand.waitFor(5, 7)]).toEqual([30, 0])
  })

  it('uses nothing during a block', () => {
    const hand = new Hand(rules)
    hand.granted(0, 5, 95)
    hand.block(0, 100)
    hand.block(0, 50)
    expect([hand.take(99, 1), hand.waitFor(99, 1), hand.peek(99, 1)]).toEqual([
      false,
      1,
      { allowed: false, retryAfterMs: 1, remaining: 0 },
    ])
    // What is in hand goes when the block ends, whatever the bucket has then.
    hand.reserved(0, 1e6)
    expect(hand.peek(0, 5)).toEqual({ allowed: false, retryAfterMs: 100, remaining: 0 })
    expect([hand.take(100, 1), hand.blockedFor(100)]).toEqual([true, 0])
  })

  it('tells what is left as it heard it, refilled since', () => {
    const hand = new Hand(rules)
    expect(hand.peek(0, 1)).toEqual({ allowed: true, retryAfterMs: 0, remaining: 100 })
    hand.granted(0, 5, 20)
    expect([hand.peek(0, 1).remaining, hand.peek(100, 1).remaining, hand.peek(10_000, 1).remaining]).toEqual([25, 35, 100])
    hand.refused(0, 1, 10)
    expect(hand.peek(0, 6)).toEqual({ allowed: false, retryAfterMs: 10, remaining: 5 })
    expect(hand.peek(0, 5)).toEqual({ allowed: true, retryAfterMs: 0, remaining: 5 })
    expect([hand.peek(0, 8).retryAfterMs, hand.peek(10, 1).remaining, hand.peek(30, 1).remaining]).toEqual([30, 6, 8])
    hand.refused(0, 4, 40)
    expect([hand.peek(0, 1).remaining, hand.peek(39, 9).retryAfterMs, hand.peek(40, 9).allowed]).toEqual([5, 1, true])
    hand.putBack()
    hand.reserved(0, 50)
    expect(hand.peek(0, 1)).toEqual({ allowed: false, retryAfterMs: 60, remaining: 0 })
  })

  it('keeps of what it puts back what it is told to', () => {
    const hand = new Hand(rules)
    hand.granted(0, 8, 92)
    expect([hand.putBack(5), hand.tokens, hand.putBack(5), hand.putBack(), hand.tokens]).toEqual([3, 5, 0, 5, 0])
  })

  it('shares limit, burst and what is left with the other processes while nobody can be asked', () => {
    const hand = new Hand(rules)
    hand.granted(0, 0, 60)
    const own = hand.share(0, 4)
    expect([own.capacity, own.remaining(0), own.remaining(40), own.remaining(400)]).toEqual([25, 15, 16, 25])
    const rare = new Hand({ ...rules, limit: 1, perMs: 3_600_000, burst: 1 })
    const share = rare.share(0, 4)
    expect([share.capacity, share.remaining(0), share.wait(0, 1)]).toEqual([1, 0, 4 * 3_600_000])
  })

  it('never has more than it may ahead of need', () => {
    const uses = fc.array(fc.record({ after: fc.nat(300), cost: fc.integer({ min: 1, max: 5 }) }), { maxLength: 200 })
    fc.assert(
      fc.property(uses, fc.integer({ min: 1, max: 20 }), (all, most) => {
        const hand = new Hand({ ...rules, most })
        let now = 0
        for (const { after, cost } of all) {
          now += after
          if (!hand.take(now, cost)) {
            hand.granted(now, cost, 50)
            expect(hand.take(now, cost)).toBe(true)
          }
          hand.granted(now, hand.ahead(now), 50)
          expect(hand.tokens).toBeLessThanOrEqual(most + 5)
          hand.putBack(most)
        }
      }),
    )
  })
})
