/** Breakers of several processes, as they tell each other what they find. */
import { describe, expect, it } from 'vitest'
import { type FleetProcess, fleet, refused } from '../testing/fleet.ts'

/** News travel with the store's hint. */
const HINT_MS = 5
/** A beat and its jitter: without hints, news are never older. */
const BEAT_MS = 1100

async function team(size: number, options: Parameters<typeof fleet>[1] = {}) {
  const made = await fleet(size, options)
  for (const process of made.processes) process.target()
  const [a, b, c, d] = made.processes as [FleetProcess, FleetProcess, FleetProcess, FleetProcess]
  const states = () => made.processes.map((process) => process.state())
  const admitting = () => made.processes.filter((process) => process.target().admit().admitted).map(({ name }) => name)
  return { ...made, a, b, c, d, states, admitting }
}

describe('an open breaker among processes', () => {
  it('is taken over at once by one that knows nothing, for what is left of its time', async () => {
    const { clock, a, b, states } = await team(2)
    await a.fail()
    await clock.advance(HINT_MS)
    expect(states()).toEqual(['open', 'open'])
    expect(b.changes()).toEqual(['open: opened by 1 of 2 processes: 3 failures in a row'])
    await clock.advance(2000)
    expect(b.target().admit()).toMatchObject({ admitted: false, heldBy: 'breaker' })
    expect(b.heldFor()).toBe(a.heldFor())
    expect([a.sharing.downs('api'), b.sharing.downs('api')]).toEqual([1, 1])
  })

  it('is taken over at the next beat when the store gives no hint', async () => {
    const { clock, a, b, shared } = await team(2)
    shared.onWord = () => () => {}
    b.line.cut = true
    await a.fail()
    await clock.advance(HINT_MS)
    expect(b.state()).toBe('closed')
    b.line.cut = false
    await clock.advance(BEAT_MS)
    expect(b.state()).toBe('open')
  })

  it('is taken over by a target that is made later, and by a process that joins later', async () => {
    const { clock, processes, join } = await fleet(2)
    const [a, b] = processes as [FleetProcess, FleetProcess]
    await a.fail()
    await clock.advance(HINT_MS)
    expect(b.registry.find('api')).toBeUndefined()
    expect(b.registry.admit('api')).toMatchObject({ heldBy: 'breaker' })
    const late = await join('p3')
    expect(late.registry.admit('api')).toMatchObject({ heldBy: 'breaker' })
  })

  it('of one bad node keeps nobody out but itself, however long it lasts', async () => {
    const { clock, a, b, c, d, states } = await team(4)
    for (let second = 0; second < 60; second++) {
      await Promise.all([a.fail(), b.succeed(), c.succeed(), d.succeed()])
      await clock.advance(1000)
      expect(states().slice(1)).toEqual(['closed', 'closed', 'closed'])
    }
    expect(a.changes().filter((change) => change.startsWith('open')).length).toBeGreaterThan(2)
    for (const good of [b, c, d]) expect(good.changes()).toEqual([])
  })

  it('of one bad node is left again by one that knew nothing, once those who are answered say so', async () => {
    const { clock, a, b, c } = await team(3)
    await b.succeed()
    await a.fail()
    await clock.advance(2 * HINT_MS)
    expect([b.changes(), c.state()]).toEqual([[], 'closed'])
    expect(c.changes().at(-1) ?? 'closed: never followed').toMatch(/^closed: /)
  })

  it('persuades one that was just answered when two say so, and not one alone', async () => {
    const { clock, a, b, c, states } = await team(3)
    await Promise.all([a.succeed(), b.succeed(), c.succeed()])
    await a.fail()
    await clock.advance(HINT_MS)
    expect(states()).toEqual(['open', 'closed', 'closed'])
    await b.fail()
    await clock.advance(HINT_MS)
    expect(states()).toEqual(['open', 'open', 'open'])
    expect(c.changes()).toEqual(['open: opened by 2 of 3 processes: 3 failures in a row'])
  })

  it('is not passed on by those who only follow: an opinion that came round counts once', async () => {
    const { clock, a, b, c, d } = await team(4)
    await d.succeed()
    await a.fail()
    await clock.advance(10 * HINT_MS)
    expect([b, c].map(({ sharing }) => sharing.downs('api'))).toEqual([1, 1])
    expect(d.state()).toBe('closed')
  })

  it('stays with those who follow until its time is over when the process that found it dies', async () => {
    const { clock, a, b } = await team(2, { defaults: { breaker: { failures: 3, openFor: '20s' } } })
    await a.fail()
    await clock.advance(HINT_MS)
    a.crash()
    await clock.advance(10_000)
    expect([b.state(), b.sharing.health().processes]).toEqual(['open', 1])
    await clock.advance(11_000)
    await b.succeed()
    expect(b.state()).toBe('closed')
  })

  it('is no outage for one who is told that it is not one', async () => {
    const { clock, a, b } = await team(2)
    await a.fail()
    await clock.advance(HINT_MS)
    expect([a.target().isDown, b.target().isDown]).toEqual([true, true])
    a.target().reset()
    b.target().reset()
    await clock.advance(HINT_MS)
    for (let time = 0; time < 3; time++)
      await a
        .target()
        .executeAttempt(() => Promise.reject(refused), { caller: 'x' })
        .catch(() => {})
    await clock.advance(HINT_MS)
    expect([a.target().isDown, b.state(), b.target().isDown]).toEqual([false, 'open', false])
  })
})

describe('the probe', () => {
  it('is one across all processes: the others wait with an ETA', async () => {
    const { clock, a, states, admitting, processes } = await team(4)
    await a.fail()
    await clock.advance(5000 + 10 * HINT_MS)
    expect(states().filter((state) => state === 'half-open')).toHaveLength(1)
    expect(admitting()).toHaveLength(1)
    for (const process of processes)
      if (process.state() === 'open') {
        expect(process.target().admit()).toMatchObject({ heldBy: 'breaker' })
        expect(process.heldFor()).toBeGreaterThan(0)
      }
    await clock.advance(3000)
    expect(admitting()).toHaveLength(1)
  })

  it('that is good closes the breakers of all', async () => {
    const { clock, a, b, states, admitting, processes } = await team(3)
    await a.fail()
    await b.fail()
    await clock.advance(5000 + 10 * HINT_MS)
    const prober = processes.find(({ name }) => name === admitting()[0])
    await prober?.succeed()
    await clock.advance(HINT_MS)
    expect(states()).toEqual(['closed', 'closed', 'closed'])
    const told = processes.filter((process) => process !== prober).map((process) => process.changes().at(-1))
    expect(told).toEqual(Array(2).fill('closed: the probe of another process was good'))
  })

  it('that is bad keeps the breakers of all open, and longer each time', async () => {
    const { clock, a, admitting, processes, states } = await team(3)
    await a.fail()
    await clock.advance(5000 + 10 * HINT_MS)
    const heldFor: number[] = []
    let probes = 0
    for (let round = 0; round < 3; round++) {
      for (let wait = 0; admitting().length === 0 && wait < 100; wait++) await clock.advance(100)
      expect(admitting()).toHaveLength(1)
      const prober = processes.find(({ name }) => name === admitting()[0])
      await prober?.fail(1)
      probes++
      await clock.advance(HINT_MS)
      expect(states()).toEqual(['open', 'open', 'open'])
      const times = processes.map((process) => process.heldFor() ?? 0)
      expect(Math.max(...times) - Math.min(...times)).toBeLessThanOrEqual(1)
      heldFor.push(Math.max(...times))
      await clock.advance(Math.max(...times))
    }
    expect(probes).toBe(3)
    expect(heldFor.map((ms) => Math.round(ms / 1000))).toEqual([10, 20, 40])
  })

  it('is taken over when its process dies', async () => {
    const { clock, a, admitting, processes } = await team(3)
    await a.fail()
    await clock.advance(5000 + 10 * HINT_MS)
    const prober = processes.find(({ name }) => name === admitting()[0])
    prober?.crash()
    const alive = processes.filter((process) => process !== prober)
    await clock.advance(4000)
    expect(alive.map(({ state }) => state())).toEqual(['open', 'open'])
    await clock.advance(3000)
    expect(new Set(alive.map(({ state }) => state()))).toEqual(new Set(['half-open', 'open']))
  })

  it('goes to the process that has a call to probe with', async () => {
    const { clock, a, b, states } = await team(2)
    await a.fail()
    await clock.advance(5000 + 10 * HINT_MS)
    expect(states()).toEqual(['half-open', 'open'])
    for (let call = 0; call < 30 && b.state() !== 'closed'; call++) {
      await b.succeed()
      await clock.advance(100)
    }
    expect(states()).toEqual(['closed', 'closed'])
    expect(a.changes()).toContain('open: another process has a call to probe with')
  })

  it('of work that waits is asked for, of work that does not is not', async () => {
    const { clock, a, b, states } = await team(2)
    await a.fail()
    await clock.advance(5000 + 10 * HINT_MS)
    for (let look = 0; look < 50; look++) {
      b.registry.admit('api')
      await clock.advance(100)
    }
    expect(states()).toEqual(['half-open', 'open'])
    for (let look = 0; look < 30; look++) {
      b.registry.admit('api', true)
      await clock.advance(100)
    }
    expect(states()).toEqual(['open', 'half-open'])
  })

  it('is not lost on a process alone, and costs it no call', async () => {
    const { clock, a } = await team(1)
    await a.fail()
    await clock.advance(5000 + HINT_MS)
    expect(a.target().admit()).toMatchObject({ admitted: true })
    await clock.advance(120_000)
    expect(await a.succeed()).toBe('answer')
    expect(a.state()).toBe('closed')
  })

  it('of others is believed once by one that cannot reach the target, and not again until it can', async () => {
    const { clock, a, b, c, processes } = await team(3)
    let calls = 0
    for (let step = 0; step < 900; step++) {
      // The target is down for all for half a minute, then for a alone.
      const isBack = step > 300
      for (const process of processes) {
        const before = process.events.length
        if (isBack && process !== a) await process.succeed()
        else await process.fail(1)
        if (process === a && isBack && !process.events.slice(before).some(({ type }) => type.endsWith('.rejected'))) calls++
      }
      await clock.advance(100)
    }
    expect([b.state(), c.state()]).toEqual(['closed', 'closed'])
    expect(a.state()).not.toBe('closed')
    expect(calls).toBeLessThanOrEqual(10)
  })
})

describe('a store that is lost', () => {
  it('is told of once, leaves every process to itself, and is told of once when it is back', async () => {
    const { clock, a, b, states } = await team(2)
    for (const { line } of [a, b]) line.cut = true
    await clock.advance(3 * BEAT_MS)
    await a.fail()
    await clock.advance(HINT_MS)
    expect(states()).toEqual(['open', 'closed'])
    expect(a.sharing.health()).toMatchObject({ ok: false, reason: 'the store is gone', processes: 1 })
    await clock.advance(5000)
    expect(a.target().admit()).toMatchObject({ admitted: true })
    await a.fail(1)
    await clock.advance(20_000)
    for (const { line } of [a, b]) line.cut = false
    await a.fail(1)
    await clock.advance(6000)
    expect(states()).toEqual(['open', 'open'])
    const told = b.events.map(({ type }) => type).filter((type) => type.startsWith('store.'))
    expect(told).toEqual(['store.degraded', 'store.recovered'])
    expect(a.sharing.health()).toEqual({ ok: true, reason: undefined, processes: 2 })
  })

  it('lets a process probe at once that was waiting for its turn', async () => {
    const { clock, a, b } = await team(2)
    await a.fail()
    await clock.advance(5000 + 10 * HINT_MS)
    expect(b.state()).toBe('open')
    b.line.cut = true
    await clock.advance(BEAT_MS + HINT_MS)
    expect(b.target().admit()).toMatchObject({ admitted: true })
  })

  it('keeps no call waiting, however slow it answers', async () => {
    const { clock, a, b } = await team(2)
    for (const { line } of [a, b]) line.lagMs = 60_000
    await a.fail()
    expect(a.state()).toBe('open')
    await clock.advance(BEAT_MS + 1500)
    expect(a.sharing.health()).toMatchObject({ ok: false, reason: expect.stringContaining('no answer within') })
    await clock.advance(5000)
    expect(await a.succeed()).toBe('answer')
    // Answers that come after all change nothing.
    for (const { line } of [a, b]) line.lagMs = 0
    await clock.advance(70_000)
    expect([a.state(), b.state(), a.sharing.health().ok]).toEqual(['closed', 'closed', true])
  })

  it('is lost at the start, and comes later', async () => {
    const { clock, a, join } = await team(1)
    await a.fail()
    await clock.advance(HINT_MS)
    a.line.cut = true
    const b = await join('p2')
    b.line.cut = true
    await clock.advance(BEAT_MS)
    b.line.cut = false
    a.line.cut = false
    await clock.advance(6 * BEAT_MS)
    expect(b.sharing.health()).toMatchObject({ ok: true, processes: 2 })
  })
})

// W: 4
describe("the store's clock", () => {
  it.each([-3_600_000, 3_600_000])('may be set by %i ms: nobody is held longer than their longest open time', async (step) => {
    const { clock, a, b, states, admitting, processes } = await team(2)
    await a.fail()
    await clock.advance(HINT_MS)
    clock.stepWall(step)
    await clock.advance(2 * BEAT_MS)
    for (let wait = 0; admitting().length === 0 && wait < 100; wait++) await clock.advance(100)
    const prober = processes.find(({ name }) => name === admitting()[0])
    await prober?.succeed()
    await clock.advance(BEAT_MS)
    expect(states()).toEqual(['closed', 'closed'])
    // And from then on they believe each other as before.
    await clock.advance(20_000)
    await b.fail()
    await clock.advance(BEAT_MS)
    expect(states()).toEqual(['open', 'open'])
  })
})

describe('what people want', () => {
  it('reaches all processes, those too that do not know the target yet or start later', async () => {
    const { clock, processes, join } = await fleet(3)
    const [a, b, c] = processes as [FleetProcess, FleetProcess, FleetProcess]
    a.target().pause()
    a.sharing.pauseChanged(a.target())
    await clock.advance(BEAT_MS)
    expect(b.registry.find('api')).toBeUndefined()
    expect([b, c].map(({ registry }) => registry.admit('api'))).toMatchObject([{ heldBy: 'pause' }, { heldBy: 'pause' }])
    const late = await join('p4')
    expect(late.registry.admit('api')).toMatchObject({ heldBy: 'pause' })
    b.target().resume()
    b.sharing.pauseChanged(b.target())
    await clock.advance(BEAT_MS)
    expect([a, c, late].map(({ registry }) => registry.admit('api').admitted)).toEqual([true, true, true])
  })

  it('isolates and lifts everywhere, and echoes no reset', async () => {
    const { clock, a, b, c, states } = await team(3)
    a.target().isolate('moving')
    await clock.advance(BEAT_MS)
    for (const { registry } of [b, c]) registry.get('api')
    expect(states()).toEqual(['isolated', 'isolated', 'isolated'])
    expect(b.target().breaker?.status().reason).toBe('moving')
    b.target().reset()
    b.sharing.wasReset(b.target())
    await clock.advance(BEAT_MS)
    expect(states()).toEqual(['closed', 'closed', 'closed'])
    await c.fail()
    await clock.advance(3 * BEAT_MS)
    expect(states()).toEqual(['open', 'open', 'open'])
  })

  it('resets everywhere, whatever the breaker is where it was said', async () => {
    const { clock, a, b, c, states } = await team(3)
    await c.succeed()
    await a.fail()
    await clock.advance(BEAT_MS)
    expect([a.state(), c.state()]).toEqual(['open', 'closed'])
    c.target().reset()
    c.sharing.wasReset(c.target())
    await clock.advance(HINT_MS)
    expect([...states(), b.changes().at(-1) ?? '']).toEqual(['closed', 'closed', 'closed', expect.any(String)])
  })

  it('is what was said last by the clock of the store, by whoever could not reach it meanwhile too', async () => {
    const { clock, a, b } = await team(2)
    a.line.cut = true
    await clock.advance(BEAT_MS)
    a.target().pause()
    a.sharing.pauseChanged(a.target())
    await clock.advance(5000)
    b.target().pause(clock.wallNow() + 60_000)
    b.sharing.pauseChanged(b.target())
    await clock.advance(BEAT_MS)
    a.line.cut = false
    await clock.advance(6 * BEAT_MS)
    expect(a.target().snapshot().pausedUntil).toBe(b.target().snapshot().pausedUntil)
    expect(a.target().snapshot().pausedUntil).toBeLessThan(Number.POSITIVE_INFINITY)
  })

  it('is told again to a store that has forgotten it', async () => {
    const { clock, a, b, shared } = await team(2)
    a.target().pause()
    a.sharing.pauseChanged(a.target())
    await clock.advance(BEAT_MS)
    for (const { name } of await shared.readStates('by-hand:')) await shared.deleteState(name)
    await clock.advance(BEAT_MS)
    expect(await shared.readStates('by-hand:')).toMatchObject([{ name: 'by-hand:pause:api', value: { on: true } }])
    expect(b.registry.admit('api')).toMatchObject({ heldBy: 'pause' })
  })
})

describe('a 429', () => {
  it('stops all processes at once, until it is over or somebody resets the target', async () => {
    const { clock, a, b, c } = await team(3)
    const tooMany = Object.assign(new Error('429'), { status: 429, retryAfterMs: 30_000 })
    for (const { registry } of [b, c]) registry.get('api')
    await a.fail(5, tooMany)
    await clock.advance(HINT_MS)
    for (const { registry } of [a, b, c]) expect(registry.admit('api')).toMatchObject({ heldBy: 'limit' })
    expect(Math.abs((b.heldFor() ?? 0) - 30_000)).toBeLessThan(50)
    await clock.advance(10_000)
    b.target().reset()
    b.sharing.wasReset(b.target())
    await clock.advance(HINT_MS)
    expect([a, b, c].map(({ registry }) => registry.admit('api').admitted)).toEqual([true, true, true])
    await clock.advance(3 * BEAT_MS)
    expect([a, b, c].map(({ registry }) => registry.admit('api').admitted)).toEqual([true, true, true])
  })
})

describe('a process that leaves', () => {
  it('takes its words back, gives up the probe, and leaves no timer', async () => {
    const { clock, a, b, shared } = await team(2)
    await a.fail()
    await clock.advance(5000 + 10 * HINT_MS)
    expect(a.state()).toBe('half-open')
    await a.sharing.stop()
    await clock.advance(2 * BEAT_MS)
    expect(b.state()).toBe('half-open')
    expect(b.sharing.health().processes).toBe(1)
    await b.sharing.stop()
    expect(clock.pendingTimers({ includeIdle: true })).toBe(0)
    const answer = await shared.exchange({ reporter: 'x', words: [], ttlMs: 1000 })
    expect([answer.reporters, answer.words]).toEqual([['x'], []])
  })

  it('refuses options that are none', async () => {
    const { shared, a } = await team(1)
    const { SharedTargets } = await import('./shared-targets.ts')
    const options = { registry: a.registry, shared, reporter: 'x' }
    expect(() => new SharedTargets({ ...options, every: 1 })).toThrow(/sharedTargets.every/)
    expect(() => new SharedTargets({ ...options, evry: '1s' } as never)).toThrow(/evry/)
  })
})
