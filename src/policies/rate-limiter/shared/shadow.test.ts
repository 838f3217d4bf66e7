import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { HoldfastEvent } from '../../../core/events.ts'
import { lint } from '../../../core/lint/lint.ts'
import { told, WAYS, world } from './testing/world.ts'

const brief = (events: readonly HoldfastEvent[]) =>
  events.map((event) => [event.type, 'delayMs' in event ? event.delayMs : 'retryAfterMs' in event && event.retryAfterMs])

describe.each(WAYS)('a shared limit in the shadow, %s', (shared) => {
  it('lets every call go, and tells what it would reject or delay, in all processes', async () => {
    const { clock, process } = await world({ shared, burst: 1, maxWait: 150, mode: 'shadow' })
    const [here, there] = [process(), process()]
    const events = [told(here), told(there)]
    for (const limiter of [here, there, here]) {
      expect(await limiter.execute(() => clock.now(), { key: 'ada', operation: 'post' })).toBe(0)
      await clock.advance(0)
    }
    expect(events.map(brief)).toEqual([[['rate-limiter.would-reject', 200]], [['rate-limiter.would-delay', 100]]])
    expect(events[0]![0]).toMatchObject({ policy: 'api', key: 'ada', operation: 'post' })
    // What would have been rejected took nothing, what would have been delayed has its place.
    expect(await here.consume('ada')).toMatchObject({ allowed: false, retryAfterMs: 200 })
    expect(clock.pendingTimers()).toBe(0)
  })

  it('would reject what could not begin before its deadline', async () => {
    const { clock, process } = await world({ shared, burst: 1, maxWait: '1m', mode: 'shadow' })
    const limiter = process()
    const events = told(limiter)
    for (const within of [50, 50, 150]) {
      await limiter.execute(() => 1, { within })
      await clock.advance(0)
    }
    expect(brief(events)).toEqual([
      ['rate-limiter.would-reject', 100],
      ['rate-limiter.would-delay', 100],
    ])
  })

  it('waits for no store, and leaves nothing of a call that has ended behind', async () => {
    const one = await world({ shared, burst: 1, maxWait: '1m', mode: 'shadow' })
    const limiter = one.process({ processes: 1 })
    const events = told(limiter)
    one.trouble = 'hangs'
    const { signal } = new AbortController()
    expect([await limiter.execute(() => 1, { signal }), limiter.executeSync(() => 2)]).toEqual([1, 2])
    expect(getEventListeners(signal, 'abort')).toEqual([])
    await one.clock.advance(250)
    expect([limiter.degraded, await limiter.execute(() => 3)]).toEqual([true, 3])
    expect(brief(events).at(-1)![0]).toBe('rate-limiter.would-delay')
    one.trouble = 'none'
    await one.clock.advance(5000)
    expect(one.clock.pendingTimers()).toBe(0)
  })

  it('answers at once what is asked by hand, as ever', async () => {
    const { process } = await world({ shared, burst: 1, mode: 'shadow' })
    const limiter = process()
    expect([(await limiter.consume()).allowed, (await limiter.consume()).allowed]).toEqual([true, false])
    await expect(limiter.wait(undefined, 1, { maxWait: 50 })).rejects.toMatchObject({
      code: 'ERR_RATE_LIMITED',
      retryAfterMs: 100,
    })
  })

  it('learns from responses, and would reject during a block', async () => {
    const { clock, process } = await world({ shared, learn: true, mode: 'shadow' })
    const limiter = process()
    const events = told(limiter)
    const refused = async () => {
      await clock.advance(1)
      return { status: 429, headers: { 'retry-after': '5' } }
    }
    await limiter.execute(refused)
    await clock.advance(0)
    expect(await limiter.execute(() => 1)).toBe(1)
    await clock.advance(0)
    expect(brief(events)).toEqual([
      ['rate-limiter.blocked', 5000],
      ['rate-limiter.would-reject', 5000],
    ])
  })

  it('is free for what costs nothing, and shows itself for what it is', async () => {
    const { process } = await world({ shared, cost: 0, mode: 'shadow' })
    const limiter = process()
    expect([limiter.executeSync(() => 1), limiter.keys]).toEqual([1, 0])
    expect(limiter.describe().options).toMatchObject({ shared, mode: 'shadow' })
    expect(lint(limiter).map(({ code }) => code)).toContain('shadow-mode')
  })
})
