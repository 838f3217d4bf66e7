import { tmpdir } from 'node:os'
import { expect, it } from 'vitest'
import { NOW, runCommand } from '../../src/cli/testing/scripted-io.ts'
import { readClock } from '../../src/stores/postgres/read-clock.ts'
import { missing } from '../servers/available.ts'
import { startPostgres } from '../servers/postgres.ts'

// W: 4
it.skipIf(missing('postgres'))("the doctor sees that the server's clock is not this host's", { timeout: 60_000 }, async () => {
  const server = await startPostgres()
  try {
    expect(Math.abs((await readClock(server.url)) - Date.now())).toBeLessThan(2000)
    // The command's own clock stands in 2030.
    const { out } = await runCommand(['doctor'], { cwd: tmpdir(), env: { HOLDFAST_STORE: server.url } })
    expect(new Date(NOW).getUTCFullYear()).toBe(2030)
    expect(out).toMatch(/warning +clock: 2030-01-01T.*, but the store's clock is \d+d.* behind this/)
  } finally {
    await server.stop()
  }
})
