import { afterEach, describe, expect, it, vi } from 'vitest'
import type { HoldfastEvent } from '../../core/events.ts'
import { browserBot } from '../../presets/browser-bot.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { RETRYABLE_DEFAULTS, type RetryableOptions, retryable, retryableSync, retrySync } from './retryable.ts'

const failing = (times: number) => {
  let calls = 0
  return () => {
    if (++calls <= times) throw new Error(`failure ${calls}`)
    return calls
  }
}
afterEach(() => vi.restoreAllMocks())

describe('retryable', () => {
  // R: X1
  it('has the numbers of the preset', () => {
    expect(RETRYABLE_DEFAULTS).toEqual(browserBot.retry)
  })

  // R: X1
  it('wraps a sync function and an async one, and waits 0.2 s, then twice that, by half left to chance', async () => {
    for (const wrap of [(fn: () => number) => fn, (fn: () => number) => async () => fn()]) {
      const clock = new VirtualClock()
      const at: number[] = []
      const attempt = wrap(failing(2))
      const load = retryable(
        () => {
          at.push(clock.now())
          return attempt()
        },
        { clock, random: () => 0.5 },
      )
      const end = load()
      await clock.advance(10_000)
      expect([await end, at]).toEqual([3, [0, 150, 450]])
    }
  })

  // R: X1
  it('stops after 3 attempts or 10 s, and rethrows the original error', async () => {
    const clock = new VirtualClock()
    const errors: unknown[] = []
    const attempt = failing(99)
    const fails = retryable(
      () => {
        try {
          attempt()
        } catch (error) {
          errors.push(error)
          throw error
        }
      },
      { clock },
    )
    const end = fails().catch((error: unknown) => error)
    await clock.advance(10_000)
    expect(errors.length).toBe(3)
    expect(await end).toBe(errors[2])
    let calls = 0
    const slow = retryable(
      () => {
        calls++
        return new Promise((_, reject) => clock.setTimer(9900, () => reject(new Error('slow'))))
      },
      { clock, random: () => 0.5 },
    )
    const late = slow().catch((error: Error) => error.message)
    await clock.advance(60_000)
    expect([await late, calls]).toEqual(['slow', 1])
  })

  it('passes this and arguments on, and tells under the name of the function', async () => {
    const clock = new VirtualClock()
    class Page {
      readonly base = 'https://example.com'
      tries = 0
      goto = retryable(
        async function goto(this: Page, path: string, ...more: number[]) {
          if (++this.tries < 2) throw new Error('x')
          return [this.base + path, ...more]
        },
        { clock },
      )
    }
    const page = new Page()
    const events: HoldfastEvent[] = []
    page.goto.policy.observe((event) => events.push(event))
    const end = page.goto('/a', 1, 2)
    await clock.advance(1000)
    expect(await end).toEqual(['https://example.com/a', 1, 2])
    expect(events).toMatchObject([{ type: 'retry.scheduled', operation: 'goto' }])
  })

  // R: X3
  it('takes its rules by the name of the operation, of the function unless told', async () => {
    const clock = new VirtualClock()
    const byOperation = { click: { maxAttempts: 1 } }
    let calls = 0
    const click = () => {
      calls++
      throw new Error('x')
    }
    await retryable(click, { byOperation, clock })().catch(() => {})
    expect(calls).toBe(1)
    const end = retryable(click, { byOperation, clock, operation: 'other' })().catch(() => {})
    await clock.advance(60_000)
    await end
    expect(calls).toBe(4)
  })

  // T: 11
  it('refuses wrong options when it is made, not when it is called', () => {
    const make = [retryable, retryableSync, retrySync] as readonly ((fn: () => number, options: RetryableOptions) => unknown)[]
    for (const one of make) expect(() => one(() => 1, { maxAttempts: 0 })).toThrow("'retry.maxAttempts'")
    // @ts-expect-error not an option
    expect(() => retryable(() => 1, { attempts: 3 })).toThrow('attempts')
    expect(() => retryable(5 as never)).toThrow("'operation' must be a function")
    for (const options of [5, null, 'fast'])
      expect(() => retryable(() => 1, options as never)).toThrow("'retryable' must be an object of options: got")
    expect(() => retryable(() => 1, { operation: 5 as never })).toThrow("'retryable.operation' must be a non-empty string")
  })

  it('tells of a function without a name as of no operation', async () => {
    const clock = new VirtualClock()
    const nameless = retryable(failing(1), { clock })
    const told: HoldfastEvent[] = []
    nameless.policy.observe((event) => told.push(event))
    const end = nameless()
    await clock.advance(1000)
    expect([await end, told.map((event) => 'operation' in event)]).toEqual([2, [false]])
  })
})

describe('the synchronous ones', () => {
  const clock = new VirtualClock()

  // R: X1, R3, P2
  it('block the thread for each wait, and return the value', () => {
    const waits: (number | undefined)[] = []
    vi.spyOn(Atomics, 'wait').mockImplementation((_array: unknown, _index: unknown, _value: unknown, ms?: number) => {
      waits.push(ms)
      return 'timed-out'
    })
    expect(retrySync(failing(2), { clock, random: () => 0.5 })).toBe(3)
    expect(waits).toEqual([150, 300])
    const double = retryableSync((value: number) => value * 2, { clock })
    expect(double(21)).toBe(42)
  })

  // R: X1, R3
  it('really wait', () => {
    const before = performance.now()
    expect(retrySync(failing(1), { backoff: [20] })).toBe(2)
    expect(performance.now() - before).toBeGreaterThanOrEqual(19)
  })

  it('rethrow the last error itself, and refuse promises', () => {
    const error = new Error('always')
    const fail = () => {
      throw error
    }
    expect(() => retrySync(fail, { backoff: [0] })).toThrow(error)
    expect(() => retryableSync(fail, { backoff: [0] })()).toThrow(error)
    expect(() => retrySync(() => Promise.resolve(1))).toThrow('not a promise')
  })
})
