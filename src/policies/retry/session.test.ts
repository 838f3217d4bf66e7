import { expect, it } from 'vitest'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { retry } from './retry.ts'

it('all that failed is told as one error that says what it is, where that is wanted', async () => {
  const clock = new VirtualClock()
  const down = new Error('down')
  const call = retry({ maxAttempts: 2, backoff: [0], exhausted: 'wrap', clock }).execute(() => Promise.reject(down))
  const end = call.catch((error: unknown) => error)
  await clock.advance(1)
  expect(await end).toMatchObject({ name: 'RetriesExhaustedError', code: 'ERR_RETRIES_EXHAUSTED', attempts: 2, cause: down })
})
