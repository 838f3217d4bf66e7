import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { idSource, idTime, isId } from './ids.ts'

describe('ids', () => {
  it('sort by creation, within a millisecond and across milliseconds', async () => {
    const clock = new VirtualClock()
    const next = idSource(clock)
    const ids: string[] = []
    for (let ms = 0; ms < 5; ms++) {
      for (let i = 0; i < 1000; i++) ids.push(next())
      await clock.advance(1)
    }
    expect(ids).toEqual([...ids].sort())
    expect(new Set(ids).size).toBe(5000)
    expect(ids.every(isId)).toBe(true)
  })

  it('carry their time', () => {
    const clock = new VirtualClock({ wallNow: 1_768_000_000_123 })
    expect(idTime(idSource(clock)())).toBe(1_768_000_000_123)
  })

  // T: 8
  it('keep growing when the wall clock steps back', () => {
    const clock = new VirtualClock()
    const next = idSource(clock)
    const before = next()
    clock.stepWall(-60_000)
    expect(next() > before).toBe(true)
  })

  it('carry over within the random part, and borrow a millisecond when it is used up', () => {
    const next = idSource({ wallNow: () => 1000 }, (bytes) => bytes.fill(31))
    const first = next()
    expect(first.slice(10)).toBe('Z'.repeat(16))
    const second = next()
    expect(second.slice(10)).toBe('0'.repeat(16))
    expect(idTime(second)).toBe(1001)
    expect(second > first).toBe(true)
  })
})
