import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { missing, ownServer, programPath } from './available.ts'
import { listens } from './gone.ts'
import { startKafka } from './kafka.ts'

describe.skipIf(missing('kafka'))('the mock of Kafka for tests', () => {
  it('starts, keeps a message, stops, and leaves nothing running', async () => {
    const server = await startKafka()
    const kcat = programPath('kafka')
    execFileSync(kcat, ['-b', server.broker, '-P', '-t', 'held'], { input: 'on\n', timeout: 10_000 })
    const args = ['-b', server.broker, '-C', '-t', 'held', '-o', 'beginning', '-e', '-q']
    expect(execFileSync(kcat, args, { timeout: 10_000 }).toString()).toBe('on\n')
    await server.stop()
    if (ownServer('kafka') === undefined) expect(await listens(Number(server.broker.split(':')[1]))).toBe(false)
  })
})
