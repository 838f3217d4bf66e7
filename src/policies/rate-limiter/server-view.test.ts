import { describe, expect, it } from 'vitest'
import { SlidingWindow, TokenBucket } from './machine.ts'
import { ServerView, type ToldQuota } from './server-view.ts'

const HOUR = 3_600_000
const make = () => new ServerView(new TokenBucket(1000, 1000, 1000), HOUR)
const told = (remaining: number, resetMs: number, more: Partial<ToldQuota> = {}): ToldQuota => ({
  name: 'q',
  remaining,
  resetMs,
  ...more,
})

describe('what a server says of its limit', () => {
  it('holds beside our own until its reset, and is forgotten then', () => {
    const view = make()
    view.learn(0, told(2, 5000))
    expect([view.tryTake(0, 1), view.remaining(0), view.tryTake(0, 1), view.tryTake(0, 1)]).toEqual([0, 1, 0, 5000])
    expect([view.isIdle(4999), view.tryTake(4999, 1)]).toEqual([false, 1])
    expect([view.tryTake(5000, 900), view.quotas(5000)]).toEqual([0, []])
  })

  it('goes on with the next window where its length is known', () => {
    const view = make()
    view.learn(0, told(0, 1000, { limit: 3, windowMs: 60_000 }))
    expect([view.wait(0, 1), view.remaining(1000)]).toEqual([1000, 3])
    for (let call = 0; call < 3; call++) expect(view.tryTake(1000, 1)).toBe(0)
    expect([view.wait(1000, 1), view.wait(180_999, 1), view.remaining(181_000)]).toEqual([60_000, 0, 3])
  })

  it('lets a cost above the whole limit go when nothing of it is used', () => {
    const view = make()
    view.learn(0, told(3, 1000, { limit: 3, windowMs: 1000 }))
    expect(view.tryTake(0, 5)).toBe(0)
    expect(view.tryTake(0, 1)).toBe(1000)
    expect(view.tryTake(1000, 5)).toBe(0)
  })

  it('is not undone by a late response, and what it had not seen is taken off', () => {
    const view = make()
    view.occupy(0, 0, 1)
    const first = view.sent
    view.occupy(0, 0, 1)
    const second = view.sent
    view.occupy(0, 0, 1)
    // The second answer comes first; the third request is still on its way.
    view.learn(10, told(8, 5000), second)
    expect(view.remaining(10)).toBe(7)
    view.learn(20, told(9, 5000), first)
    expect(view.remaining(20)).toBe(7)
    view.learn(30, told(5, 5000), first)
    expect(view.remaining(30)).toBe(3)
    view.learn(40, told(9, 5000), view.sent)
    expect(view.remaining(40)).toBe(9)
  })

  it('of an earlier window is ignored, of a later one taken over', () => {
    const view = make()
    view.learn(0, told(1, 60_000))
    view.learn(0, told(99, 10_000))
    expect(view.remaining(0)).toBe(1)
    view.learn(0, told(50, 61_000))
    expect(view.remaining(0)).toBe(1)
    view.learn(0, told(50, 120_000))
    expect(view.remaining(0)).toBe(50)
    view.occupy(0, 0, 1)
    const late = view.sent - 1
    view.learn(0, told(50, 120_000), view.sent)
    view.learn(0, told(70, 240_000), late)
    expect(view.remaining(0)).toBe(50)
  })

  it('is ignored without a number left or a reset, and bounded in names', () => {
    const view = make()
    view.learn(0, { name: 'a', remaining: 0 })
    expect(view.isIdle(0)).toBe(true)
    view.learn(0, { name: 'a', resetMs: 1000 })
    expect(view.isIdle(0)).toBe(true)
    for (let name = 0; name < 100; name++) view.learn(0, told(5, 1000, { name: `${name}` }))
    expect(view.quotas(0).length).toBe(8)
  })

  // T: 27
  it('is believed for a bounded time only, and a shorter block undoes no longer one', () => {
    const view = make()
    view.learn(0, told(0, 1e12))
    expect(view.wait(0, 1)).toBe(HOUR)
    view.unblock()
    view.block(0, 1e12)
    view.block(0, 5)
    expect([view.wait(0, 1), view.remaining(0), view.isIdle(HOUR - 1)]).toEqual([HOUR, 0, false])
    view.unblock()
    expect(view.wait(0, 1)).toBe(0)
    view.block(0, -5)
    expect(view.wait(0, 1)).toBe(0)
  })

  it('moves places behind the block, at our own pace, and gives them back exactly', () => {
    for (const own of [new TokenBucket(10, 1000, 1), new SlidingWindow(1, 100)]) {
      const view = new ServerView(own, HOUR)
      view.block(0, 1000)
      expect([0, 0, 0].map(() => view.reserve(0, 1))).toEqual([1000, 1100, 1200])
      expect([view.refund(1200, 1), view.refund(1100, 1), view.wait(0, 1)]).toEqual([true, true, 1100])
      expect(view.refund(5, 1)).toBe(false)
    }
  })

  it('lets nobody before the places after its reset, whatever is left until then', () => {
    const view = make()
    view.learn(0, told(1, 100, { limit: 5, windowMs: 100 }))
    expect([view.reserve(0, 2), view.reserve(0, 3), view.remaining(0)]).toEqual([100, 100, 0])
    view.refund(100, 3)
    expect([view.remaining(0), view.wait(0, 1)]).toEqual([0, 100])
    view.reserve(0, 3)
    // They are all of the next window.
    expect(view.wait(100, 1)).toBe(100)
  })

  it('is forgotten at its very reset, alone', () => {
    const view = make()
    view.learn(0, told(0, 500, { name: 'first' }))
    view.learn(0, told(0, 1000, { name: 'second' }))
    expect(view.quotas(500).map(({ name }) => name)).toEqual(['second'])
    view.learn(1200, told(50, 1000, { name: 'second' }))
    expect(view.quotas(1200)).toMatchObject([{ remaining: 50, resetAt: 2200 }])
  })

  it('may be told twice of one request', () => {
    const view = make()
    view.occupy(0, 0, 1)
    view.learn(0, told(5, 5000), view.sent)
    view.learn(0, told(9, 5000), view.sent)
    expect(view.remaining(0)).toBe(9)
  })

  it('counts places after its reset to the next window, and lets nobody before them', () => {
    const view = make()
    view.learn(0, told(1, 1000, { limit: 5, windowMs: 1000 }))
    expect([view.reserve(0, 2), view.wait(0, 1)]).toEqual([1000, 1000])
    expect(view.remaining(1000)).toBe(3)
    view.learn(1000, told(1, 1000))
    expect(view.reserve(1000, 2)).toBe(1000)
    expect([view.refund(2000, 2), view.wait(1000, 1)]).toEqual([true, 0])
  })

  it('leaves the changes of our own limit to it, and can take none of the places back after them', () => {
    const changes: Record<string, readonly [(view: ServerView) => void, left: number]> = {
      penalty: [(view) => view.penalize(0, 1), 6],
      reward: [(view) => view.reward(0, 1), 8],
      drain: [(view) => view.drain(0), 0],
      load: [(view) => view.load([4000], 0, 0), 6],
      take: [(view) => view.occupy(0, 0, 1), 6],
    }
    for (const [name, [change, left]] of Object.entries(changes)) {
      const view = new ServerView(new TokenBucket(1, 1000, 10), HOUR)
      view.occupy(0, 0, 3)
      change(view)
      expect([view.remaining(0), view.isIdle(0), view.dump(0).length], name).toEqual([left, false, 1])
      const waiting = new ServerView(new TokenBucket(1, 1000, 1), HOUR)
      waiting.reserve(0, 1)
      const at = waiting.reserve(0, 1)
      change(waiting)
      expect(waiting.refund(at, 1, 0), name).toBe(false)
    }
  })

  it('has a mark by which the latest cost is known, and gives that one back after its time has come', () => {
    const view = new ServerView(new TokenBucket(10, 1000, 5), HOUR)
    view.learn(0, told(5, 1000, { limit: 5, windowMs: 1000 }))
    view.occupy(0, 0, 2)
    const { mark } = view
    expect([view.refund(0, 2, 10, mark), view.quotas(10)[0]!.remaining, view.remaining(10)]).toEqual([true, 5, 5])
    view.occupy(20, 20, 2)
    const before = view.mark
    view.occupy(30, 30, 1)
    expect([view.refund(20, 2, 40, before), view.quotas(40)[0]!.remaining]).toEqual([false, 2])
    view.undo(30, 1)
    expect(view.quotas(40)[0]!.remaining).toBe(3)
  })

  it('is idle as soon as all is there again, whatever window runs', () => {
    const view = make()
    view.learn(0, told(5, 60_000, { limit: 5, windowMs: 60_000 }))
    expect(view.isIdle(0)).toBe(true)
    view.learn(0, told(4, 60_000))
    expect([view.isIdle(59_999), view.isIdle(60_000)]).toEqual([false, true])
  })

  it('rolls one window on while another runs, also when many have passed unseen', () => {
    const view = make()
    view.learn(0, told(0, 1000, { name: 'short', limit: 3, windowMs: 1000 }))
    view.learn(0, told(7, 60_000, { name: 'long', limit: 9, windowMs: 60_000 }))
    view.learn(0, told(0, 500, { name: 'once' }))
    view.learn(0, told(0, 500, { name: 'unmeasured', limit: 4 }))
    expect(view.quotas(5400).map(({ name, remaining, resetAt }) => [name, remaining, resetAt])).toEqual([
      ['short', 3, 6000],
      ['long', 7, 60_000],
    ])
    expect(view.wait(6000, 3)).toBe(0)
    view.block(6000, 100)
    expect([view.remaining(6050), view.remaining(6100)]).toEqual([0, 3])
  })

  it('tells two windows apart by more than the rounding of seconds, and forgets nothing that is told in part', () => {
    const view = make()
    view.learn(0, told(5, 10_000, { limit: 9, windowMs: 10_000 }))
    view.learn(0, { name: 'q', resetMs: 10_000 })
    view.learn(0, { name: 'q', remaining: 4 })
    expect(view.quotas(0)).toMatchObject([{ remaining: 4, limit: 9, windowMs: 10_000, resetAt: 10_000 }])
    view.learn(0, told(8, 11_500))
    expect(view.quotas(0)).toMatchObject([{ remaining: 4, resetAt: 10_000 }])
    view.learn(0, told(8, 11_501))
    expect(view.quotas(0)).toMatchObject([{ remaining: 8, resetAt: 11_501 }])
    view.unblock()
    expect(view.quotas(0)).toEqual([])
  })
})
