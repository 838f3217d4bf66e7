import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KeyedMachines } from './keyed.ts'
import { SlidingWindow, TokenBucket } from './machine.ts'

describe('limits by key', () => {
  // T: 9, 31
  it('agree with one machine per key, whatever is packed, unpacked, forgotten and found again', () => {
    const step = fc.record({
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      after: fc.nat(400),
      act: fc.constantFrom('take', 'take', 'take', 'peek', 'unpack', 'others'),
    })
    fc.assert(
      fc.property(fc.boolean(), fc.array(step, { maxLength: 80 }), (windowed, steps) => {
        const make = () => (windowed ? new SlidingWindow(3, 500) : new TokenBucket(3, 500, 3))
        const keyed = new KeyedMachines(make, 1000)
        const naive = new Map(['a', 'b', 'c', 'd', 'e'].map((key) => [key, make()]))
        let now = 0
        for (const { key, after, act } of steps) {
          now += after
          if (act === 'take') expect(keyed.take(key, now, 1)).toEqual(naive.get(key)!.take(now, 1))
          else if (act === 'peek') expect(keyed.peek(key, now, 2)).toEqual(naive.get(key)!.peek(now, 2))
          else if (act === 'unpack') expect(keyed.at(key, now).wait(now, 3)).toBe(naive.get(key)!.wait(now, 3))
          else for (let other = 0; other < 9; other++) keyed.tryTake(`${now} ${other}`, now, 3)
        }
      }),
      { numRuns: 200 },
    )
  })

  it('remember nothing of a key that was only asked about', () => {
    const keyed = new KeyedMachines(() => new TokenBucket(1, 1000, 1), 10)
    expect([keyed.peek('a', 0, 1).allowed, keyed.wait('a', 0, 1), keyed.size]).toEqual([true, 0, 0])
  })

  // T: 31
  it('forget first who would be idle first, and never keep more than their cap', () => {
    const keyed = new KeyedMachines(() => new TokenBucket(1, 1000, 10), 3)
    keyed.tryTake('most', 0, 9)
    keyed.tryTake('least', 0, 1)
    keyed.tryTake('some', 0, 5)
    keyed.tryTake('new', 0, 1)
    expect([keyed.size, keyed.peek('least', 0, 1).remaining, keyed.peek('most', 0, 1).remaining]).toEqual([3, 10, 1])
    for (let key = 0; key < 10_000; key++) keyed.tryTake(`${key}`, 0, 1)
    expect(keyed.size).toBe(3)
  })

  it('look at four of them with every new one: who is idle is forgotten, else whoever will be first', () => {
    const keyed = new KeyedMachines(() => new TokenBucket(1, 10, 10), 5)
    for (const [index, cost] of [6, 4, 3, 3, 2].entries()) keyed.tryTake(`${index}`, 0, cost)
    keyed.tryTake('new', 0, 1)
    const left = () => [...keyed.busy(0)].map(([key]) => key)
    expect(left()).toEqual(['0', '1', '3', '4', 'new'])
    keyed.tryTake('next', 20, 1)
    expect([keyed.size, left()]).toEqual([4, ['0', '1', '3', 'next']])
    expect([...keyed.busy(40)].map(([key]) => key)).toEqual(['0'])
  })

  it('have room for new ones where old ones had been, whatever was known of those', () => {
    const keyed = new KeyedMachines(() => new TokenBucket(1, 1000, 1), 10)
    for (let key = 0; key < 100; key++) {
      if (key % 3 === 0) keyed.at(`${key}`, 0)
      expect([keyed.tryTake(`${key}`, 0, 1), keyed.tryTake(`${key}`, 0, 1), keyed.wait(`${key}`, 0, 1)], `${key}`).toEqual([
        0, 1000, 1000,
      ])
    }
    expect(keyed.size).toBe(10)
  })

  it('tell of the busy ones, and take over what was told', () => {
    const keyed = new KeyedMachines(() => new TokenBucket(1, 1000, 2), 10)
    keyed.tryTake('a', 0, 1)
    keyed.at('b', 0).occupy(0, 0, 2)
    keyed.tryTake('c', -5000, 1)
    const told = [...keyed.busy(0)].map(([key, machine]) => [key, machine.dump(0)] as const)
    expect(told).toEqual([
      ['a', [1000]],
      ['b', [2000]],
    ])
    const next = new KeyedMachines(() => new TokenBucket(1, 1000, 2), 10)
    for (const [key, state] of told) next.load(key, state, 0, 500)
    expect([next.wait('a', 0, 2), next.wait('b', 0, 1), next.known('a')]).toEqual([500, 500, undefined])
    const held = next.at('b', 0)
    next.load('b', [1800], 0, 0)
    expect([held.wait(0, 1), next.wait('a', 0, 2), [...next.busy(1800)]]).toEqual([800, 500, []])
  })
})
