import { sleep, systemClock } from '../../core/clock.ts'
import type { SharedState } from '../../core/shared-state.ts'
import type { SharedScenario } from './harness.ts'
import { begin, rejects, same, started, take, told, truthy } from './harness.ts'

const CENTURY = 100 * 365 * 86_400_000

/** One call of each operation. */
function callsOf(state: SharedState): readonly (readonly [string, () => Promise<unknown>])[] {
  return [
    ['check', () => state.check()],
    ['now', () => state.now()],
    ['acquire', () => state.acquire('l', 'a', 1000)],
    ['release', () => state.release('l', 'a')],
    ['exchange', () => state.exchange({ reporter: 'a', words: [{ name: 'x', value: 1 }], ttlMs: 1000 })],
    ['fallSilent', () => state.fallSilent('a')],
    ['take', () => take(state)],
    ['giveBack', () => state.giveBack({ name: 'api', intervalMs: 100, burst: 5, tokens: 1, requestId: 'r' })],
    ['block', () => state.block('api', 1)],
    ['begin', () => begin(state, { name: 'general' })],
    ['keep', () => state.keep('charge', 'token', 1000)],
    ['finish', () => state.finish({ name: 'charge', token: 'token', result: 1, keepMs: 1000 })],
    ['drop', () => state.drop('charge', 'token')],
    ['readStates', () => state.readStates('')],
    ['writeState', () => state.writeState('a', 1)],
    ['deleteState', () => state.deleteState('a')],
  ]
}

export const general: readonly SharedScenario[] = [
  [
    'states are kept by name, found by prefix, replaced and removed',
    async (harness) => {
      const { state, clock } = harness
      const other = await harness.another()
      await state.writeState('target/a', { v: 1 })
      await state.writeState('target/b_%*', [null, 'ü:1'])
      await other.writeState('other', 'x')
      const before = (await other.readStates('target/a'))[0]?.updatedAt as number
      await clock.advance(5)
      await other.writeState('target/a', { v: 2 })
      const [a, b] = await state.readStates('target/')
      same([a?.name, a?.value, (a?.updatedAt as number) - before, b?.value], ['target/a', { v: 2 }, 5, [null, 'ü:1']], 'two')
      same((await state.readStates('')).length, 3, 'all')
      same(await state.readStates('target/b_%*x'), [], 'none')
      await state.deleteState('target/a')
      await state.deleteState('target/a')
      same(
        (await state.readStates('target/')).map(({ name }) => name),
        ['target/b_%*'],
        'one is left',
      )
    },
  ],
  [
    'a store that works says so, where it is, and what its set-up risks',
    async ({ state }) => {
      for (const { code, message, hint } of await state.check())
        truthy(code !== '' && message !== '' && hint !== '', 'a warning is a code, a message and what to do')
      same([typeof state.description, await state.now()], ['string', await state.now()], 'where, and when')
    },
  ],
  [
    'what lasts for ever lasts 100 years, and fractions of a ms are whole ones',
    async ({ state }) => {
      const now = await state.now()
      for (const forever of [Number.POSITIVE_INFINITY, 1e300, Number.MAX_SAFE_INTEGER])
        same(await state.acquire('l', 'a', forever), { granted: true, until: now + CENTURY, now }, `a lease of ${forever}`)
      same((await state.acquire('m', 'a', 0.2)).until, now + 1, 'up')
      same((await state.acquire('m', 'a', 0)).until, now + 1, 'at least one')
      await state.block('api', Number.POSITIVE_INFINITY)
      same((await take(state)).waitMs, CENTURY, 'a block')
      await state.exchange({ reporter: 'a', words: [{ name: 'x', value: 1 }], ttlMs: 1e300 })
      const token = await started(state, { leaseMs: 1e300, keepMs: Number.POSITIVE_INFINITY })
      same(await state.keep('charge', token, 1e300), true, 'kept')
      same(await state.finish({ name: 'charge', token, result: 1, keepMs: 1e300 }), true, 'finished')
      const answer = await begin(state)
      same(answer.state === 'done' && answer.until, now + CENTURY, 'kept for 100 years')
    },
  ],
  [
    'a clock that is set back prolongs nothing beyond its own length',
    async ({ state, clock }) => {
      await state.acquire('l', 'a', 1000)
      await state.exchange({ reporter: 'a', words: [{ name: 'x', value: 1 }], ttlMs: 1000 })
      await take(state, { cost: 5 })
      await take(state, { name: 'other', cost: 5 })
      await state.block('blocked', 1000)
      await started(state, { keepMs: 2000 })
      clock.stepWall(-3_600_000)
      const now = await state.now()
      const listen = async () => (await state.exchange({ reporter: 'b', words: [], ttlMs: 1000 })).words.length
      same(await state.acquire('l', 'b', 1000), { granted: false, owner: 'a', until: now + 1000, now }, 'the lease')
      same(await listen(), 1, 'the word')
      same(told(await take(state)), [0, 0, 100], 'the bucket')
      same(told(await take(state, { name: 'other', maxWaitMs: 100 })), [1, 0, 100], 'a bucket that is taken from')
      same(told(await take(state, { name: 'blocked' })), [0, 0, 1000], 'the block')
      same(await begin(state, { owner: 'b' }), { state: 'running', owner: 'one', leaseUntil: now + 1000, now }, 'the work')
      await clock.advance(1000)
      same((await state.acquire('l', 'b', 1000)).granted, true, 'the lease is over')
      same(await listen(), 0, 'the word is forgotten')
      same(told(await take(state)), [1, 4, 0], 'the bucket is full')
      same(told(await take(state, { name: 'other' })), [1, 4, 0], 'the other one, too')
      same(told(await take(state, { name: 'blocked' })), [1, 4, 0], 'the block is over')
      same((await begin(state, { owner: 'b' })).state, 'unknown', 'the work is left')
      await clock.advance(2000)
      same((await begin(state, { owner: 'b', fingerprint: 'g' })).state, 'started', 'and forgotten')
    },
  ],
  [
    'a clock that is set forth ends what ended meanwhile, and no more',
    async ({ state, clock }) => {
      await state.acquire('short', 'a', 1000)
      await state.acquire('long', 'a', 7_200_000)
      await take(state, { cost: 5 })
      clock.stepWall(3_600_000)
      same((await state.acquire('short', 'b', 1000)).granted, true, 'over')
      same((await state.acquire('long', 'b', 1000)).granted, false, 'not over')
      same(told(await take(state)), [1, 4, 0], 'full, and no fuller')
    },
  ],
  [
    'what makes no sense is refused, and nothing happens',
    async ({ state }) => {
      const bucket = { name: 'api', intervalMs: 100, burst: 5 }
      const unlikely = undefined as never
      const calls: readonly (readonly [string, () => Promise<unknown>])[] = [
        ['an empty name', () => state.acquire('', 'a', 1)],
        ['a name too long', () => state.acquire('x'.repeat(513), 'a', 1)],
        ['a name with NUL', () => state.acquire('a\0b', 'a', 1)],
        ['half a character', () => state.acquire('\ud83d', 'a', 1)],
        ['no owner', () => state.acquire('a', unlikely, 1)],
        ['no ttl', () => state.acquire('a', 'a', unlikely)],
        ['a ttl before now', () => state.acquire('a', 'a', -1)],
        ['a ttl that is no number', () => state.acquire('a', 'a', Number.NaN)],
        ['no reporter', () => state.exchange({ reporter: '', words: [], ttlMs: 1 })],
        ['a word without a name', () => state.exchange({ reporter: 'a', words: [{ name: '', value: 1 }], ttlMs: 1 })],
        ['nobody falls silent', () => state.fallSilent('')],
        ['no cost', () => take(state, { cost: 0 })],
        ['part of a token', () => take(state, { cost: 1.5 })],
        ['no interval', () => take(state, { intervalMs: 0 })],
        ['no burst', () => take(state, { burst: 0 })],
        ['no request id', () => take(state, { requestId: '' })],
        ['more at least than wanted', () => take(state, { cost: 1, atLeast: 2 })],
        ['none at least', () => take(state, { atLeast: 0 })],
        ['more than there ever is', () => take(state, { cost: 6 })],
        ['more than there is within the wait', () => take(state, { cost: 8, maxWaitMs: 299 })],
        ['a wait before now', () => take(state, { maxWaitMs: -1 })],
        ['fewer than none back', () => state.giveBack({ ...bucket, tokens: -1, requestId: 'r' })],
        ['a block before now', () => state.block('api', -1)],
        ['no fingerprint', () => begin(state, { fingerprint: '' })],
        ['no lease', () => begin(state, { leaseMs: unlikely })],
        ['no token', () => state.keep('charge', '', 1)],
        ['no name to finish', () => state.finish({ name: '', token: 't', result: 1, keepMs: 1 })],
        ['no time to keep', () => state.finish({ name: 'charge', token: 't', result: 1, keepMs: Number.NaN })],
        ['nothing to drop', () => state.drop('', 't')],
        ['no name of a state', () => state.writeState('', 1)],
      ]
      for (const [what, call] of calls) await rejects(call(), 'ERR_OPTION', what)
      const cycle: Record<string, unknown> = {}
      cycle.self = cycle
      const said = state.exchange({ reporter: 'a', words: [{ name: 'x', value: cycle }], ttlMs: 1000 })
      same(await said.catch((error: unknown) => (error as Error).name), 'TypeError', 'what is not JSON')
      same((await state.exchange({ reporter: 'b', words: [], ttlMs: 1000 })).reporters, ['b'], 'nothing happened')
      same((await take(state)).remaining, 4, 'and nothing was taken')
    },
  ],
  [
    'what was said outlives those who said it, where the store is durable',
    async (harness) => {
      if (harness.reopen === undefined) {
        same(harness.state.capabilities.durable, false, 'a store that cannot be opened again is not durable')
        return
      }
      const before = harness.state
      await before.acquire('l', 'a', 10_000)
      await before.exchange({ reporter: 'a', words: [{ name: 'x', value: 1 }], ttlMs: 10_000 })
      await take(before, { cost: 4 })
      const token = await started(before)
      await before.finish({ name: 'charge', token, result: 'done', keepMs: 10_000 })
      await before.writeState('s', 1)
      const state = await harness.reopen()
      same((await state.acquire('l', 'b', 1)).granted, false, 'the lease')
      same((await state.exchange({ reporter: 'b', words: [], ttlMs: 1000 })).words.length, 1, 'the word')
      same((await take(state)).remaining, 0, 'the bucket')
      same((await begin(state)).state, 'done', 'the record')
      same((await state.readStates('s'))[0]?.value, 1, 'the state')
    },
  ],
  [
    'while the store is gone whatever would change it says so, and afterwards all is as before',
    async ({ state, outage }) => {
      if (outage === undefined) return
      await state.acquire('l', 'a', 60_000)
      await outage.begin()
      try {
        const changing = callsOf(state).filter(([name]) => name !== 'now' && name !== 'readStates')
        await Promise.all(changing.map(([name, call]) => rejects(call(), 'ERR_STORE_UNAVAILABLE', name)))
      } finally {
        await outage.end()
      }
      await comesBack(state)
      same((await state.acquire('l', 'b', 1)).granted, false, 'the lease')
      for (const [, call] of callsOf(state)) await call()
    },
  ],
  [
    'a closed one refuses everything, and closing it again is fine',
    async ({ state }) => {
      await state.close()
      await state.close()
      for (const [name, call] of [...callsOf(state), ['open', () => state.open()] as const])
        await rejects(call(), 'ERR_STORE_UNAVAILABLE', name)
    },
  ],
]

/** By itself, within a time that bounds every wait between tries. */
async function comesBack(state: SharedState): Promise<void> {
  const until = systemClock.now() + 10_000
  for (;;) {
    try {
      await state.check()
      return
    } catch (error) {
      if (systemClock.now() > until) throw error
      await sleep(systemClock, 20)
    }
  }
}
