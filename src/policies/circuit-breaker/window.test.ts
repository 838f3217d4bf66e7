import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CountWindow, TimeWindow } from './window.ts'

const finished = fc.record({ failed: fc.boolean(), slow: fc.boolean() })
type Finished = { readonly failed: boolean; readonly slow: boolean }

const totals = (calls: readonly Finished[]) => ({
  calls: calls.length,
  failures: calls.filter(({ failed }) => failed).length,
  slow: calls.filter(({ slow }) => slow).length,
})

describe('the count window', () => {
  it('is the last calls, after any sequence', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.array(fc.option(finished, { freq: 10 })), (size, steps) => {
        const window = new CountWindow(size)
        let known: Finished[] = []
        for (const step of steps) {
          if (step === null) {
            window.clear()
            known = []
          } else {
            window.record(step.failed, step.slow)
            known = [...known, step].slice(-size)
          }
          window.expire()
          expect({ calls: window.calls, failures: window.failures, slow: window.slow }).toEqual(totals(known))
        }
      }),
    )
  })
})

describe('the time window', () => {
  // T: 6
  it('is the calls of its last ten slices, after any sequence and any idling', () => {
    const step = fc.record({
      after: fc.oneof(fc.nat(30), fc.nat(3000)),
      call: fc.option(finished, { freq: 4 }),
      clear: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(step), fc.double({ min: -1e6, max: 1e9, noNaN: true }), (steps, start) => {
        const ms = 1000
        const window = new TimeWindow(ms)
        let known: (Finished & { slice: number })[] = []
        let now = start
        for (const { after, call, clear } of steps) {
          now += after
          const slice = Math.floor(now / (ms / 10))
          if (call !== null) {
            window.record(call.failed, call.slow, now)
            known.push({ ...call, slice })
          } else if (clear && after % 5 === 0) {
            window.clear()
            known = []
          } else window.expire(now)
          known = known.filter((one) => one.slice > slice - 10)
          if (call !== null || !(clear && after % 5 === 0))
            expect({ calls: window.calls, failures: window.failures, slow: window.slow }).toEqual(totals(known))
        }
      }),
    )
  })

  // T: 6
  it('forgets a burst by its own time, however long nothing was recorded', () => {
    const window = new TimeWindow(1000)
    for (let call = 0; call < 5; call++) window.record(true, false, 50)
    window.expire(999)
    expect(window.calls).toBe(5)
    window.expire(1_000_000_050)
    expect([window.calls, window.failures]).toEqual([0, 0])
    window.record(false, true, 1_000_000_060)
    expect([window.calls, window.failures, window.slow]).toEqual([1, 0, 1])
  })
})
