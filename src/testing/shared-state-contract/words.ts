import type { ExchangeAnswer, SharedState } from '../../core/shared-state.ts'
import type { SharedScenario } from './harness.ts'
import { same, truthy } from './harness.ts'

function say(state: SharedState, reporter: string, words: Record<string, unknown> = {}, ttlMs = 1000): Promise<ExchangeAnswer> {
  return state.exchange({ reporter, ttlMs, words: Object.entries(words).map(([name, value]) => ({ name, value })) })
}

/** `reporter/name=value@age` each, in order. */
function heard({ words, now }: ExchangeAnswer): readonly string[] {
  return words.map((word) => `${word.reporter}/${word.name}=${JSON.stringify(word.value)}@${now - word.saidAt}`).sort()
}

function speakers({ reporters }: ExchangeAnswer): readonly string[] {
  return [...reporters].sort()
}

export const words: readonly SharedScenario[] = [
  [
    'everybody hears the words of the others, and who speaks',
    async (harness) => {
      const { state, clock } = harness
      const other = await harness.another()
      const first = await say(state, 'a', { x: { v: 1 }, y: [null, 'ü'] })
      same([first.now, speakers(first), first.words], [await state.now(), ['a'], []], 'alone')
      await clock.advance(5)
      const second = await say(other, 'b', { x: false })
      same(
        [speakers(second), heard(second)],
        [
          ['a', 'b'],
          ['a/x={"v":1}@5', 'a/y=[null,"ü"]@5'],
        ],
        'the second',
      )
      same(heard(await say(state, 'a')), ['b/x=false@0'], 'the first')
    },
  ],
  [
    'a word lives on until it is changed or taken back',
    async ({ state, clock }) => {
      await say(state, 'a', { x: 1, y: 2, z: 3 })
      await clock.advance(10)
      await say(state, 'a', { x: 4, y: undefined })
      await clock.advance(10)
      await say(state, 'a', { y: undefined, never: undefined })
      same(heard(await say(state, 'b')), ['a/x=4@10', 'a/z=3@20'], 'changed and taken back')
      await say(state, 'a', { z: null })
      same(heard(await say(state, 'b')), ['a/x=4@10', 'a/z=null@0'], 'null is a word')
    },
  ],
  [
    'of two words on one name in one breath the last counts',
    async ({ state }) => {
      await state.exchange({
        reporter: 'a',
        ttlMs: 1000,
        words: [
          { name: 'x', value: 1 },
          { name: 'y', value: undefined },
          { name: 'x', value: undefined },
          { name: 'y', value: 2 },
        ],
      })
      same(heard(await say(state, 'b')), ['a/y=2@0'], 'the last')
    },
  ],
  [
    'all words of one that fell silent by itself are forgotten, and stay so when it speaks again',
    async ({ state, clock }) => {
      await say(state, 'a', { x: 1 }, 1000)
      await clock.advance(600)
      await say(state, 'a', {}, 1000)
      await clock.advance(999)
      same(heard(await say(state, 'b', {}, 5000)), ['a/x=1@1599'], 'kept alive by speaking at all')
      await clock.advance(1)
      const answer = await say(state, 'b', {}, 5000)
      same([speakers(answer), heard(answer)], [['b'], []], 'gone')
      await say(state, 'a', { y: 2 })
      same(heard(await say(state, 'b')), ['a/y=2@0'], 'only what it says now')
      await clock.advance(3000)
      await say(state, 'a')
      same(heard(await say(state, 'b')), [], 'nobody removed them before it spoke again')
    },
  ],
  [
    'one that leaves takes its words back; the others keep theirs',
    async ({ state }) => {
      await say(state, 'a', { x: 1 })
      await say(state, 'ab', { x: 2 })
      await say(state, 'b', { ax: 3 })
      await state.fallSilent('a')
      await state.fallSilent('a')
      await state.fallSilent('never')
      const answer = await say(state, 'c')
      same(
        [speakers(answer), heard(answer)],
        [
          ['ab', 'b', 'c'],
          ['ab/x=2@0', 'b/ax=3@0'],
        ],
        'left',
      )
    },
  ],
  [
    'an exchange that is sent twice says the same',
    async ({ state }) => {
      await say(state, 'b', { y: 1 })
      const [one, two] = [await say(state, 'a', { x: 1 }), await say(state, 'a', { x: 1 })]
      same([heard(one), speakers(one)], [heard(two), speakers(two)], 'twice')
      same(heard(await say(state, 'b')), ['a/x=1@0'], 'once')
    },
  ],
  [
    'many speak and hear at once, and nothing is lost',
    async (harness) => {
      const states = await Promise.all(Array.from({ length: 4 }, () => harness.another()))
      await Promise.all(
        Array.from({ length: 40 }, (_, n) => say(states[n % 4] as SharedState, `r${n}`, { [`w${n}`]: n, same: n }, 5000)),
      )
      const answer = await say(harness.state, 'listener')
      same([answer.reporters.length, answer.words.length], [41, 80], 'all of them')
    },
  ],
  [
    'a listener is told that there is something new, until it stops listening; one that throws hurts nobody',
    async (harness) => {
      let told = 0
      harness.state.onWord(() => {
        throw new Error('a listener of its own')
      })
      const stop = harness.state.onWord(() => void told++)
      await say(harness.state, 'a', { x: 1 })
      stop()
      // Only ever a hint: whether and when it comes is the store's affair.
      truthy(told <= 1, 'told once at most')
      await say(harness.state, 'a', { x: 2 })
      truthy(told <= 1, 'not told any more')
    },
  ],
]
