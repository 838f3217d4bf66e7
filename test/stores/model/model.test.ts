import { afterAll, beforeAll, describe, it } from 'vitest'
import { missing } from '../../servers/available.ts'
import type { PostgresServer } from '../../servers/postgres.ts'
import { startPostgres } from '../../servers/postgres.ts'
import type { PlayOptions } from './play.ts'
import { play } from './play.ts'
import { PLAY_MS } from './sequences.ts'
import { memoryStage, postgresStage, sqliteStage } from './stages.ts'

async function playAndClose(options: PlayOptions): Promise<void> {
  try {
    await play(options)
  } finally {
    for (const stage of options.stages) await stage.close()
  }
}

// W: 1, 6, 18, 19
describe('like a naive one, whatever happens in whatever order,', { timeout: PLAY_MS }, () => {
  let server: PostgresServer | undefined
  beforeAll(async () => {
    if (!missing('postgres')) server = await startPostgres()
  })
  afterAll(() => server?.stop())

  it('answers a memory store', () => playAndClose({ name: 'memory', stages: [memoryStage()], runs: 2000, length: 50 }))

  it('answers a SQLite store', async () =>
    playAndClose({ name: 'SQLite', stages: [await sqliteStage()], runs: 2000, length: 40 }))

  it.skipIf(missing('postgres'))('answers a PostgreSQL store', async () => {
    const stages = await Promise.all([1, 2, 3].map(() => postgresStage((server as PostgresServer).url)))
    await playAndClose({ name: 'PostgreSQL', stages, runs: 500, times: 4, length: 40 })
  })
})
