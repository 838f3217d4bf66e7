import { describe, expect, it } from 'vitest'
import { EndingMap } from './ending-map.ts'

describe('a map whose entries end', () => {
  it('answers with what has not ended', () => {
    const map = new EndingMap<number>((until) => until)
    map.set('a', 10, 0)
    map.set('b', 20, 0)
    expect([map.get('a', 9), map.get('a', 10), map.get('b', 10)]).toEqual([10, undefined, 20])
    expect(map.live(10)).toEqual([['b', 20]])
    map.delete('b')
    expect(map.live(10)).toEqual([])
  })

  // W: 6
  it('stays about as big as what lives, though nobody removes anything', () => {
    const map = new EndingMap<number>((until) => until)
    let largest = 0
    for (let now = 0; now < 20_000; now++) {
      map.set(`key ${now}`, now + 100, now)
      largest = Math.max(largest, map.size)
    }
    expect(largest).toBeLessThan(400)
  })
})
