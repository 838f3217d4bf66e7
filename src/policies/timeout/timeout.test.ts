import { describe, expect, it } from 'vitest'
import { type OptionError, TimeoutError } from '../../core/errors.ts'
import { compose } from '../../core/policy.ts'
import { scripted } from '../../testing/scripted-operation.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { retry } from '../retry/retry.ts'
import { timeout } from './timeout.ts'

const clock = new VirtualClock()
const settled = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ value }),
    (error) => ({ error }),
  )

describe('a timeout', () => {
  it('fails a call that takes too long with its own error, and aborts the signal with it', async () => {
    const operation = scripted().hangsUntilAborted()
    const end = settled(timeout({ limit: '1s', clock, name: 'http' }).execute(operation))
    await clock.advance(1000)
    const { error } = (await end) as { error: TimeoutError }
    expect(error).toBeInstanceOf(TimeoutError)
    expect(error).toMatchObject({
      code: 'ERR_TIMEOUT',
      family: 1100,
      policy: 'http',
      limitMs: 1000,
      message: 'timed out after 1000 ms',
    })
    expect(operation.signals[0]!.reason).toBe(error)
  })

  it('lets a call be that is in time, and shows it its deadline', async () => {
    const operation = scripted({ clock }).resolvesAfter(999, 'ok')
    const startedAt = clock.now()
    const end = timeout({ limit: 1000, clock }).execute(operation)
    await clock.advance(5000)
    await expect(end).resolves.toBe('ok')
    const { execution } = operation.calls[0]!
    expect([execution.deadline, execution.signal.aborted]).toEqual([startedAt + 1000, false])
  })

  // T: 15
  it('aborts the signal of its own call only', async () => {
    const bounded = timeout({ limit: 100, clock })
    const [slow, fast] = [scripted().hangs(), scripted({ clock }).resolvesAfter(80, 'ok')]
    const { signal } = new AbortController()
    const late = settled(bounded.execute(slow, { signal }))
    await clock.advance(50)
    const end = bounded.execute(fast, { signal })
    await clock.advance(50)
    expect([slow.signals[0]!.aborted, fast.signals[0]!.aborted, signal.aborted]).toEqual([true, false, false])
    await clock.advance(30)
    expect([await end, 'error' in (await late)]).toEqual(['ok', true])
  })

  it('bounds each attempt inside a retry, and all of them outside', async () => {
    const inside = scripted().hangsUntilAborted()
    const each = settled(compose(retry({ backoff: () => 0, clock }), timeout({ limit: 100, clock })).execute(inside))
    await clock.advance(300)
    expect([((await each) as { error: unknown }).error instanceof TimeoutError, inside.attempts]).toEqual([true, [1, 2, 3]])
    const failing = scripted({ clock }).rejectsAfter(40)
    const whole = settled(
      compose(timeout({ limit: 100, clock }), retry({ backoff: () => 0, clock, maxAttempts: 9 })).execute(failing),
    )
    await clock.advance(200)
    expect([((await whole) as { error: unknown }).error instanceof TimeoutError, failing.calls.length]).toEqual([true, 3])
  })

  it('may depend on the call', async () => {
    const byOperation = timeout({ limit: ({ operation }) => (operation === 'goto' ? '30s' : 10), clock })
    const end = settled(byOperation.execute(scripted({ clock }).resolvesAfter(20, 'ok'), { operation: 'goto' }))
    const late = settled(byOperation.execute(scripted({ clock }).resolvesAfter(20, 'ok'), { operation: 'click' }))
    await clock.advance(20)
    expect([await end, 'error' in (await late)]).toEqual([{ value: 'ok' }, true])
  })

  // T: 11
  it('refuses options that are unknown or wrong', () => {
    for (const [options, option] of [
      [{ limit: 0 }, 'timeout.limit'],
      [{ limit: 'soon' }, 'timeout.limit'],
      [{}, 'timeout.limit'],
      [{ limit: 5, ms: 5 }, 'timeout.ms'],
      [null, 'timeout'],
    ] as [{ limit: number }, string][]) {
      let error: unknown
      try {
        timeout(options)
      } catch (thrown) {
        error = thrown
      }
      expect((error as OptionError)?.option).toBe(option)
    }
  })
})
