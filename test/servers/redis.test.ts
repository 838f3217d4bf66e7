import { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { missing, ownServer } from './available.ts'
import { listens } from './gone.ts'
import { startRedis } from './redis.ts'

describe.skipIf(missing('redis'))('Redis for tests', () => {
  it('starts, answers, stops, and leaves nothing running', async () => {
    const server = await startRedis()
    const client = new Redis(server.url)
    await client.set('holdfast', 'holds')
    expect(await client.get('holdfast')).toBe('holds')
    await client.quit()
    await server.stop()
    if (ownServer('redis') === undefined) expect(await listens(Number(new URL(server.url).port))).toBe(false)
  })
})
