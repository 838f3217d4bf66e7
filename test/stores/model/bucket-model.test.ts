import { afterAll, beforeAll, describe, it } from 'vitest'
import type { SharedState } from '../../../src/core/shared-state.ts'
import { memorySharedState } from '../../../src/stores/memory/index.ts'
import { postgresSharedState } from '../../../src/stores/postgres/index.ts'
import { redisSharedState } from '../../../src/stores/redis/index.ts'
import { sqliteSharedState } from '../../../src/stores/sqlite/index.ts'
import { VirtualClock } from '../../../src/testing/virtual-clock.ts'
import { missing } from '../../servers/available.ts'
import { startPostgres } from '../../servers/postgres.ts'
import { startRedis } from '../../servers/redis.ts'
import { bucketsAnswerAsNaiveOnes } from './bucket-model.ts'
import { PLAY_MS } from './sequences.ts'

interface Server {
  readonly url: string
  stop(): Promise<void>
}

/** What ends by the clock of one would end for all who share tables or keys: each has its own, by its number. */
type Make = (clock: VirtualClock, number: number, url: string) => SharedState

// R: I3
describe('token buckets answer as naive ones do, whatever is asked in whatever order,', { timeout: PLAY_MS }, () => {
  async function play(name: string, make: Make, players: number, runs: number, url = ''): Promise<void> {
    const states = Array.from({ length: players }, (_, number) => {
      const clock = new VirtualClock()
      return { clock, state: make(clock, number, url) }
    })
    for (const { state } of states) await state.open()
    try {
      await bucketsAnswerAsNaiveOnes({ name, states, runs, length: 30 })
    } finally {
      for (const { state } of states) await state.close()
    }
  }

  it('in memory', () => play('memory', (clock) => memorySharedState({ clock }), 1, 2000))
  it('in SQLite', () => play('SQLite', (clock) => sqliteSharedState({ path: ':memory:', clock }), 1, 2000))

  describe.each<[string, boolean, () => Promise<Server>, Make, number]>([
    [
      'PostgreSQL',
      missing('postgres'),
      startPostgres,
      (clock, n, url) => postgresSharedState({ url, schema: `buckets_${n}`, notify: false, serverNow: () => clock.wallNow() }),
      500,
    ],
    [
      'Redis',
      missing('redis'),
      startRedis,
      (clock, n, url) => redisSharedState({ url, prefix: `buckets-${n}`, serverNow: () => clock.wallNow() }),
      1000,
    ],
  ])('in %s', (name, isMissing, start, make, runs) => {
    let server: Server | undefined
    beforeAll(async () => {
      if (!isMissing) server = await start()
    })
    afterAll(() => server?.stop())

    it.skipIf(isMissing)('on a real server', () => play(name, make, 3, runs, server?.url))
  })
})
