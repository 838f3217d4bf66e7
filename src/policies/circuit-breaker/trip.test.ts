import { describe, expect, it } from 'vitest'
import { describeTrip, readTrip, type TripOptions, tripReason } from './trip.ts'
import { CountWindow, TimeWindow } from './window.ts'

const read = (options: TripOptions) => readTrip(options, 'trip')

describe('when a breaker opens', () => {
  it('is read with its window, by calls or by time, where it needs one', () => {
    expect(read({ consecutive: 3 }).window).toBeUndefined()
    expect(read({ failures: 5, windowCalls: 5 }).window).toBeInstanceOf(CountWindow)
    expect(read({ failures: 5, windowTime: 1000 }).window).toBeInstanceOf(TimeWindow)
    expect(read({ failureRate: 0.5 }).window).toBeInstanceOf(TimeWindow)
    expect([read({ failureRate: 0.5 }), read({ failureRate: 0.5, windowCalls: 4 })].map((one) => one.minimumCalls)).toEqual([
      10, 4,
    ])
  })

  it('is shown as plain data, the least number of calls only where calls are counted', () => {
    expect(describeTrip(read({ consecutive: 3 }))).toEqual({ consecutive: 3 })
    expect(describeTrip(read({ slowRate: 0.5, slowAfter: '1s', minimumCalls: 7 }))).toEqual({
      slowRate: 0.5,
      slowAfterMs: 1000,
      minimumCalls: 7,
    })
  })

  it('is told in words: in a row, by number, by rate, for being slow, and for none of them', () => {
    const counted = (calls: number, failures: number, slow: number) =>
      ({ calls, failures, slow }) as unknown as NonNullable<ReturnType<typeof readTrip>['window']>
    const trip = read({ consecutive: 3, failureRate: 0.5, slowRate: 0.5, slowAfter: 100, failures: 20 })
    const reason = (calls: number, failures: number, slow: number, inARow = 0) =>
      tripReason({ ...trip, window: counted(calls, failures, slow) }, inARow)
    expect([reason(0, 0, 0, 2), reason(0, 0, 0, 3)]).toEqual([undefined, '3 failures in a row'])
    expect([reason(100, 19, 0), reason(100, 20, 0)]).toEqual([undefined, '20 failures among 100 calls'])
    expect([reason(9, 9, 9), reason(10, 4, 4)]).toEqual([undefined, undefined])
    expect([reason(10, 5, 0), reason(10, 0, 5)]).toEqual(['5 of 10 calls failed', '5 of 10 calls were slow'])
  })
})
