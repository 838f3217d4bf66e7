import { expect, it } from 'vitest'
import { VirtualClock } from '../../../testing/virtual-clock.ts'
import { IdleHands } from './idle-hands.ts'
import type { SharedRules } from './options.ts'
import type { SharedBucket } from './shared-bucket.ts'

const make = (strict = false) => {
  const clock = new VirtualClock({ now: 5000 })
  const back: string[] = []
  const bucket = (name: string, usedAt: number) => ({
    name,
    hand: { usedAt },
    putBack: () => back.push(`${name}@${clock.now()}`),
  })
  const buckets = [bucket('a', 5000), bucket('b', 5300)]
  const rules = { strict, idleMs: 1000, clock } as unknown as SharedRules
  const hands = new IdleHands(rules, () => buckets as unknown as SharedBucket[])
  const timers = () => clock.pendingTimers({ includeIdle: true })
  return { clock, hands, back, timers }
}

it('hands that were not used for so long give back, by one timer, until none is left', async () => {
  const { clock, hands, back, timers } = make()
  hands.watch()
  hands.watch()
  expect([timers(), clock.pendingTimers()]).toEqual([1, 0])
  await clock.advance(999)
  expect(back).toEqual([])
  await clock.advance(1)
  expect([back, timers()]).toEqual([['a@6000'], 1])
  await clock.advance(10_000)
  expect([back.slice(1), timers()]).toEqual([['a@7000', 'b@7000'], 0])
  hands.watch()
  expect(timers()).toBe(1)
})

it('nobody looks after the end, nor where nothing is ever in hand', async () => {
  const { hands, back, clock, timers } = make()
  hands.stop()
  hands.watch()
  hands.stop()
  expect(timers()).toBe(0)
  hands.watch()
  await clock.advance(1000)
  expect(back).toEqual(['a@6000'])
  const strict = make(true)
  strict.hands.watch()
  expect(strict.timers()).toBe(0)
})
