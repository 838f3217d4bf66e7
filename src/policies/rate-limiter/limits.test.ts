import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { Limits } from './limits.ts'
import { TokenBucket } from './machine.ts'
import { rateLimiter } from './rate-limiter.ts'

const make = (maxKeys = 1) => {
  const clock = new VirtualClock()
  const limits = new Limits(() => new TokenBucket(1, 1000, 1), maxKeys, 3_600_000, clock)
  const gone: string[] = []
  const join = (key: string, name: string) => {
    const note = (what: string) => gone.push(`${name} ${what}@${clock.now()}`)
    const turn = { cost: 1, latest: 1e6, deadline: 1e6, go: () => note('went'), refuse: () => note('refused') }
    limits.join(key, turn, clock.now())
  }
  return { clock, limits, gone, join }
}

describe('limits by key and one for all', () => {
  it('are apart for who waits', async () => {
    const limiter = rateLimiter({ limit: 1, per: '1s', clock: new VirtualClock() })
    limiter.consume()
    await limiter.wait('a', 1, { maxWait: 0 })
    await expect(limiter.wait('a', 1, { maxWait: 0 })).rejects.toMatchObject({ retryAfterMs: 1000 })
    await expect(limiter.wait(undefined, 1, { maxWait: 0 })).rejects.toMatchObject({ retryAfterMs: 1000 })
  })

  it('begin a new line for a key that was forgotten since the last one', async () => {
    const { clock, limits, gone, join } = make()
    limits.tryTake('a', 0, 1)
    join('a', 'first')
    await clock.advance(1500)
    limits.tryTake('b', 1500, 1)
    expect([gone, limits.keyed.known('a'), limits.waiting('a')]).toEqual([['first went@1000'], undefined, 0])
    limits.tryTake('a', 1500, 1)
    join('a', 'second')
    await clock.advance(5000)
    expect(gone.slice(1)).toEqual(['second went@2500'])
  })

  it('take over what an earlier process counted, and place those who wait behind it', async () => {
    const { clock, limits, gone, join } = make(2)
    limits.tryTake('a', 0, 1)
    await clock.advance(500)
    join('a', 'waiting')
    limits.load('a', [900], 500, 0)
    limits.load('b', [400], 500, 0)
    expect([limits.wait('a', 500, 1), limits.wait('b', 500, 1)]).toEqual([1900, 400])
    await clock.advance(5000)
    expect(gone).toEqual(['waiting went@1400'])
  })

  it('give nothing back for a key that was forgotten', () => {
    const { limits } = make()
    limits.machine('a', 0).reserve(0, 1)
    const { mark } = limits.machine('a', 0)
    limits.tryTake('b', 0, 1)
    expect([limits.refund('a', 0, 1, mark), limits.keyed.size]).toEqual([false, 1])
    limits.machine('b', 0)
    expect(limits.refund('b', 0, 1, limits.machine('b', 0).mark)).toBe(true)
  })
})
