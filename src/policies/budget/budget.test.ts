import { describe, expect, it, vi } from 'vitest'
import type { HoldfastEvent } from '../../core/events.ts'
import { compose } from '../../core/policy.ts'
import { scripted } from '../../testing/scripted-operation.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { retry } from '../retry/retry.ts'
import { type BudgetOptions, budget, CallBudget } from './budget.ts'

function setup(options: BudgetOptions = {}) {
  const clock = new VirtualClock({ now: 500_000 })
  const extra = budget({ clock, minPerSecond: 0, ...options })
  const events: HoldfastEvent[] = []
  return { clock, extra, events }
}

describe('a budget as a policy', () => {
  it('counts every call and refuses none', async () => {
    const { extra } = setup()
    for (let i = 0; i < 10; i++) await extra.execute(() => i)
    await expect(extra.execute(scripted().fails(1, new Error('down')))).rejects.toThrow('down')
    expect(extra.executeSync(() => 'now')).toBe('now')
    expect(extra.snapshot()).toMatchObject({ calls: 12, extras: 0, available: 2 })
  })

  it('counts a call once, also where a retry stands outside of it', async () => {
    const { extra, clock } = setup()
    const call = compose(retry({ maxAttempts: 3, backoff: () => 1, clock }), extra).execute(scripted().fails(2).thenReturns('ok'))
    await clock.advance(10)
    await call
    expect(extra.snapshot().calls).toBe(1)
  })

  it('is one budget for all policies and compositions that share it', async () => {
    const { extra, clock } = setup({ ratio: 0.5 })
    const here = compose(extra, retry({ clock }))
    const there = compose(extra, retry({ clock }))
    await here.execute(() => 1)
    await there.execute(() => 1)
    expect([extra.reserve(), extra.reserve()]).toEqual([true, false])
  })

  // T: 26
  it('reserves before the wait and takes back what was not used', () => {
    const { extra, clock } = setup({ ratio: 1 })
    extra.noteCall()
    expect([extra.reserve(clock.now()), extra.reserve(clock.now())]).toEqual([true, false])
    extra.refund()
    expect(extra.snapshot()).toMatchObject({ extras: 0, available: 1 })
    expect(extra.reserve()).toBe(true)
  })

  it('always allows a few per second, so that a quiet caller can repeat', () => {
    const { extra } = setup({ minPerSecond: 0.3, window: '10s' })
    expect([1, 2, 3, 4].map(() => extra.reserve())).toEqual([true, true, true, false])
  })

  it('allows one in five, three per second at least, over ten seconds, when nothing is said', () => {
    const clock = new VirtualClock()
    const extra = budget({ clock })
    for (let i = 0; i < 100; i++) extra.noteCall()
    expect(extra.snapshot()).toEqual({
      version: 1,
      at: clock.wallNow(),
      calls: 100,
      extras: 0,
      allowed: 50,
      available: 50,
    })
  })
})

describe('the news of a budget', () => {
  it('tells once that it is exhausted, and again after it had some left', async () => {
    const { extra, clock, events } = setup({ ratio: 1 })
    extra.observe((event) => events.push(event))
    extra.noteCall()
    for (let i = 0; i < 4; i++) extra.reserve()
    expect(events).toEqual([
      {
        type: 'budget.exhausted',
        policy: 'budget',
        at: clock.wallNow(),
        calls: 1,
        extras: 1,
        allowed: 1,
        shadow: false,
      },
    ])
    await clock.advance(20_000)
    extra.noteCall()
    for (let i = 0; i < 3; i++) extra.reserve()
    expect(events).toHaveLength(2)
  })

  // T: 24
  it('is heard in a composition', () => {
    const { extra, clock, events } = setup()
    compose(extra, retry({ clock })).observe((event) => events.push(event))
    extra.reserve()
    expect(events.map(({ type }) => type)).toEqual(['budget.exhausted'])
  })

  // T: 19
  it('is told although a listener throws', () => {
    vi.spyOn(console, 'error').mockImplementation(() => {})
    const { extra, events } = setup()
    extra.observe(() => {
      throw new Error('listener')
    })
    extra.observe((event) => events.push(event))
    expect(extra.reserve()).toBe(false)
    expect(events).toHaveLength(1)
  })

  it('in the shadow tells what it would have refused, refuses nothing, and counts all of it', () => {
    const { extra, events } = setup({ shadow: true })
    extra.observe((event) => events.push(event))
    expect([extra.reserve(), extra.reserve()]).toEqual([true, true])
    expect(events).toMatchObject([{ type: 'budget.exhausted', shadow: true }])
    expect(extra.snapshot()).toMatchObject({ extras: 2, available: 0 })
  })
})

describe('a budget that outlives its process', () => {
  // T: 21, 8
  it('goes on from its snapshot for what is left of the window, whatever the wall clock did', async () => {
    const { extra, clock } = setup({ window: '10s' })
    for (let i = 0; i < 50; i++) extra.noteCall()
    extra.reserve()
    const stored = JSON.parse(JSON.stringify(extra.snapshot())) as unknown
    const later = (wallStep: number) => {
      const next = new VirtualClock({ now: 3, wallNow: clock.wallNow() + wallStep })
      const restarted = new CallBudget({ clock: next, minPerSecond: 0 })
      restarted.hydrate(stored)
      return { next, restarted }
    }
    const { next, restarted } = later(4000)
    expect(restarted.snapshot()).toMatchObject({ calls: 50, extras: 1, available: 9 })
    await next.advance(7000)
    expect(restarted.snapshot()).toMatchObject({ calls: 0, extras: 0 })
    expect(later(60_000).restarted.snapshot().calls).toBe(0)
    const back = later(-3_600_000)
    expect(back.restarted.snapshot().calls).toBe(50)
    await back.next.advance(10_000)
    expect(back.restarted.snapshot().calls).toBe(0)
  })

  it('refuses what is not its snapshot', () => {
    const { extra } = setup()
    for (const stored of [
      undefined,
      null,
      7,
      {},
      { version: 2, at: 0, calls: 0, extras: 0 },
      { version: 1, at: 0, calls: 'many' },
    ])
      expect(() => extra.hydrate(stored)).toThrow(/budget snapshot of version 1/)
  })
})

describe('the options of a budget', () => {
  // T: 11, 20
  it.each([
    [{ ratio: -0.1 }, 'budget.ratio'],
    [{ ratio: Number.NaN }, 'budget.ratio'],
    [{ minPerSecond: -1 }, 'budget.minPerSecond'],
    [{ window: 999 }, 'budget.window'],
    [{ window: 'soon' }, 'budget.window'],
    [{ shadow: 'yes' }, 'budget.shadow'],
    [{ name: '' }, 'budget.name'],
    [{ rate: 0.1 }, 'budget.rate'],
  ])('refuses %j and names %s', (options, option) => {
    expect(() => budget(options as BudgetOptions)).toThrow(expect.objectContaining({ code: 'ERR_OPTION', option }) as Error)
  })

  it('has no effect on a call: nothing of it remains', async () => {
    const { extra, clock } = setup()
    const { signal } = new AbortController()
    await extra.execute(() => 1, { signal })
    await expect(extra.execute(() => 1, { signal: AbortSignal.abort('gone') })).rejects.toBe('gone')
    expect(clock.pendingTimers({ includeIdle: true })).toBe(0)
    expect(extra.snapshot().calls).toBe(1)
  })
})
