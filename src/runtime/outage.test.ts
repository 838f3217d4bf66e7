import { describe, expect, it } from 'vitest'
import { sleep } from '../core/clock.ts'
import { memorySharedState } from '../stores/memory/memory-shared-state.ts'
import { memoryStore } from '../stores/memory/memory-store.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import type { Handler } from '../work/kind.ts'
import type { RigOptions } from './testing/runtime-rig.ts'
import { connectionRefused, runtimeRig } from './testing/runtime-rig.ts'

const MINUTE = 60_000
/** What an installation has that says nothing of its own. */
const DEFAULTS: RigOptions = { targetDefaults: {}, kind: { backoff: {} } }

async function allOf(rig: ReturnType<typeof runtimeRig>) {
  const { items } = await rig.runtime.queue.list({ limit: 1000 })
  return {
    states: Object.fromEntries(
      Array.from(
        Map.groupBy(items, ({ state }) => state),
        ([state, jobs]) => [state, jobs.length],
      ),
    ),
    attempts: items.reduce((sum, { attempts }) => sum + attempts, 0),
  }
}

/** Refuses one call after the other, while it is not up: each job has failed for good before the next one is refused. */
function refusing(isUp: () => boolean): Handler {
  let calls = 0
  return async (_payload, { clock }) => {
    await sleep(clock, 1 + (calls++ % 50) * 10)
    if (!isUp()) throw connectionRefused
  }
}

const stop = async ({ runtime, clock }: ReturnType<typeof runtimeRig>): Promise<void> =>
  void (await Promise.all([runtime.stop(0), clock.advance(5000)]))

describe('an outage of ten minutes, with 1,000 jobs waiting and the defaults', () => {
  // W: 7
  it('costs none of them its life, and the target no more than what was in flight and the probes', {
    timeout: 30_000,
  }, async () => {
    let isUp = false
    const calls: number[] = []
    const rig = runtimeRig(async (_payload, { clock }) => {
      calls.push(clock.now())
      if (!isUp) throw connectionRefused
    }, DEFAULTS)
    await rig.runtime.start()
    await rig.send('a', 1000)
    await rig.clock.advance(10 * MINUTE)
    // The first wave fills the worker's 50 places; then one at a time after 5, 10, 20, 40 and every 60 s: 14 probes at most.
    const probes = calls.length - 50
    expect(probes).toBeGreaterThan(8)
    expect(probes).toBeLessThanOrEqual(14)
    const before = await allOf(rig)
    expect(before.states.dead).toBeUndefined()
    // Those that failed before the breaker had seen enough; every failure after that was free.
    expect(before.attempts).toBeLessThanOrEqual(10)
    expect((await rig.runtime.queue.deadLetters()).items).toEqual([])
    isUp = true
    await rig.clock.advance(2 * MINUTE)
    expect((await allOf(rig)).states).toEqual({ succeeded: 1000 })
    await stop(rig)
  })

  // W: 7, 18
  it('brings back those that had a single attempt, and used it up before the breaker opened', { timeout: 30_000 }, async () => {
    let isUp = false
    const rig = runtimeRig(
      refusing(() => isUp),
      { ...DEFAULTS, kind: { backoff: {}, maxAttempts: 1, deadLetter: { initial: '1h' } } },
    )
    await rig.runtime.start()
    await rig.send('a', 1000)
    await rig.clock.advance(10 * MINUTE)
    const letters = (await rig.runtime.queue.deadLetters({ limit: 1000 })).items
    expect(letters.length).toBeGreaterThan(0)
    expect(letters.length).toBeLessThanOrEqual(10)
    expect(letters.some(({ targetDown }) => !targetDown)).toBe(true)
    isUp = true
    await rig.clock.advance(2 * MINUTE)
    expect((await allOf(rig)).states).toEqual({ succeeded: 1000 })
    expect((await rig.runtime.queue.deadLetters({ limit: 1000 })).items.every(({ status }) => status === 'resolved')).toBe(true)
    await stop(rig)
  })

  // W: 7
  it('brings them back after a restart in the middle, too', { timeout: 30_000 }, async () => {
    let isUp = false
    const handler = refusing(() => isUp)
    const options = { ...DEFAULTS, kind: { backoff: {}, maxAttempts: 1, deadLetter: { initial: '1h' } } } as const
    const first = runtimeRig(handler, options)
    const store = Object.assign(first.store, { close: async () => {} })
    await first.runtime.start()
    await first.send('a', 30)
    await first.clock.advance(MINUTE)
    const letters = (await first.runtime.queue.deadLetters()).items
    expect(letters.filter(({ targetDown }) => !targetDown).length).toBeGreaterThan(0)
    await stop(first)
    const second = runtimeRig(handler, { ...options, store, clock: first.clock })
    await second.runtime.start()
    isUp = true
    await second.clock.advance(3 * MINUTE)
    expect((await allOf(second)).states).toEqual({ succeeded: 30 })
    await stop(second)
  })
})

describe('an outage seen by several processes', () => {
  // W: 7, 18
  it('brings back what each of them lost before its breaker opened', { timeout: 30_000 }, async () => {
    let isUp = false
    const clock = new VirtualClock()
    const store = Object.assign(memoryStore({ clock }), { close: async () => {} })
    const shared = Object.assign(memorySharedState({ clock }), { close: async () => {} })
    const kind = { backoff: {}, maxAttempts: 1, deadLetter: { initial: '1h' } } as const
    const rigs = [1, 2, 3].map(() =>
      runtimeRig(
        refusing(() => isUp),
        { ...DEFAULTS, kind, clock, store, shared, concurrency: 5 },
      ),
    )
    const started = Promise.all(rigs.map(({ runtime }) => runtime.start()))
    await clock.advance(10)
    await started
    await rigs[0]!.send('a', 100)
    await clock.advance(5 * MINUTE)
    const letters = (await rigs[0]!.runtime.queue.deadLetters({ limit: 1000 })).items
    expect(letters.filter(({ targetDown }) => !targetDown).length).toBeGreaterThan(5)
    isUp = true
    await clock.advance(5 * MINUTE)
    expect((await allOf(rigs[0]!)).states).toEqual({ succeeded: 100 })
    await Promise.all([...rigs.map(({ runtime }) => runtime.stop(0)), clock.advance(10_000)])
  })
})

describe('one job that fails everywhere', () => {
  // W: 7
  it('dies alone, and holds nobody up', async () => {
    const rig = runtimeRig(async (payload) => {
      if ((payload as { bad?: boolean }).bad) throw connectionRefused
    }, DEFAULTS)
    await rig.runtime.start()
    const [bad] = await rig.runtime.queue.enqueue([{ kind: 'mail', payload: { to: 'a', bad: true }, maxAttempts: 5 }])
    for (let second = 0; second < 60; second++) {
      await rig.send('a', 2)
      await rig.clock.advance(1000)
    }
    expect(await rig.runtime.queue.get(bad!.id)).toMatchObject({ state: 'dead', attempts: 5 })
    expect((await allOf(rig)).states).toEqual({ succeeded: 120, dead: 1 })
    expect(rig.runtime.targets.find('a')?.snapshot().breaker?.state).toBe('closed')
    expect((await rig.runtime.queue.deadLetters()).items).toMatchObject([{ targetDown: false, cause: 'attempts' }])
    await stop(rig)
  })

  // W: 7, 18
  it('dies alone although its failures open the breaker, and is not the canary for ever', async () => {
    const rig = runtimeRig(
      async (payload) => {
        if ((payload as { bad?: boolean }).bad) throw connectionRefused
      },
      { ...DEFAULTS, targetDefaults: { breaker: { failures: 3, openFor: '5s' } } },
    )
    await rig.runtime.start()
    const [bad] = await rig.runtime.queue.enqueue([{ kind: 'mail', payload: { to: 'a', bad: true }, maxAttempts: 4 }])
    await rig.clock.advance(MINUTE)
    expect(await rig.runtime.queue.get(bad!.id)).toMatchObject({ state: 'dead' })
    await rig.send('a', 20)
    await rig.clock.advance(2 * MINUTE)
    expect((await allOf(rig)).states).toMatchObject({ succeeded: 20 })
    await stop(rig)
  })
})
