import { expect, it } from 'vitest'
import { explain, rateLimiter } from '../../src/index.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

it('that the next turn comes nearer while a call runs is nothing that was learnt; that a server puts it off is', async () => {
  const clock = new VirtualClock()
  const limiter = rateLimiter({ limit: 1, per: '1s', learn: true, clock })
  const learnt = async (response: object) => {
    const { decisions } = await explain(limiter, async () => {
      await clock.advance(100)
      return response
    })
    return decisions.filter(({ verdict }) => verdict === 'learnt').map(({ reason }) => reason)
  }
  expect(await learnt({ status: 200, headers: {} })).toEqual([])
  await clock.advance(2000)
  expect(await learnt({ status: 429, headers: { 'retry-after': '30' } })).toEqual(['retryAfterMs 900 → 30000'])
})
