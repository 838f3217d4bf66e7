import { describe, expect, it } from 'vitest'
import type { Budget } from '../../core/budget-port.ts'
import { RejectedError } from '../../core/errors.ts'
import { compose } from '../../core/policy.ts'
import { scripted } from '../../testing/scripted-operation.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { budget } from '../budget/budget.ts'
import { attemptsOf, type RetryOptions, retry } from './retry.ts'

/** A purse that tells what happened to it, and when. */
class Purse implements Budget {
  readonly story: string[] = []
  left: number
  constructor(left: number) {
    this.left = left
  }
  noteCall(): void {
    this.story.push('call')
  }
  reserve(now: number): boolean {
    this.story.push(`reserve at ${now}`)
    return this.left-- > 0
  }
  refund(): void {
    this.story.push('refund')
    this.left++
  }
}
const make = (left: number, options: RetryOptions = {}) => {
  const clock = new VirtualClock()
  const purse = new Purse(left)
  const backoff = { type: 'constant', initial: 100, jitter: 'none' } as const
  return { clock, purse, policy: retry({ backoff, budget: purse, clock, ...options }), operation: scripted<unknown>({ clock }) }
}
const settled = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ value }),
    (error) => ({ error }),
  )

describe('a retry with a budget', () => {
  // T: 26
  it('reserves before it waits, once for each further attempt, and not for the first', async () => {
    const { clock, purse, policy, operation } = make(9)
    const end = settled(policy.execute(operation.fails(2).thenReturns('ok')))
    await clock.advance(0)
    expect(purse.story).toEqual(['reserve at 0'])
    await clock.advance(1000)
    expect([await end, purse.story, purse.left]).toEqual([{ value: 'ok' }, ['reserve at 0', 'reserve at 100'], 7])
  })

  // T: 26
  it('ends with the last error itself when nothing is left, at once', async () => {
    const { clock, purse, policy, operation } = make(1)
    const [first, last] = [new Error('first'), new Error('last')]
    let reason: unknown
    policy.observe((event) => {
      if (event.type === 'retry.gave-up') reason = event.reason
    })
    const end = settled(policy.execute(operation.fails(1, first).fails(9, last)))
    await clock.advance(100)
    expect(await end).toEqual({ error: last })
    expect([reason, attemptsOf(last), operation.calls.length, purse.story.length]).toEqual(['budget', [first, last], 2, 2])
  })

  // T: 26, 12
  it('gives back what it reserved when the caller leaves during the wait', async () => {
    const { clock, purse, policy, operation } = make(5)
    const controller = new AbortController()
    const end = settled(policy.execute(operation.fails(), { signal: controller.signal }))
    await clock.advance(50)
    controller.abort('enough')
    await clock.advance(1000)
    expect([await end, purse.story, purse.left]).toEqual([{ error: 'enough' }, ['reserve at 0', 'refund'], 5])
  })

  // T: 26
  it('gives back what it reserved when a listener cancels the call, sync too', async () => {
    const { clock, purse, policy, operation } = make(5)
    const controller = new AbortController()
    policy.observe(() => controller.abort('enough'))
    const end = settled(policy.execute(operation.fails(), { signal: controller.signal }))
    await clock.advance(1000)
    expect([await end, purse.left]).toEqual([{ error: 'enough' }, 5])
    const other = new AbortController()
    policy.observe(() => other.abort('enough'))
    const fail = () => {
      throw new Error('x')
    }
    expect(() => policy.executeSync(fail, { signal: other.signal })).toThrow('enough')
    expect(purse.left).toBe(5)
  })

  // T: 26
  it('gives nothing back for an attempt that was made when a listener cancels the call at its end', async () => {
    const { clock, purse, policy, operation } = make(5, { maxAttempts: 2 })
    const controller = new AbortController()
    policy.observe(({ type }) => type === 'retry.gave-up' && controller.abort('enough'))
    const end = settled(policy.execute(operation.fails(), { signal: controller.signal }))
    await clock.advance(1000)
    expect([await end, purse.story]).toEqual([{ error: 'enough' }, ['reserve at 0']])
  })

  // T: 26
  it('gives back what it reserved for an attempt that was refused further in: nothing was sent', async () => {
    const { clock, purse, policy, operation } = make(5, { maxAttempts: 3, retryIf: () => true })
    const refusal = new RejectedError('no', { code: 'ERR_BULKHEAD_FULL' })
    const end = settled(policy.execute(operation.fails(1).fails(2, refusal)))
    await clock.advance(1000)
    await end
    expect(purse.story).toEqual(['reserve at 0', 'refund', 'reserve at 100', 'refund'])
  })

  it('gives nothing back for a first attempt that was refused: nothing was reserved', async () => {
    const { purse, policy, operation } = make(5, { retryIf: () => false })
    const refusal = new RejectedError('no', { code: 'ERR_BULKHEAD_FULL' })
    expect(await settled(policy.execute(operation.fails(1, refusal)))).toEqual({ error: refusal })
    expect(purse.story).toEqual([])
  })

  // T: 26
  it('reserves nothing for an attempt that another rule forbids', async () => {
    for (const options of [
      { maxAttempts: 1 },
      { retryIf: () => false },
      { maxElapsed: 50 },
      { retryAfterOf: () => 90_000 },
    ] as RetryOptions[]) {
      const { clock, purse, policy, operation } = make(5, options)
      const end = settled(policy.execute(operation.fails()))
      await clock.advance(1000)
      await end
      expect(purse.story, JSON.stringify(options)).toEqual([])
    }
  })

  // T: 26
  it('keeps an outage from tripling the load, together with the others', async () => {
    const clock = new VirtualClock()
    const extra = budget({ ratio: 0.1, minPerSecond: 0, window: '10s', clock })
    const one = compose(extra, retry({ maxAttempts: 5, backoff: () => 1, budget: extra, clock }))
    const other = compose(extra, retry({ maxAttempts: 5, backoff: () => 1, budget: extra, clock }))
    const operation = scripted().fails()
    const ends: Promise<unknown>[] = []
    for (let call = 0; call < 500; call++) ends.push(settled(one.execute(operation)), settled(other.execute(operation)))
    await clock.advance(1000)
    await Promise.all(ends)
    expect(operation.calls.length).toBeLessThanOrEqual(1100)
    expect(operation.calls.length).toBeGreaterThan(1000)
  })
})
