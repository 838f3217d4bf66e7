import { getEventListeners } from 'node:events'
import { expect, it } from 'vitest'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { Limits } from './limits.ts'
import { TokenBucket } from './machine.ts'
import { takeTurn } from './take-turn.ts'

it('one who waits leaves no listener behind, however it ends, and takes no place when it had left before', async () => {
  const clock = new VirtualClock()
  const limits = new Limits(() => new TokenBucket(1, 1000, 1), 10, 3_600_000, clock)
  limits.tryTake(undefined, 0, 1)
  const ends: string[] = []
  const wait = (name: string, maxWaitMs: number, signal: AbortSignal) => {
    const waiting = { key: undefined, cost: 1, now: clock.now(), maxWaitMs, signal }
    const refused = (ms: number) => new Error(`refused for ${ms}`)
    takeTurn(limits, waiting, refused).then(
      () => ends.push(`${name} went`),
      (error: unknown) => ends.push(`${name} ${String(error)}`),
    )
  }
  const all = [1, 2, 3].map(() => new AbortController())
  wait('gone', 9000, AbortSignal.abort('before'))
  wait('first', 1000, all[0]!.signal)
  wait('second', 9000, all[1]!.signal)
  wait('third', 3000, all[2]!.signal)
  all[1]!.abort('enough')
  await clock.advance(1000)
  limits.change(undefined, (machine, now) => machine.penalize(now, 1))
  await clock.advance(0)
  expect(ends).toEqual(['gone before', 'second enough', 'first went'])
  limits.change(undefined, (machine, now) => machine.penalize(now, 1))
  await clock.advance(0)
  expect(ends.slice(3)).toEqual(['third Error: refused for 3000'])
  expect(all.flatMap(({ signal }) => getEventListeners(signal, 'abort'))).toEqual([])
})
