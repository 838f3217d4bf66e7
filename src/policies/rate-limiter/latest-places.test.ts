import { describe, expect, it } from 'vitest'
import { LatestPlaces } from './latest-places.ts'
import { SAME_TIME_MS } from './rate-machine.ts'

const place = (at: number, cost = 1) => ({ at, cost, remembered: [at] })
const full = (...times: number[]) => {
  const places = new LatestPlaces()
  for (const at of times) places.push(0, place(at))
  return places
}

describe('the latest places', () => {
  it('give the latest one back, and of an earlier one nothing, though it is gone', () => {
    const places = full(100, 200, 300)
    expect([places.remove(200, 1), places.remove(300, 1), places.remove(200, 1)]).toEqual([undefined, place(300), undefined])
    expect([places.remove(100, 1), places.remove(100, 1)]).toEqual([place(100), undefined])
  })

  it('are told by their time and their cost', () => {
    const places = full(100)
    places.push(0, place(200, 2))
    expect([places.remove(200, 1), places.remove(201, 2), places.remove(200.0005, 2)]).toEqual([
      undefined,
      undefined,
      place(200, 2),
    ])
  })

  it('are the same within a rounding', () => {
    expect(full(0).remove(SAME_TIME_MS, 1)).toEqual(place(0))
  })

  it('forget those whose time has come, when they are half of all', () => {
    const most = full(100, 200, 300)
    most.push(100, place(400))
    expect([400, 300, 200, 100].map((at) => most.remove(at, 1)?.at)).toEqual([400, 300, 200, 100])
    const places = full(100, 200, 300)
    places.push(200, place(400))
    expect([400, 300, 200, 100].map((at) => places.remove(at, 1))).toEqual([place(400), place(300), undefined, undefined])
  })

  it('forget all of them when something else was counted', () => {
    const places = full(100, 200)
    places.clear()
    expect(places.remove(200, 1)).toBeUndefined()
    places.clear()
    places.push(0, place(300))
    expect([places.remove(300, 1), places.remove(200, 1)]).toEqual([place(300), undefined])
  })
})
