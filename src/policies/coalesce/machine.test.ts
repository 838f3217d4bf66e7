import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Kept, ResultCache } from './machine.ts'

const value = (of: unknown): Kept => ({ value: of })

describe('kept results', () => {
  it('are there until their time is over, with their age', () => {
    const cache = new ResultCache(10)
    cache.set('a', value(undefined), 100, 50)
    expect([cache.get('a', 50), cache.get('a', 149)]).toEqual([
      { kept: { value: undefined }, ageMs: 0 },
      { kept: { value: undefined }, ageMs: 99 },
    ])
    expect([cache.get('a', 150), cache.get('b', 0), cache.size]).toEqual([undefined, undefined, 0])
  })

  it('may be errors', () => {
    const cache = new ResultCache(10)
    cache.set('a', { error: 'down' }, 100, 0)
    expect(cache.get('a', 1)!.kept).toEqual({ error: 'down' })
  })

  it('are replaced, forgotten and cleared', () => {
    const cache = new ResultCache(10)
    cache.set('a', value(1), 100, 0)
    cache.set('a', value(2), 100, 90)
    expect([cache.get('a', 189)!.kept, cache.size]).toEqual([{ value: 2 }, 1])
    cache.delete('a')
    expect(cache.get('a', 90)).toBeUndefined()
    cache.set('b', value(1), 100, 0)
    cache.clear()
    expect([cache.get('b', 0), cache.size]).toEqual([undefined, 0])
  })

  it('make room by the least recently used', () => {
    const cache = new ResultCache(2)
    cache.set('a', value(1), 100, 0)
    cache.set('b', value(2), 100, 0)
    cache.get('a', 1)
    cache.set('c', value(3), 100, 2)
    expect(['a', 'b', 'c'].filter((key) => cache.get(key, 3) !== undefined)).toEqual(['a', 'c'])
  })

  // T: 31
  it('that nobody asks for any more go while others come, without a timer', () => {
    const cache = new ResultCache(1_000_000)
    for (let i = 0; i < 10_000; i++) cache.set(`old ${i}`, value(i), 10, 0)
    for (let i = 0; i < 10_000; i++) cache.set(`new ${i}`, value(i), 1000, 20)
    expect(cache.size).toBe(10_000)
  })

  // T: 30
  it('are looked through four at a time, whatever their number', () => {
    const cache = new ResultCache(100)
    for (let i = 0; i < 10; i++) cache.set(`old ${i}`, value(i), 10, 0)
    const sizes = [0, 1, 2, 3].map((i) => {
      cache.set(`new ${i}`, value(1), 10, 10)
      return cache.size
    })
    // Each adds one and drops four at most.
    expect(sizes).toEqual([7, 4, 3, 4])
  })

  // T: 31
  it('that have expired are met beyond those that live long and the one that everybody asks for', () => {
    const cache = new ResultCache(1_000_000)
    for (let i = 0; i < 5; i++) cache.set(`long ${i}`, value(i), 1e9, 0)
    for (let i = 0; i < 100; i++) cache.set(`short ${i}`, value(i), 10, 0)
    for (let i = 0; i < 60; i++) {
      cache.set('replaced', value(i), 1e9, 20)
      cache.get('replaced', 20)
    }
    expect(cache.size).toBe(6)
  })

  it('that were forgotten and came again are not taken for their forerunners, whoever was to be looked at next', () => {
    for (let count = 6; count < 12; count++)
      for (let from = 0; from <= count - 5; from++) {
        const cache = new ResultCache(1000)
        for (let i = 0; i < count; i++) cache.set(`${i}`, value(i), 10, 0)
        for (let i = from; i < from + 5; i++) cache.delete(`${i}`)
        cache.set(`${from + 4}`, value('again'), 1000, 20)
        cache.set('other', value(1), 1000, 20)
        expect(cache.get(`${from + 4}`, 20)?.kept, `${count} from ${from}`).toEqual({ value: 'again' })
      }
  })

  // T: 31
  it('are never more than allowed', () => {
    const cache = new ResultCache(100)
    for (const from of [0, 10_000]) {
      for (let i = from; i < from + 10_000; i++) cache.set(`key ${i}`, value(i), 1e9, i)
      expect([cache.size, cache.get(`key ${from + 9900}`, from) !== undefined]).toEqual([100, true])
      cache.clear()
    }
  })

  it('are listed as values with the time that is left', () => {
    const cache = new ResultCache(10)
    cache.set('a', value(1), 100, 0)
    cache.set('b', { error: 'down' }, 100, 0)
    cache.set('c', value(3), 10, 0)
    cache.set('d', value(4), 50, 0)
    cache.get('a', 5)
    expect([...cache.values(10)]).toEqual([
      { key: 'd', value: 4, leftMs: 40 },
      { key: 'a', value: 1, leftMs: 90 },
    ])
  })

  it('agree with a naive list after any use', () => {
    const step = fc.record({
      after: fc.nat(30),
      act: fc.constantFrom('get', 'get', 'set', 'set', 'delete'),
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      ttl: fc.integer({ min: 1, max: 100 }),
    })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 60 }), (maxEntries, steps) => {
        const cache = new ResultCache(maxEntries)
        let naive: { key: string; value: number; at: number; until: number }[] = []
        let now = 0
        for (const [index, { after, act, key, ttl }] of steps.entries()) {
          now += after
          const known = naive.find((one) => one.key === key)
          if (act === 'get') {
            const hit = cache.get(key, now)
            const live = known !== undefined && known.until > now
            expect(hit).toEqual(live ? { kept: { value: known.value }, ageMs: now - known.at } : undefined)
            naive = naive.filter((one) => one !== known)
            if (live) naive.push(known)
          } else if (act === 'delete') {
            cache.delete(key)
            naive = naive.filter((one) => one !== known)
          } else {
            cache.set(key, { value: index }, ttl, now)
            naive = naive.filter((one) => one !== known)
            // Up to four entries are all met, so the expired ones go first.
            naive = naive.filter((one) => one.until > now)
            if (naive.length >= maxEntries) naive.shift()
            naive.push({ key, value: index, at: now, until: now + ttl })
          }
          expect(cache.size).toBeLessThanOrEqual(maxEntries)
          const live = naive.filter((one) => one.until > now).map((one) => one.key)
          expect([...cache.values(now)].map((one) => one.key)).toEqual(live)
        }
      }),
      { numRuns: 400 },
    )
  })
})
