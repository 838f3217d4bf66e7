import { describe, expect, it } from 'vitest'
import type { HoldfastEvent } from '../core/events.ts'
import { seededRandom } from '../core/random.ts'
import type { StateStore } from '../core/state-store.ts'
import { memoryStore } from '../stores/memory/memory-store.ts'
import { scripted } from '../testing/scripted-operation.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { TargetRegistry, type TargetRegistryOptions } from './registry.ts'
import type { Target } from './target.ts'

const down = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
const DEFAULTS = { breaker: { failures: 2, openFor: '10s' } } as const

function make(options: TargetRegistryOptions = {}) {
  const clock = (options.clock as VirtualClock | undefined) ?? new VirtualClock()
  const registry = new TargetRegistry({ defaults: DEFAULTS, clock, random: seededRandom(1), ...options })
  const events: HoldfastEvent[] = []
  registry.observe((event) => events.push(event))
  return { registry, clock, events }
}

async function breakDown(target: Target): Promise<void> {
  for (const caller of ['a', 'b']) await expect(target.executeAttempt(() => Promise.reject(down), { caller })).rejects.toBe(down)
}

async function openStore(clock: VirtualClock) {
  const store = memoryStore({ clock })
  await store.open()
  return store
}

/** Keeps what the store is asked to do, and does it when told. */
class SlowStates implements StateStore {
  readonly asked: string[] = []
  readonly #turns: (() => void)[] = []

  async readStates(): Promise<readonly never[]> {
    return []
  }
  writeState(name: string, value: unknown): Promise<void> {
    return this.#ask(`write ${name} ${(value as { breaker: { state: string } }).breaker.state}`)
  }
  deleteState(name: string): Promise<void> {
    return this.#ask(`delete ${name}`)
  }
  goOn(): void {
    this.#turns.shift()?.()
  }
  #ask(what: string): Promise<void> {
    this.asked.push(what)
    return new Promise((resolve) => this.#turns.push(resolve))
  }
}

describe('the registry of targets', () => {
  it('makes a target when it is first asked for, once', () => {
    const { registry } = make()
    expect(registry.find('a')).toBeUndefined()
    const target = registry.get('a')
    expect(registry.get('a')).toBe(target)
    expect(registry.all()).toEqual([target])
  })

  it('makes those that are named at once, with their own settings', () => {
    const { registry } = make({ targets: { db: { concurrency: 3 }, 'peer:*': { concurrency: 5 } } })
    expect(registry.all().map(({ name }) => name)).toEqual(['db'])
    expect(registry.admit('db')).toEqual({ admitted: true, slots: 3 })
  })

  it('settles any other by the first pattern that matches, else by the defaults', () => {
    const { registry } = make({
      targets: {
        'https://api.example.com': { concurrency: 1 },
        'https://*.example.com': { concurrency: 2 },
        'https://*': { concurrency: 3 },
        'a.c(*': { concurrency: 4 },
      },
      defaults: { concurrency: 9 },
    })
    const slots = (name: string) => registry.admit(name)
    expect(slots('https://api.example.com')).toMatchObject({ slots: 1 })
    expect(slots('https://www.example.com')).toMatchObject({ slots: 2 })
    expect(slots('https://example.com')).toMatchObject({ slots: 3 })
    expect(slots('http://www.example.com')).toMatchObject({ slots: 9 })
    expect(slots('a.c(d\ne')).toMatchObject({ slots: 4 })
    expect(slots('abc(d')).toMatchObject({ slots: 9 })
    expect(slots('__proto__')).toMatchObject({ slots: 9 })
    expect(slots('constructor')).toMatchObject({ slots: 9 })
  })

  it('checks all settings when it is made, those of patterns too', () => {
    expect(() => make({ targets: { 'peer:*': { concurrency: 0 } } })).toThrow(/target 'peer:\*'/)
    expect(() => make({ maxTargets: 0 })).toThrow(/targetRegistry\.maxTargets/)
    expect(() => make({ maxTarget: 1 } as never)).toThrow(/maxTarget/)
  })

  // R: U2, X6
  // T: 20
  it('keeps the breaker of each target to itself', async () => {
    const { registry } = make({ targets: { 'https://*': { breaker: { failures: 2 } } } })
    await breakDown(registry.get('https://a'))
    expect(registry.admit('https://a')).toMatchObject({ heldBy: 'breaker' })
    expect(registry.admit('https://b')).toMatchObject({ admitted: true })
  })

  it('passes on what its targets tell', async () => {
    const { registry, events } = make()
    await breakDown(registry.get('a'))
    expect(events.map(({ type, target }) => [type, target])).toEqual([
      ['execution.failed', 'a'],
      ['circuit-breaker.changed', 'a'],
      ['execution.failed', 'a'],
    ])
  })
})

describe('the number of targets', () => {
  // T: 31
  it('is bounded: idle ones go when a new one comes', async () => {
    const { registry, clock } = make({ maxTargets: 3, idleAfter: '1m' })
    for (const name of ['a', 'b', 'c']) registry.get(name)
    await clock.advance(30_000)
    await registry.get('c').execute(() => 1)
    await clock.advance(30_000)
    registry.get('d')
    expect(registry.all().map(({ name }) => name)).toEqual(['c', 'd'])
  })

  // T: 31
  it('is bounded when none was idle for long: the oldest that is not in use goes', () => {
    const { registry } = make({ maxTargets: 2 })
    for (const name of ['a', 'b', 'c', 'd']) registry.get(name)
    expect(registry.all().map(({ name }) => name)).toEqual(['c', 'd'])
  })

  // T: 31
  it('is bounded over a million names', () => {
    const { registry } = make({ maxTargets: 10, defaults: { breaker: false } })
    for (let i = 0; i < 20_000; i++) registry.admit(`peer:${i}`)
    expect(registry.all()).toHaveLength(10)
  })

  // T: 31
  it('is bounded at a price that does not grow with it, though names come in turns that do not fit', () => {
    const { registry, clock } = make({ maxTargets: 2000, defaults: { breaker: false } })
    let asked = 0
    const now = clock.now.bind(clock)
    clock.now = () => {
      asked++
      return now()
    }
    for (let turn = 0; turn < 3; turn++) for (let i = 0; i < 3000; i++) registry.get(`peer:${i}`)
    expect(registry.all().length).toBeLessThanOrEqual(2000)
    // Each that looks at a target reads the clock: some twenty looks for every name.
    expect(asked).toBeLessThan(9000 * 50)
  })

  it('may pass the bound for those that something would be lost with', async () => {
    const { registry, clock } = make({ maxTargets: 2, idleAfter: 1 })
    await breakDown(registry.get('open'))
    registry.get('paused').pause()
    const hung = scripted().hangs()
    void registry.get('busy').execute(hung)
    await clock.advance(1000)
    registry.get('new')
    registry.get('newer')
    expect(registry.all().map(({ name }) => name)).toEqual(['open', 'paused', 'busy', 'newer'])
    hung.release()
  })
})

describe('the memory of a registry', () => {
  // R: U2
  // T: 21
  it('brings back open breakers and pauses, and forgets them once they are over', async () => {
    const clock = new VirtualClock()
    const states = await openStore(clock)
    const { registry } = make({ states, clock })
    await breakDown(registry.get('a'))
    registry.get('b').pause()
    registry.save('b')
    registry.get('c')
    await registry.flush()

    const { registry: second } = make({ states, clock })
    await second.load()
    expect(
      second
        .all()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['a', 'b'])
    expect(second.admit('a')).toMatchObject({ heldBy: 'breaker' })
    expect(second.admit('b')).toMatchObject({ heldBy: 'pause' })
    second.get('b').resume()
    second.save('b')
    await clock.advance(10_000)
    await second.get('a').executeAttempt(() => 1)
    await second.flush()

    expect(await states.readStates('')).toEqual([])
    const { registry: third } = make({ states, clock })
    await third.load()
    expect(third.all()).toEqual([])
  })

  it('does not resurrect a pause that was lifted when its target comes back after being forgotten', async () => {
    const clock = new VirtualClock()
    const states = await openStore(clock)
    await states.writeState('target:a', { version: 1, breaker: null, paused: { until: null } })
    const { registry } = make({ states, clock, maxTargets: 1 })
    await registry.load()
    expect(registry.admit('a')).toMatchObject({ heldBy: 'pause' })
    registry.get('a').resume()
    registry.get('b')
    expect(registry.find('a')).toBeUndefined()
    expect(registry.admit('a')).toMatchObject({ admitted: true })
  })

  it('drops at load what has ended meanwhile', async () => {
    const clock = new VirtualClock()
    const states = await openStore(clock)
    await states.writeState('target:a', { version: 1, breaker: null, paused: { until: clock.wallNow() - 1 } })
    const { registry } = make({ states, clock })
    await registry.load()
    await registry.flush()
    expect(await states.readStates('')).toEqual([])
  })

  it('writes one state of a target at a time, and the newest last', async () => {
    const states = new SlowStates()
    const { registry, clock } = make({ states })
    await breakDown(registry.get('a'))
    await clock.advance(10_000)
    await registry.get('a').executeAttempt(() => 1)
    expect(states.asked).toEqual(['write target:a open'])
    const flushed = registry.flush()
    states.goOn()
    await clock.advance(0)
    expect(states.asked).toEqual(['write target:a open', 'delete target:a'])
    states.goOn()
    await flushed
  })

  it('that is lost costs no call, and is told', async () => {
    const clock = new VirtualClock()
    const states = await openStore(clock)
    const { registry, events } = make({ states, clock })
    await states.close()
    await breakDown(registry.get('a'))
    await registry.flush()
    expect(events.find(({ type }) => type === 'store.degraded')).toMatchObject({
      target: 'a',
      reason: expect.stringContaining("state of target 'a' was not stored"),
    })
    expect(registry.admit('a')).toMatchObject({ heldBy: 'breaker' })
  })
})
