import { describe, expect, it } from 'vitest'
import { type OptionError, TimeoutError } from '../../core/errors.ts'
import { LiveExecution } from '../../core/execution.ts'
import { compose } from '../../core/policy.ts'
import { browserBot } from '../../presets/browser-bot.ts'
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

  it('shows its limits, as far as they are known ahead', () => {
    const shown = (options: Parameters<typeof timeout>[0]) => timeout(options).describe().options
    expect(shown('1s')).toEqual({ limitMs: 1000, graceMs: 0 })
    expect(Object.keys(shown('1s'))).not.toContain('byOperation')
    expect(shown({ limit: () => 5, byOperation: { goto: '2s', wait: Number.POSITIVE_INFINITY } })).toEqual({
      limitBy: 'call',
      byOperation: { goto: { limitMs: 2000 }, wait: {} },
      graceMs: 0,
    })
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

  // R: X5
  it('has its limit by operation, and the common one for all others', async () => {
    const profiles = timeout({ limit: 10, byOperation: { goto: '30s', click: 50, stream: Number.POSITIVE_INFINITY }, clock })
    const endsAfter = async (operation: string | undefined, limit = profiles) => {
      const from = clock.now()
      let at: number | undefined
      const end = settled(limit.execute(scripted().hangsUntilAborted(), { operation })).then(() => (at = clock.now() - from))
      await clock.advance(100_000)
      if (at !== undefined) await end
      return at
    }
    expect(await endsAfter('goto')).toBe(30_000)
    expect(await endsAfter('click')).toBe(50)
    expect(await endsAfter('stream')).toBeUndefined()
    expect([await endsAfter('other'), await endsAfter(undefined), await endsAfter('toString')]).toEqual([10, 10, 10])
    const mixed = timeout({ limit: ({ attempt }) => attempt * 7, byOperation: { goto: 9 }, clock })
    expect([await endsAfter('goto', mixed), await endsAfter('other', mixed)]).toEqual([9, 7])
  })

  // R: X5
  it('takes the profiles of a bot as they are', () => {
    const { timeouts, timeoutFor } = browserBot
    const byOperation = Object.fromEntries(Object.entries(timeoutFor).map(([name, profile]) => [name, timeouts[profile]]))
    const profiles = timeout({ limit: timeouts.normal, byOperation, clock })
    const limitOf = (operation: string) => profiles.limitMs(new LiveExecution(clock, () => 1, { operation }))
    expect(['goto', 'click', 'http_get', 'rmq_publish', 'any'].map(limitOf)).toEqual([30_000, 10_000, 8000, 15_000, 10_000])
  })

  // T: 14
  it('and the caller each have their own error: who was first decides', async () => {
    for (const [cancelAt, expected] of [
      [99, 'enough'],
      [101, 'timed out after 100 ms'],
    ] as const) {
      const controller = new AbortController()
      const operation = scripted().hangs()
      const end = settled(timeout({ limit: 100, clock }).execute(operation, { signal: controller.signal }))
      clock.setTimer(cancelAt, () => controller.abort(new Error('enough')))
      await clock.advance(200)
      expect(((await end) as { error: Error }).error.message).toBe(expected)
      expect((operation.signals[0]!.reason as Error).message).toBe(expected)
    }
  })

  // T: 14
  it('says which of two nested limits it was', async () => {
    for (const [outer, inner, culprit] of [
      [50, 100, 'outer'],
      [100, 50, 'inner'],
    ] as const) {
      const stack = compose(timeout({ limit: outer, clock, name: 'outer' }), timeout({ limit: inner, clock, name: 'inner' }))
      const end = settled(stack.execute(scripted().hangs()))
      await clock.advance(200)
      expect((await end) as object).toMatchObject({ error: { policy: culprit, limitMs: 50 } })
    }
  })

  // T: 11
  it('refuses options that are unknown or wrong', () => {
    for (const [options, option] of [
      [{ limit: 0 }, 'timeout.limit'],
      [{ limit: 'soon' }, 'timeout.limit'],
      [{}, 'timeout.limit'],
      [{ limit: 5, ms: 5 }, 'timeout.ms'],
      [{ limit: 5, byOperation: 5 }, 'timeout.byOperation'],
      [{ limit: 5, byOperation: { goto: 0 } }, 'timeout.byOperation.goto'],
      [{ byOperation: { goto: 5 } }, 'timeout.limit'],
      [{ limit: 5, grace: -1 }, 'timeout.grace'],
      [{ limit: 5, release: 'never' }, 'timeout.release'],
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
