import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { type Caller, SharedBucket } from './shared-bucket.ts'
import { StoreLink } from './store-link.ts'
import { fakeState } from './testing/fake-state.ts'

const FOREVER = Number.POSITIVE_INFINITY

const make = (options: Parameters<typeof fakeState>[0] = {}) => {
  const fake = fakeState(options)
  const link = new StoreLink(fake.rules, (trouble) => trouble === undefined && bucket.restored())
  const bucket = new SharedBucket('b', fake.rules, link)
  const ends: string[] = []
  /** One more who comes; how it ends is noted. */
  const come = (name: string, cost = 1, more: Partial<Caller> = {}) => {
    const end = bucket.admit(fake.clock.now(), { cost, maxWaitMs: 0, deadline: FOREVER, signal: undefined, ...more })
    const note = (what: unknown) => ends.push(`${name} ${String(what)}@${fake.clock.now() - 5000}`)
    if (typeof end === 'number') note(end)
    else void end.then(note, (reason: unknown) => note(`left: ${String(reason)}`))
  }
  /** What was asked for since the last time, and at least of that. */
  const wanted = () => fake.takes.splice(0).map(({ cost, atLeast, maxWaitMs }) => [cost, atLeast ?? `within ${maxWaitMs}`])
  const later = () => fake.clock.advance(0)
  const loses = async () => {
    link.block('other', 1)
    fake.trouble = new Error('gone')
    link.block('other', 1)
    await later()
  }
  return { ...fake, fake, link, bucket, ends, come, wanted, later, loses }
}

describe('those who come to a shared bucket', () => {
  it('are asked for together, and go in their order as far as it lasts', async () => {
    const { come, wanted, answer, ends, later } = make()
    come('a')
    come('b', 2)
    await later()
    come('c', 3)
    expect(wanted()).toEqual([[3, 1]])
    await answer({ granted: 2 })
    expect([ends, wanted()]).toEqual([['a 0@0'], [[5, 2]]])
    await answer({ granted: 5 })
    expect(ends.slice(1)).toEqual(['b 0@0', 'c 0@0'])
  })

  it('are asked for once more at most for all that the bucket holds', async () => {
    const { come, wanted, later } = make({ burst: 4 })
    for (const one of ['a', 'b', 'c']) come(one, 3)
    await later()
    expect(wanted()).toEqual([[4, 3]])
  })

  it('wait behind those who came before, also when there is enough in hand for them', async () => {
    const { come, wanted, answer, ends, later } = make({ shared: 'leased', batch: 5 })
    come('a')
    await later()
    await answer({ granted: 3 })
    expect([ends, wanted()]).toEqual([['a 0@0'], [[1, 1]]])
    come('b', 5)
    come('c', 2)
    await later()
    expect([ends.length, wanted()]).toEqual([1, [[7, 3]]])
    await answer({ granted: 0, waitMs: 30 })
    // What is in hand is enough for who wants less than was refused.
    expect([ends.slice(1), wanted()]).toEqual([['b 30@0', 'c 0@0'], [[1, 1]]])
  })

  it('are refused with whom the store refuses, unless they want less', async () => {
    const { come, wanted, answer, ends, later, clock } = make()
    come('a', 3)
    come('b', 4)
    come('c', 2)
    await later()
    await answer({ waitMs: 30 })
    expect([ends, wanted()]).toEqual([
      ['a 30@0', 'b 30@0'],
      [
        [9, 3],
        [2, 2],
      ],
    ])
    await answer({ granted: 2 })
    await clock.advance(10)
    // Known without asking, until then.
    come('d', 3)
    expect([ends.slice(2), wanted()]).toEqual([['c 0@0'], []])
  })

  it('and leave are asked for no more, and what was granted for them goes back', async () => {
    const { come, wanted, answer, ends, later, asked } = make()
    come('a', 1, { signal: AbortSignal.abort('before') })
    await later()
    expect([ends.splice(0), wanted()]).toEqual([['a left: before@0'], []])
    come('a')
    come('gone', 5, { signal: AbortSignal.abort('before') })
    await later()
    expect([ends, wanted()]).toEqual([['gone left: before@0'], [[1, 1]]])
    await answer({ granted: 1 })
    const leaving = new AbortController()
    come('b', 1, { signal: leaving.signal })
    come('c', 2)
    await later()
    leaving.abort('enough')
    await answer({ granted: 3 })
    expect([ends.slice(2), wanted(), asked]).toEqual([['b left: enough@0', 'c 0@0'], [[3, 1]], ['back 1 of b for 4']])
    expect(getEventListeners(leaving.signal, 'abort')).toEqual([])
  })

  it('and leave while they are refused take no place', async () => {
    const { come, wanted, answer, ends, later } = make()
    const leaving = new AbortController()
    come('a', 1, { signal: leaving.signal, maxWaitMs: 1000 })
    await later()
    leaving.abort('enough')
    await answer({ waitMs: 30 })
    expect([ends, wanted()]).toEqual([['a left: enough@0'], [[1, 1]]])
  })

  it('during a block are refused until its end, and nothing is asked', async () => {
    const { come, wanted, answer, ends, later, bucket, clock, asked } = make()
    come('a')
    await later()
    bucket.block(clock.now(), 100)
    await answer({ granted: 1 })
    expect([ends, wanted().length, asked]).toEqual([['a 100@0'], 1, ['block b for 100', 'back 1 of b for 2']])
    come('b')
    expect([ends.slice(1), wanted()]).toEqual([['b 100@0'], []])
  })
})

describe('a place in the line of all', () => {
  it('is taken when it is early enough, slept for, and given back by who leaves', async () => {
    const { come, wanted, answer, ends, later, clock, asked } = make()
    const leaving = new AbortController()
    come('a', 1, { maxWaitMs: 50, signal: leaving.signal })
    come('b', 1, { maxWaitMs: 49, deadline: 6000 })
    come('c', 1, { maxWaitMs: 80, deadline: 5050 })
    come('d', 1, { maxWaitMs: 80, deadline: 5070 })
    await later()
    await answer({ waitMs: 50 })
    expect([ends, wanted()]).toEqual([
      ['b 50@0', 'c 50@0'],
      [
        [4, 1],
        [1, 'within 50'],
        [1, 'within 70'],
      ],
    ])
    await answer({ granted: 1, waitMs: 40 })
    await answer({ waitMs: 60 })
    await clock.advance(10)
    leaving.abort('enough')
    await later()
    expect([ends.slice(2), asked, clock.pendingTimers()]).toEqual([['d 60@0', 'a left: enough@10'], ['back 1 of b for 2'], 0])
  })

  it('may be ready when it is granted, and comes back of who left before', async () => {
    const { come, answer, ends, later, asked } = make()
    const told: number[] = []
    const onWait = (ms: number) => told.push(ms) > 0
    const leaving = new AbortController()
    come('a', 1, { maxWaitMs: 50, onWait })
    come('b', 2, { maxWaitMs: 50, onWait, signal: leaving.signal })
    for (const one of ['c', 'd']) come(one, 2, { maxWaitMs: 50, onWait, signal: leaving.signal })
    await later()
    await answer({ waitMs: 50 })
    leaving.abort('enough')
    await later()
    await answer({ granted: 1, waitMs: 0 })
    await answer({ granted: 2, waitMs: 50 })
    await answer({ granted: 0, waitMs: 50 })
    await answer(new Error('gone'))
    expect([ends.splice(0), asked, told]).toEqual([
      ['b left: enough@0', 'c left: enough@0', 'd left: enough@0', 'a 0@0'],
      ['back 2 of b for 3'],
      [],
    ])
  })

  it('is known of here from then on, if it was granted', async () => {
    const { bucket, answer, clock } = make()
    const ask = (maxWaitMs: number) => bucket.place(clock.now(), { cost: 1, maxWaitMs, deadline: FOREVER })
    const refused = ask(10)
    await answer({ waitMs: 500 })
    expect([await refused, bucket.peek(clock.now(), 1).allowed]).toMatchObject([{ granted: false, waitMs: 500 }, true])
    const granted = ask(FOREVER)
    await answer({ granted: 1, waitMs: 300 })
    expect([await granted, bucket.peek(clock.now(), 1).retryAfterMs]).toMatchObject([{ granted: true, waitMs: 300 }, 400])
  })

  it('is never further off than a year, nor before now', async () => {
    const { bucket, wanted, clock } = make()
    void bucket.place(clock.now(), { cost: 1, maxWaitMs: FOREVER, deadline: FOREVER })
    void bucket.place(clock.now(), { cost: 1, maxWaitMs: 5, deadline: 4000 })
    void bucket.place(clock.now(), { cost: 1, maxWaitMs: 50, deadline: 5010.9 })
    expect(wanted()).toEqual([
      [1, 'within 31536000000'],
      [1, 'within 0'],
      [1, 'within 10'],
    ])
  })

  it('is one of our own when the store is lost meanwhile', async () => {
    const { come, answer, ends, later, bucket, clock } = make({ burst: 4 })
    come('a', 1, { maxWaitMs: 500 })
    come('b', 1, { maxWaitMs: 50 })
    await later()
    await answer({ waitMs: 40 })
    await answer(new Error('gone'))
    await answer(new Error('gone'))
    await clock.advance(1000)
    expect(ends).toEqual(['b 800@0', 'a 0@400'])
    expect(await bucket.place(clock.now(), { cost: 1, maxWaitMs: 0, deadline: FOREVER })).toBeUndefined()
  })
})

describe('while the store is lost', () => {
  it('this process has its share, in line, and what is in hand', async () => {
    const { come, ends, loses, bucket, clock, link } = make({ burst: 8 })
    await loses()
    expect([link.lost, bucket.peek(clock.now(), 1), bucket.peek(clock.now(), 8)]).toEqual([
      true,
      { allowed: true, retryAfterMs: 0, remaining: 2 },
      { allowed: true, retryAfterMs: 0, remaining: 2 },
    ])
    bucket.hand.granted(clock.now(), 1, 0)
    expect(bucket.peek(clock.now(), 1).remaining).toBe(1)
    const leaving = new AbortController()
    const told: number[] = []
    const patient = { maxWaitMs: 1000, onWait: (ms: number) => told.push(ms) > 0 }
    come('hand')
    come('one')
    come('two', 1, { deadline: clock.now() })
    come('three', 1, { maxWaitMs: 399 })
    come('four', 1, { ...patient, signal: leaving.signal })
    expect([ends, told]).toEqual([['hand 0@0', 'one 0@0', 'two 0@0', 'three 400@0'], [400]])
    await clock.advance(100)
    leaving.abort('enough')
    await clock.advance(0)
    come('five', 8, patient)
    await clock.advance(1000)
    expect([ends.slice(4), told]).toEqual([
      ['four left: enough@100', 'five 0@800'],
      [400, 700],
    ])
  })

  it('nobody goes in the shadow of a block', async () => {
    const { come, ends, loses, bucket, clock } = make()
    await loses()
    bucket.block(clock.now(), 100)
    come('a')
    for (const one of ['b', 'c', 'd']) come(one, 1, { maxWaitMs: 500 })
    await clock.advance(1000)
    expect(ends).toEqual(['a 100@0', 'b 0@100', 'c 0@100', 'd 0@500'])
  })

  it('it is looked for by all who come, and all is asked for again when it is back', async () => {
    for (const who of ['admit', 'admitNow'] as const) {
      const { fake, come, loses, bucket, clock, asked, later, wanted, link } = make({ burst: 8 })
      await loses()
      const comes = () => (who === 'admit' ? come('a') : bucket.admitNow(clock.now(), 1))
      comes()
      comes()
      expect([bucket.admitNow(clock.now(), 1), asked.includes('now')]).toEqual([400, false])
      fake.trouble = undefined
      await clock.advance(250)
      comes()
      await later()
      expect([asked.at(-1), link.lost, bucket.peek(clock.now(), 8)]).toMatchObject(['now', false, { remaining: 8 }])
      come('b')
      await later()
      expect(wanted()).toEqual([[1, 1]])
      // Its share is what it was before any of it was used.
      await loses()
      expect(bucket.peek(clock.now(), 1).remaining).toBe(2)
    }
  })
})

describe('a hand', () => {
  it('is filled ahead of need in the background, and keeps no more than it may', async () => {
    const { come, wanted, answer, ends, later, bucket, asked } = make({ shared: 'leased', limit: 100, burst: 100, batch: 6 })
    for (let n = 0; n < 20; n++) come('a')
    await later()
    await answer({ granted: 24 })
    expect([wanted(), ends.length, bucket.hand.tokens, bucket.isUnused]).toEqual([[[20, 1]], 20, 4, false])
    come('b')
    come('c')
    expect([ends.slice(-2), bucket.hand.tokens]).toEqual([['b 0@0', 'c 0@0'], 2])
    await later()
    expect(wanted()).toEqual([[2, 1]])
    await answer({ granted: 9 })
    expect([bucket.hand.tokens, asked]).toEqual([6, ['back 5 of b for 4']])
    bucket.putBack()
    expect([bucket.isUnused, asked.at(-1)]).toEqual([true, 'back 6 of b for 5'])
  })

  it('that is refused has those who came meanwhile refused too', async () => {
    const { come, answer, ends, later, bucket, clock, wanted } = make({ shared: 'leased', burst: 100 })
    expect(bucket.admitNow(clock.now(), 3)).toBeUndefined()
    await later()
    come('a')
    come('b', 2)
    expect([wanted(), bucket.isUnused]).toEqual([[[3, 1]], false])
    await answer({ waitMs: 30 })
    expect([ends, wanted(), bucket.isUnused]).toEqual([['a 30@0', 'b 30@0'], [], true])
    expect(bucket.admitNow(clock.now(), 1)).toBe(30)
  })

  it('is asked for by who cannot wait, no more than it may have, and one question at a time', async () => {
    const { bucket, clock, later, wanted, answer } = make({ shared: 'leased', burst: 100, batch: 5 })
    expect([bucket.admitNow(clock.now(), 20), bucket.admitNow(clock.now(), 2)]).toEqual([undefined, undefined])
    await later()
    expect(wanted()).toEqual([[5, 1]])
    await answer({ granted: 5 })
    expect([bucket.admitNow(clock.now(), 5), bucket.admitNow(clock.now(), 1)]).toEqual([0, undefined])
  })

  it('that is used up is asked for only where more is foreseen', () => {
    const { bucket, clock } = make({ shared: 'leased', burst: 100 })
    bucket.hand.granted(clock.now(), 1, 50)
    expect([bucket.isUnused, bucket.admitNow(clock.now(), 1), bucket.isUnused]).toEqual([false, 0, true])
  })

  it('of a strict limit has nothing ahead', async () => {
    const { bucket, clock, later, wanted, come, answer } = make()
    come('a')
    await later()
    await answer({ granted: 1 })
    expect([bucket.admitNow(clock.now(), 1), wanted().length]).toEqual([undefined, 1])
    await later()
    expect([wanted(), bucket.isUnused]).toEqual([[], true])
  })
})
