/**
 * Thousands of calls that wait on one signal, such as that of a shutdown, and are let go of at once. A signal looks through all
 * of its listeners to take one off, so whoever did that for each call that it aborts would pay with the square of their number.
 */
import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { CountedController } from './counted-signal.ts'
import { subjects } from './twelve.ts'

// T: 17, 30
describe('an abort of many callers', () => {
  for (const [name, { make, waits }] of Object.entries(subjects))
    it(`searches for no listener: ${name}`, async () => {
      const clock = new VirtualClock()
      const { policy, failFirst, letGo } = (typeof waits === 'string' ? make : waits)(clock)
      const caller = new CountedController()
      let calls = 0
      const operation = (): unknown => {
        if (failFirst !== undefined && calls++ === 0) throw failFirst
        return new Promise(() => {})
      }
      const call = policy.execute(operation, { signal: caller.signal, key: 'k' })
      await clock.advance(0)
      let searched = 0
      const { signal } = caller
      const remove = signal.removeEventListener.bind(signal)
      signal.removeEventListener = (...listener: Parameters<typeof remove>) => {
        searched++
        remove(...listener)
      }
      caller.abort('shut down')
      expect(searched).toBe(0)
      await expect(call).rejects.toBe('shut down')
      letGo?.()
      await clock.advance(0)
    })
})
