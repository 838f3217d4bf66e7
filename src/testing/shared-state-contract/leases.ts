import type { SharedState } from '../../core/shared-state.ts'
import type { SharedScenario } from './harness.ts'
import { others, same } from './harness.ts'

export const leases: readonly SharedScenario[] = [
  [
    'a lease is one owner at a time, and tells the others who and until when',
    async (harness) => {
      const { state, clock } = harness
      const other = await harness.another()
      const now = await state.now()
      same(await state.acquire('l', 'a', 1000), { granted: true, until: now + 1000, now }, 'free')
      same(await other.acquire('l', 'b', 5000), { granted: false, owner: 'a', until: now + 1000, now }, 'taken')
      same((await other.acquire('m', 'b', 1000)).granted, true, 'another name')
      await clock.advance(999)
      same((await other.acquire('l', 'b', 5000)).granted, false, 'to its last moment')
      await clock.advance(1)
      same(await other.acquire('l', 'b', 5000), { granted: true, until: now + 6000, now: now + 1000 }, 'then it is free')
      same((await state.acquire('l', 'a', 1)).granted, false, 'and the first one has lost it')
    },
  ],
  [
    'its owner prolongs a lease, shortens it, and is answered so as often as it asks',
    async ({ state, clock }) => {
      const { now } = await state.acquire('l', 'a', 1000)
      await clock.advance(600)
      same(await state.acquire('l', 'a', 1000), { granted: true, until: now + 1600, now: now + 600 }, 'prolonged')
      await clock.advance(900)
      same((await state.acquire('l', 'b', 1)).granted, false, 'still held')
      for (let times = 0; times < 2; times++)
        same(await state.acquire('l', 'a', 10), { granted: true, until: now + 1510, now: now + 1500 }, 'shortened')
      await clock.advance(10)
      same((await state.acquire('l', 'b', 1)).granted, true, 'over')
    },
  ],
  [
    "one's own lease is ended; another's is left, and what is not held",
    async ({ state }) => {
      await state.acquire('l', 'a', 1000)
      await state.release('l', 'b')
      await state.release('never', 'b')
      same((await state.acquire('l', 'b', 1000)).granted, false, "another's is left")
      await state.release('l', 'a')
      await state.release('l', 'a')
      same((await state.acquire('l', 'b', 1000)).granted, true, 'ended')
      await state.release('l', 'a')
      same((await state.acquire('l', 'c', 1000)).granted, false, 'what was once ours is not ours to end')
    },
  ],
  [
    'of many that ask at once, one is granted',
    async (harness) => {
      const states = await others(harness, 4)
      const answers = await Promise.all(
        Array.from({ length: 60 }, (_, n) => (states[n % 4] as SharedState).acquire('l', `owner ${n}`, 1000)),
      )
      same(answers.filter((answer) => answer.granted).length, 1, 'granted')
    },
  ],
  [
    'names and owners may be any text',
    async ({ state }) => {
      const odd = ['a b', 'ü{x}y', '}', '%7b', '日本 🌊', "';--", '1 2 3', 'x\ny', '*', 'n'.repeat(512)]
      for (const name of odd) same((await state.acquire(name, `owner of ${name}`.slice(0, 512), 1000)).granted, true, name)
      for (const name of odd) {
        const answer = await state.acquire(name, 'other', 1000)
        same(answer.granted ? '' : answer.owner, `owner of ${name}`.slice(0, 512), name)
      }
    },
  ],
]
