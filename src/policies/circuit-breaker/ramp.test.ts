import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Ramp } from './ramp.ts'

describe('a ramp', () => {
  // T: 5
  it('admits the sum of its shares, give or take one call, at any time and however many come at once', () => {
    const plan = fc.record({
      from: fc.double({ min: 0.01, max: 0.99, noNaN: true }),
      gaps: fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 200 })), { maxLength: 200 }),
    })
    fc.assert(
      fc.property(plan, ({ from, gaps }) => {
        const ramp = new Ramp({ overMs: 1000, from }, 5)
        let [now, due, admitted, last] = [5, 0, 0, 0]
        for (const gap of gaps) {
          now += gap
          const share = ramp.share(now)
          expect(share).toBeGreaterThanOrEqual(last)
          last = share
          if (ramp.admits(now)) admitted++
          due += share
          expect(Math.abs(admitted - due)).toBeLessThanOrEqual(1 + 1e-9)
        }
      }),
    )
  })

  it('goes from its first share to all, evenly', () => {
    const ramp = new Ramp({ overMs: 100, from: 0.25 }, 1000)
    expect([1000, 1050, 1100, 5000].map((now) => ramp.share(now))).toEqual([0.25, 0.625, 1, 1])
    expect([ramp.share(0), ramp.endsAt]).toEqual([0.25, 1100])
  })
})
