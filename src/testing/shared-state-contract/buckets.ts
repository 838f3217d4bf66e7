import { seededRandom } from '../../core/random.ts'
import type { SharedState } from '../../core/shared-state.ts'
import type { SharedScenario } from './harness.ts'
import { others, same, take, told, truthy } from './harness.ts'
import { NaiveBucket } from './naive-bucket.ts'

export const buckets: readonly SharedScenario[] = [
  [
    'a bucket gives its burst at once, then one token each interval, and says when',
    async ({ state, clock }) => {
      for (let left = 4; left >= 0; left--) same(told(await take(state)), [1, left, 0], `token ${5 - left}`)
      same(told(await take(state)), [0, 0, 100], 'empty')
      await clock.advance(60)
      same(told(await take(state)), [0, 0, 40], 'when to ask again')
      await clock.advance(40)
      same(told(await take(state)), [1, 0, 0], 'asked then, it is granted')
      await clock.advance(100_000)
      same(told(await take(state, { cost: 5 })), [5, 0, 0], 'never above the burst')
    },
  ],
  [
    'several tokens are all granted or none; or as many as there are, and not fewer than asked for at least',
    async ({ state, clock }) => {
      await take(state, { cost: 3 })
      same(told(await take(state, { cost: 3 })), [0, 2, 100], 'none')
      same(told(await take(state, { cost: 5, atLeast: 3 })), [0, 2, 100], 'fewer than at least')
      same(told(await take(state, { cost: 5, atLeast: 1 })), [2, 0, 0], 'as many as there are')
      await clock.advance(350)
      same(told(await take(state, { cost: 2, atLeast: 1 })), [2, 1, 0], 'not more than asked for')
    },
  ],
  [
    'tokens of the future are granted to those who wait so long, in the order of asking',
    async ({ state, clock }) => {
      await take(state, { cost: 5 })
      same(told(await take(state, { maxWaitMs: 99 })), [0, 0, 100], 'not for so short a wait')
      same(told(await take(state, { maxWaitMs: 100 })), [1, 0, 100], 'the next token')
      same(told(await take(state, { maxWaitMs: 1000, cost: 2 })), [2, 0, 300], 'the two after it')
      same(told(await take(state, { maxWaitMs: 450, cost: 9, atLeast: 1 })), [1, 0, 400], 'what comes within the wait')
      await clock.advance(350)
      same(told(await take(state)), [0, 0, 150], 'the debt is paid before anything is given')
      await clock.advance(150)
      same(told(await take(state)), [1, 0, 0], 'and then given')
      same(told(await take(state, { name: 'big', cost: 8, maxWaitMs: 300 })), [8, 0, 300], 'more than the burst, over time')
    },
  ],
  [
    'a request that comes twice takes once, and is answered the same',
    async (harness) => {
      const { state, clock } = harness
      const other = await harness.another()
      same(told(await take(state, { requestId: 'r', cost: 4 })), [4, 1, 0], 'first')
      same(told(await take(other, { requestId: 'r', cost: 4 })), [4, 1, 0], 'second')
      same(told(await take(state, { requestId: 'r', cost: 4, name: 'other' })), [4, 1, 0], 'another bucket, another request')
      same(told(await take(state, { requestId: 'w', cost: 2, maxWaitMs: 500 })), [2, 0, 100], 'with a wait')
      await clock.advance(30)
      same(told(await take(state, { requestId: 'w', cost: 2, maxWaitMs: 500 })), [2, 0, 70], 'the rest of it')
      same(told(await take(state, { requestId: 'late' })), [0, 0, 170], 'refused')
      await clock.advance(170)
      same(told(await take(state, { requestId: 'late' })), [1, 0, 0], 'a refusal is not remembered')
    },
  ],
  [
    'tokens that were not used go back, once, and never above the burst',
    async ({ state }) => {
      const bucket = { name: 'api', intervalMs: 100, burst: 5 }
      await take(state, { cost: 4, requestId: 'r' })
      for (let times = 0; times < 2; times++) await state.giveBack({ ...bucket, tokens: 3, requestId: 'r' })
      same(told(await take(state, { requestId: 'r', cost: 4 })), [4, 4, 0], 'the take is remembered still')
      await state.giveBack({ ...bucket, tokens: 100, requestId: 'back' })
      same(told(await take(state, { cost: 5 })), [5, 0, 0], 'not above the burst')
      await state.giveBack({ ...bucket, name: 'untouched', tokens: 2, requestId: 'back' })
      same(told(await take(state, { name: 'untouched', cost: 1 })), [1, 4, 0], 'a full bucket stays full')
    },
  ],
  [
    'nobody takes from a blocked bucket, whatever it holds; a shorter block changes nothing',
    async (harness) => {
      const { state, clock } = harness
      const other = await harness.another()
      await state.block('api', 1000)
      await other.block('api', 10)
      same(told(await take(other)), [0, 0, 1000], 'blocked')
      same(told(await take(state, { maxWaitMs: 60_000 })), [0, 0, 1000], 'for those who would wait, too')
      same(told(await take(state, { name: 'other' })), [1, 4, 0], 'another bucket')
      await clock.advance(999)
      same(told(await take(state)), [0, 0, 1], 'to the last moment')
      await clock.advance(1)
      same(told(await take(state)), [1, 4, 0], 'then as before')
      await take(state, { cost: 4 })
      await state.block('api', 50)
      same(told(await take(state, { cost: 2 })), [0, 0, 200], 'the longer of both waits')
      await state.block('api', 0)
      same((await take(state)).granted, 0, 'a block of nothing ends none')
    },
  ],
  [
    'a limit may change between two requests: what is missing stays missing',
    async ({ state }) => {
      await take(state, { cost: 5 })
      same(told(await take(state, { intervalMs: 50, burst: 20 })), [1, 9, 0], 'of 1000 ms, 500 are missing')
      same(told(await take(state, { intervalMs: 1000, burst: 1 })), [0, 0, 550], 'of 1000 ms, 550 are missing')
    },
  ],
  [
    'buckets answer as a naive one does, whatever is asked in whatever order',
    async ({ state, clock }) => {
      const random = seededRandom(20_261_122)
      const upTo = (most: number): number => Math.floor(random() * (most + 1))
      for (const [intervalMs, burst] of [
        [7, 10],
        [100, 1],
        [1, 1000],
      ] as const) {
        const name = `naive ${intervalMs} ${burst}`
        const naive = new NaiveBucket(intervalMs, burst)
        for (let step = 0; step < 60; step++) {
          const passes = upTo(3) === 0 ? upTo(intervalMs * burst) : upTo(2 * intervalMs)
          await clock.advance(passes)
          naive.pass(passes)
          await playOne(state, naive, name, upTo, step)
        }
      }
    },
  ],
  [
    'intervals of a fraction of a ms lose nothing and give nothing away',
    async ({ state, clock }) => {
      for (const intervalMs of [100 / 3, 1000 / 7001, 0.01]) {
        let granted = 0
        const bucket = { name: `fraction ${intervalMs}`, intervalMs, burst: 5000 }
        granted += (await take(state, { ...bucket, cost: 5000, atLeast: 1 })).granted
        for (let step = 0; step < 40; step++) {
          await clock.advance(10)
          granted += (await take(state, { ...bucket, cost: 5000, atLeast: 1 })).granted
        }
        const expected = 5000 + 400 / intervalMs
        truthy(granted <= expected + 1e-6 && granted > expected - 1.01, `${granted} of ${expected} at ${intervalMs}`)
      }
      // Sums of thirtieths of a second are a little off, waits are not.
      const thirty = { name: 'thirty', intervalMs: 1000 / 30, burst: 30 }
      for (let left = 29; left >= 0; left--) same(told(await take(state, thirty)), [1, left, 0], `thirty, ${left} left`)
      same(told(await take(state, { ...thirty, cost: 30 })), [0, 0, 1000], 'thirty more')
      await clock.advance(1000)
      same(told(await take(state, { ...thirty, cost: 30 })), [30, 0, 0], 'a second later')
    },
  ],
  [
    '200 that take at once, over four connections, get what there is and no more',
    async (harness) => {
      const states = await others(harness, 4)
      const answers = await Promise.all(
        Array.from({ length: 200 }, (_, n) => take(states[n % 4] as SharedState, { name: 'busy', burst: 60, cost: 1 + (n % 2) })),
      )
      same(
        answers.reduce((sum, { granted }) => sum + granted, 0),
        60,
        'granted',
      )
      truthy(
        answers.every(({ granted }, n) => granted === 0 || granted === 1 + (n % 2)),
        'all or none',
      )
    },
  ],
  [
    'of one request sent over four connections at once, one counts',
    async (harness) => {
      const states = await others(harness, 4)
      const answers = await Promise.all(states.map((state) => take(state, { requestId: 'same', cost: 2 })))
      same(
        answers.map(({ granted }) => granted),
        [2, 2, 2, 2],
        'all are answered',
      )
      same(told(await take(harness.state)), [1, 2, 0], 'two were taken')
    },
  ],
]

async function playOne(
  state: SharedState,
  naive: NaiveBucket,
  name: string,
  upTo: (most: number) => number,
  step: number,
): Promise<void> {
  const { intervalMs, burst } = naive
  const what = upTo(9)
  if (what === 0) {
    const ms = upTo(3 * intervalMs)
    naive.block(ms)
    return state.block(name, ms)
  }
  if (what === 1) {
    const tokens = upTo(burst)
    naive.giveBack(tokens)
    return state.giveBack({ name, intervalMs, burst, tokens, requestId: `back ${step}` })
  }
  const cost = 1 + upTo(burst - 1)
  const atLeast = upTo(1) === 0 ? cost : 1 + upTo(cost - 1)
  const maxWaitMs = upTo(2) === 0 ? upTo(5 * intervalMs) : 0
  const answer = await take(state, { name, intervalMs, burst, cost, atLeast, maxWaitMs })
  same(told(answer), naive.take(cost, atLeast, maxWaitMs), `step ${step} of ${name}: ${cost}, ${atLeast}, ${maxWaitMs}`)
}
