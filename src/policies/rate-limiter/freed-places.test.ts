import { describe, expect, it } from 'vitest'
import { FreedPlaces } from './freed-places.ts'
import { SAME_TIME_MS } from './rate-machine.ts'

const freed = (...places: (readonly [at: number, cost: number])[]) => {
  const all = new FreedPlaces()
  for (const [at, cost] of places) all.add(at, cost)
  return all
}

describe('places that were given up', () => {
  it('go to whom they suit: the earliest of just that cost that has not passed', () => {
    const places = freed([300, 1], [100, 1], [200, 2])
    expect([places.earliest(0, 1), places.earliest(0, 2), places.earliest(0, 3)]).toEqual([100, 200, undefined])
    expect([places.earliest(100, 1), places.earliest(101, 1), places.earliest(201, 2), places.earliest(301, 1)]).toEqual([
      100,
      300,
      undefined,
      undefined,
    ])
  })

  it('are taken once, by their time and their cost', () => {
    const places = freed([100, 1], [200, 1], [200, 2])
    expect([places.take(100, 2), places.take(150, 1), places.take(200.0005, 2), places.take(200, 2)]).toEqual([
      false,
      false,
      true,
      false,
    ])
    expect([places.take(100, 1), places.earliest(0, 1)]).toEqual([true, 200])
    expect(freed([0, 1]).take(SAME_TIME_MS, 1)).toBe(true)
  })

  it('have a latest one, which is the one that came last among equals', () => {
    const places = freed([200, 1], [100, 1], [200, 2])
    const order: unknown[] = []
    for (let latest = places.latest; latest !== undefined; latest = places.latest) {
      order.push(latest)
      places.dropLatest()
    }
    expect(order).toEqual([
      { at: 200, cost: 2 },
      { at: 200, cost: 1 },
      { at: 100, cost: 1 },
    ])
  })
})
