import { expect, it } from 'vitest'
import { redisSharedState } from './redis-shared-state.ts'
import type { RedisClient } from './redis-types.ts'

it('a server that is too old is said to be, before any script fails on it', async () => {
  const asked: string[] = []
  const client = {
    status: 'ready',
    on: () => {},
    removeListener: () => {},
    evalsha: () => Promise.resolve(1),
    call: (...words: string[]) => {
      asked.push(words.join(' '))
      return Promise.resolve('# Server\r\nredis_version:4.0.9\r\n')
    },
  } as unknown as RedisClient
  const state = redisSharedState({ client })
  await state.open()
  expect(await state.check()).toMatchObject([{ code: 'redis-too-old', message: expect.stringContaining('4.0.9') as string }])
  expect(asked).toEqual(['INFO server'])
  await state.close()
})
