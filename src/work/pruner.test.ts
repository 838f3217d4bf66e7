import { describe, expect, it } from 'vitest'
import { sleep } from '../core/clock.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { Pruner } from './pruner.ts'
import type { JobStore, PruneRequest } from './store.ts'

/** A store where so many jobs end each second, and whose prune takes its time. */
function flood(perSecond: () => number, pruneMs = 10) {
  const clock = new VirtualClock()
  let finished = 0
  let at = 0
  let rounds = 0
  let last = Number.NEGATIVE_INFINITY
  let pruning = false
  const grow = (): number => {
    finished += ((clock.now() - at) / 1000) * perSecond()
    at = clock.now()
    return finished
  }
  const store = {
    readStates: async () => [],
    async prune({ keep, limit }: PruneRequest) {
      if (clock.now() - last > 500) rounds++
      pruning = true
      await sleep(clock, pruneMs)
      pruning = false
      last = clock.now()
      const gone = Math.max(0, Math.min(limit, Math.floor(grow()) - keep))
      finished -= gone
      return gone
    },
  } as unknown as JobStore
  const pruner = new Pruner({ store, clock, keep: 1000, every: '10m' })
  return { clock, pruner, finished: grow, rounds: () => rounds, isPruning: () => pruning }
}

describe('the rhythm of pruning', () => {
  it('keeps up with ten thousand jobs a second', async () => {
    const { clock, pruner, finished } = flood(() => 10_000)
    pruner.start()
    await clock.advance(25_000)
    // By then what had gathered before the first round is gone.
    let most = 0
    for (let second = 0; second < 15; second++) {
      await clock.advance(1000)
      most = Math.max(most, finished())
    }
    // What is kept, and what comes in during a wait and a round.
    expect(most).toBeLessThan(30_000)
    await pruner.stop()
  })

  it('looks seldom where little is to be done, and at once more often when that changes', async () => {
    let rate = 1
    const { clock, pruner, finished, rounds } = flood(() => rate)
    pruner.start()
    await clock.advance(6 * 3_600_000)
    expect(rounds()).toBeLessThan(6 * 6 + 10)
    rate = 2000
    // The round that finds so much comes within `every`.
    await clock.advance(700_000)
    const before = rounds()
    await clock.advance(60_000)
    expect(rounds() - before).toBeGreaterThan(5)
    expect(finished()).toBeLessThan(40_000)
    await pruner.stop()
  })

  it('leaves half of the time to others, batch by batch', async () => {
    const { clock, pruner, isPruning } = flood(() => 1_000_000, 40)
    const round = pruner.prune()
    let busy = 0
    for (let n = 0; n < 80; n++) {
      await clock.advance(10)
      if (isPruning()) busy++
    }
    await pruner.stop()
    await clock.advance(1000)
    expect(await round).toBeGreaterThan(4000)
    expect(busy).toBeLessThanOrEqual(40)
  })
})
