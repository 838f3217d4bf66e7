import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RecentKeys } from './recent-keys.ts'

const make = (rules: { maxKeys?: number; idleMs?: number; keep?: (value: number, key: string) => boolean } = {}) => {
  const dropped: number[] = []
  const keys = new RecentKeys<number>({
    maxKeys: 100,
    idleMs: 1000,
    keep: undefined,
    ...rules,
    onDrop: (value) => dropped.push(value),
  })
  return { keys, dropped, names: () => [...keys].map(([key]) => key).join('') }
}

describe('recent keys', () => {
  // T: 31
  it('are never more than allowed, after any sequence, and the one just used is always known', () => {
    const step = fc.record({ key: fc.nat(30), after: fc.nat(300), forget: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step), fc.integer({ min: 1, max: 10 }), (steps, maxKeys) => {
        const { keys, dropped } = make({ maxKeys, keep: (value) => value % 3 === 0 })
        let [now, made, forgotten] = [0, 0, 0]
        for (const { key, after, forget } of steps) {
          now += after
          if (keys.use(String(key), now) === undefined) {
            made++
            keys.add(String(key), key, now)
          }
          expect(keys.peek(String(key))).toBe(key)
          expect(keys.size).toBeLessThanOrEqual(maxKeys)
          if (forget && keys.delete(String(key + 1))) forgotten++
          expect(keys.size).toBe(made - dropped.length)
        }
        expect(dropped.length).toBeGreaterThanOrEqual(forgotten)
      }),
    )
  })

  it('are forgotten at a word, the latest too', () => {
    const { keys } = make()
    keys.add('a', 1, 0)
    expect([keys.delete('a'), keys.use('a', 0), keys.delete('a'), keys.size]).toEqual([true, undefined, false, 0])
  })

  it('lose the least recently used when there are too many, those to be kept last', () => {
    const { keys, dropped, names } = make({ maxKeys: 3, keep: (value) => value === 1 })
    for (const [value, key] of ['a', 'b', 'c'].entries()) keys.add(key, value + 1, 0)
    keys.use('b', 1)
    expect(names()).toBe('acb')
    keys.add('d', 4, 1)
    expect([names(), dropped]).toEqual(['abd', [3]])
    const all = make({ maxKeys: 2, keep: () => true })
    for (const key of 'abc') all.keys.add(key, 1, 0)
    expect(all.names()).toBe('bc')
  })

  it('are looked at a few at a time, the least recently used first', () => {
    const looked: string[] = []
    const { keys } = make({ keep: (_, key) => looked.push(key) < 0 })
    for (let at = 10; at < 30; at++) keys.add(`k${at}`, at, 0)
    looked.length = 0
    keys.add('new', 1, 0)
    expect(looked).toEqual([10, 11, 12, 13, 14, 15, 16, 17].map((at) => `k${at}`))
  })

  // T: 31
  it('lose what is idle with the next new key, without a timer', () => {
    const { keys, names } = make({ keep: (_, key) => key === 'b' })
    for (const key of 'abc') keys.add(key, 1, 0)
    keys.use('c', 500)
    keys.add('d', 1, 999)
    expect(names()).toBe('abcd')
    keys.add('e', 1, 1000)
    expect(names()).toBe('bcde')
    keys.add('f', 1, 1500)
    expect(names()).toBe('bdef')
  })
})
