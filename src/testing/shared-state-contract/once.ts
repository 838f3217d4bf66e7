import type { BeginAnswer, SharedState } from '../../core/shared-state.ts'
import type { SharedScenario } from './harness.ts'
import { begin, others, same, started, truthy } from './harness.ts'

function stateOf(answer: BeginAnswer): string {
  return answer.state
}

export const once: readonly SharedScenario[] = [
  [
    'work is begun by one, and the others are told who is at it',
    async (harness) => {
      const { state } = harness
      const other = await harness.another()
      const now = await state.now()
      const answer = await begin(state)
      truthy(answer.state === 'started' && answer.token !== '', 'started, with a token')
      same([answer.now, (answer as { leaseUntil: number }).leaseUntil], [now, now + 1000], 'its lease')
      same(await begin(other, { owner: 'two' }), { state: 'running', owner: 'one', leaseUntil: now + 1000, now }, 'running')
      same(stateOf(await begin(other, { owner: 'two', name: 'other' })), 'started', 'another name')
    },
  ],
  [
    'the same owner asking again gets the same token, and no more time',
    async ({ state, clock }) => {
      const first = await begin(state)
      await clock.advance(100)
      same({ ...(await begin(state)), now: 0 }, { ...first, now: 0 }, 'again')
    },
  ],
  [
    'finished work answers with its result for as long as asked, then the name is free',
    async ({ state, clock }) => {
      const token = await started(state)
      const result = { id: 7, text: 'ü\n"\u0000', none: null, list: [1, [true]] }
      await clock.advance(10)
      const now = await state.now()
      for (let times = 0; times < 2; times++)
        same(await state.finish({ name: 'charge', token, result, keepMs: 500 }), true, `finished, ${times}`)
      const done = { state: 'done', result, doneAt: now, until: now + 500, now }
      same(await begin(state, { owner: 'two' }), done, 'replayed')
      same(await begin(state), done, 'to its owner as well')
      same(await state.keep('charge', token, 1000), false, 'nothing to keep any more')
      same(await state.drop('charge', token), false, 'nothing to drop any more')
      await clock.advance(499)
      same(await begin(state, { owner: 'two' }), { ...done, now: now + 499 }, 'to the last moment')
      await clock.advance(1)
      same(await state.finish({ name: 'charge', token, result, keepMs: 500 }), false, 'its time is over')
      same(stateOf(await begin(state, { owner: 'two' })), 'started', 'forgotten')
      same(await state.finish({ name: 'charge', token, result, keepMs: 500 }), false, 'the old token is worth nothing')
    },
  ],
  [
    'a result may be anything that JSON can say, or nothing',
    async ({ state }) => {
      for (const [n, result] of [null, undefined, 0, '', false, [], {}, 'x'.repeat(100_000), [[], {}]].entries()) {
        const token = await started(state, { name: `r${n}` })
        await state.finish({ name: `r${n}`, token, result, keepMs: 500 })
        const answer = await begin(state, { name: `r${n}` })
        same(answer.state === 'done' ? [answer.result] : [], [result ?? null], `result ${n}`)
      }
    },
  ],
  [
    'work that was dropped did not happen: the name is free at once',
    async ({ state }) => {
      const token = await started(state)
      same([await state.drop('charge', token), await state.drop('charge', token)], [true, true], 'dropped, and sent twice')
      const second = await started(state, { owner: 'two', fingerprint: 'another' })
      truthy(second !== token, 'a new token')
      same(await state.drop('charge', token), true, 'a repetition that is late answers as before')
      same(stateOf(await begin(state, { owner: 'three', fingerprint: 'another' })), 'running', 'and changes nothing')
      same(await state.drop('charge', second), true, 'the second drops, too')
      same(await state.drop('nothing', 'token'), false, 'what was never begun')
    },
  ],
  [
    'a lease that ended without a word leaves an outcome that nobody knows',
    async ({ state, clock }) => {
      const now = await state.now()
      const token = await started(state)
      await clock.advance(1000)
      const unknown = { state: 'unknown', owner: 'one', leaseUntil: now + 1000, now: now + 1000 }
      same(await begin(state, { owner: 'two' }), unknown, 'to others')
      same(await begin(state), unknown, 'to its owner')
      same(await state.keep('charge', token, 1000), true, 'its owner was only late')
      same(stateOf(await begin(state, { owner: 'two', takeOver: true })), 'running', 'and is at it again')
      await clock.advance(5000)
      same(await state.finish({ name: 'charge', token, result: 1, keepMs: 500 }), true, 'or had done it')
    },
  ],
  [
    'work whose outcome nobody knows is taken over by one, and the first owner has lost it',
    async (harness) => {
      const { state, clock } = harness
      const states = await others(harness, 4)
      const token = await started(state)
      same(stateOf(await begin(state, { owner: 'two', takeOver: true })), 'running', 'not while its lease lasts')
      await clock.advance(1001)
      const answers = await Promise.all(
        states.map((other, n) => begin(other, { owner: `heir ${n}`, takeOver: true, leaseMs: 3000 })),
      )
      const heir = answers.findIndex((answer) => answer.state === 'started')
      same(answers.map(stateOf).sort(), ['running', 'running', 'running', 'started'], 'one heir')
      const again = await begin(state, { owner: `heir ${heir}`, takeOver: true })
      same(again, { ...answers[heir], now: again.now }, 'sent twice')
      same(
        [
          await state.keep('charge', token, 1000),
          await state.finish({ name: 'charge', token, result: 1, keepMs: 500 }),
          await state.drop('charge', token),
        ],
        [false, false, false],
        'the first owner',
      )
      same(stateOf(await begin(state, { owner: 'two' })), 'running', 'changed nothing')
    },
  ],
  [
    'an unknown outcome is remembered as long as asked, and does not pile up',
    async ({ state, clock }) => {
      await started(state, { keepMs: 5000 })
      await started(state, { name: 'by default' })
      await clock.advance(5999)
      same(stateOf(await begin(state)), 'unknown', 'to the last moment')
      await clock.advance(1)
      same(stateOf(await begin(state, { owner: 'two', fingerprint: 'other' })), 'started', 'forgotten')
      same(stateOf(await begin(state, { name: 'by default' })), 'unknown', 'a day by default')
      await clock.advance(24 * 3_600_000)
      same(stateOf(await begin(state, { name: 'by default' })), 'started', 'and no longer')
    },
  ],
  [
    'the same name for something else is refused, whatever became of the first',
    async ({ state, clock }) => {
      const token = await started(state)
      const now = await state.now()
      const other = () => begin(state, { owner: 'two', fingerprint: 'g', takeOver: true })
      same(await other(), { state: 'mismatch', now }, 'running')
      await clock.advance(1000)
      same(stateOf(await other()), 'mismatch', 'unknown')
      await state.finish({ name: 'charge', token, result: 1, keepMs: 500 })
      same(stateOf(await other()), 'mismatch', 'done')
      await clock.advance(500)
      same(stateOf(await other()), 'started', 'forgotten')
    },
  ],
  [
    'a lease is prolonged by its token alone',
    async ({ state, clock }) => {
      const token = await started(state)
      await clock.advance(900)
      same(await state.keep('charge', token, 1000), true, 'ours')
      same(await state.keep('charge', 'other', 9000), false, 'not theirs')
      same(await state.keep('never', token, 9000), false, 'not begun')
      await clock.advance(999)
      same(stateOf(await begin(state, { owner: 'two' })), 'running', 'prolonged')
      await clock.advance(1)
      same(stateOf(await begin(state, { owner: 'two' })), 'unknown', 'by so much')
    },
  ],
  [
    'of many that begin at once, one starts',
    async (harness) => {
      const states = await others(harness, 4)
      const answers = await Promise.all(
        Array.from({ length: 60 }, (_, n) => begin(states[n % 4] as SharedState, { owner: `o${n}` })),
      )
      same(answers.filter((answer) => answer.state === 'started').length, 1, 'one')
      same(answers.filter((answer) => answer.state === 'running').length, 59, 'the others')
    },
  ],
]
