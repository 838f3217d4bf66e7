import { expect, it } from 'vitest'
import { bulkhead } from '../policies/bulkhead/bulkhead.ts'
import { rateLimiter } from '../policies/rate-limiter/rate-limiter.ts'
import { scripted } from '../testing/scripted-operation.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { compose, noop, policy } from './policy.ts'

const clock = new VirtualClock()

// T: 12
it.each([[noop], [bulkhead({ limit: 1, clock })]])(
  'a cancel in a layer outside begins nothing further in, be it one gate or several',
  async (beside) => {
    const slow = policy('slow', (next) => async (execution) => {
      await new Promise<void>((resolve) => clock.setTimer(10, resolve))
      return next(execution)
    })
    const rate = rateLimiter({ limit: 1, per: '1h', burst: 1, clock })
    const operation = scripted().thenReturns('ok')
    const caller = new AbortController()
    const end = compose(slow, rate, beside).execute(operation, { signal: caller.signal })
    caller.abort('enough')
    await expect(end).rejects.toBe('enough')
    await clock.advance(20)
    expect([operation.calls.length, rate.consume().allowed]).toEqual([0, true])
  },
)
