/** Whatever targets, processes and the store do: one probe at a time while the store is up, and all closed in the end. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sleep } from '../../core/clock.ts'
import { type FleetProcess, fleet, refused } from '../testing/fleet.ts'

type Step =
  | { readonly do: 'call'; readonly who: number; readonly times: number; readonly lastsMs: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'target'; readonly isUp: boolean }
  /** One process alone cannot reach the target, or can again. */
  | { readonly do: 'reach'; readonly who: number; readonly reaches: boolean }
  | { readonly do: 'crash' | 'join'; readonly who: number }
  /** The store answers one process so much later. */
  | { readonly do: 'lag'; readonly who: number; readonly ms: number }
  | { readonly do: 'store'; readonly isThere: boolean }
  | { readonly do: 'clock'; readonly stepMs: number }

const who = fc.nat({ max: 3 })
const call = fc.record({
  do: fc.constant('call' as const),
  who,
  times: fc.integer({ min: 1, max: 4 }),
  lastsMs: fc.constantFrom(0, 20, 400),
})
const wait = fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 50, 700, 2500, 6000) })
const common: readonly fc.WeightedArbitrary<Step>[] = [
  { weight: 8, arbitrary: call },
  { weight: 8, arbitrary: wait },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('target' as const), isUp: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reach' as const), who, reaches: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('crash' as const, 'join' as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lag' as const), who, ms: fc.constantFrom(0, 30, 400) }) },
]
const trouble: readonly fc.WeightedArbitrary<Step>[] = [
  { weight: 1, arbitrary: fc.record({ do: fc.constant('store' as const), isThere: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clock' as const), stepMs: fc.constantFrom(-3_600_000, 3_600_000) }) },
]

class World {
  readonly #fleet: Awaited<ReturnType<typeof fleet>>
  readonly #slots: (FleetProcess | undefined)[]
  readonly #cutOff = new Set<number>()
  readonly #probing = new Map<FleetProcess, number>()
  #isUp = true
  #isStoreThere = true
  #born = 10
  /** The most probes there ever were at a time, of processes that live. */
  mostProbes = 0

  constructor(made: Awaited<ReturnType<typeof fleet>>) {
    this.#fleet = made
    this.#slots = [...made.processes]
  }

  get alive(): readonly FleetProcess[] {
    return this.#slots.filter((process) => process !== undefined)
  }

  async play(step: Step): Promise<void> {
    const { clock } = this.#fleet
    if (step.do === 'call') for (let time = 0; time < step.times; time++) void this.#call(step.who, step.lastsMs)
    else if (step.do === 'wait') await clock.advance(step.ms)
    else if (step.do === 'target') this.#isUp = step.isUp
    else if (step.do === 'reach') this.#cutOff[step.reaches ? 'delete' : 'add'](step.who)
    else if (step.do === 'clock') clock.stepWall(step.stepMs)
    else if (step.do === 'lag') this.#lag(step.who, step.ms)
    else if (step.do === 'store') this.#store(step.isThere)
    else if (step.do === 'crash') this.#crash(step.who)
    else await this.#join(step.who)
  }

  async #call(slot: number, lastsMs: number): Promise<void> {
    const process = this.#slots[slot]
    if (process === undefined) return
    const target = process.target()
    const operation = async (): Promise<string> => {
      const isProbe = target.breaker?.state === 'half-open'
      if (isProbe) this.#probe(process, 1)
      try {
        if (lastsMs > 0) await sleep(this.#fleet.clock, lastsMs)
        if (!this.#isUp || this.#cutOff.has(slot)) throw refused
        return 'answer'
      } finally {
        if (isProbe) this.#probe(process, -1)
      }
    }
    await target.executeAttempt(operation, { caller: `${slot}` }).catch(() => {})
  }

  #probe(process: FleetProcess, change: number): void {
    this.#probing.set(process, (this.#probing.get(process) ?? 0) + change)
    const now = this.alive.reduce((sum, each) => sum + (this.#probing.get(each) ?? 0), 0)
    this.mostProbes = Math.max(this.mostProbes, now)
  }

  #store(isThere: boolean): void {
    this.#isStoreThere = isThere
    for (const { line } of this.alive) line.cut = !isThere
  }

  #lag(slot: number, ms: number): void {
    const process = this.#slots[slot]
    if (process !== undefined) process.line.lagMs = ms
  }

  #crash(slot: number): void {
    this.#slots[slot]?.crash()
    this.#slots[slot] = undefined
  }

  async #join(slot: number): Promise<void> {
    if (this.#slots[slot] !== undefined) return
    const process = await this.#fleet.join(`p${this.#born++}`)
    process.line.cut = !this.#isStoreThere
    this.#slots[slot] = process
  }

  /** Everything is well from now on, and every process calls five times a second. */
  async heal(forMs: number): Promise<void> {
    this.#isUp = true
    this.#cutOff.clear()
    this.#store(true)
    for (const slot of this.#slots.keys()) this.#lag(slot, 0)
    if (this.alive.length === 0) await this.#join(0)
    for (let ms = 0; ms < forMs; ms += 200) {
      for (const slot of this.#slots.keys()) void this.#call(slot, 0)
      await this.#fleet.clock.advance(200)
    }
  }
}

const breaker = { failures: 3, openFor: '2s', openForMax: '16s' } as const

async function worldAfter(steps: readonly Step[]): Promise<World> {
  const world = new World(await fleet(4, { defaults: { breaker } }))
  for (const step of steps) await world.play(step)
  return world
}

describe('whatever happens', () => {
  it('one process probes at a time while the store is up, and all are closed when all is well', { timeout: 400_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(...common), { minLength: 10, maxLength: 80 }), async (steps) => {
        const world = await worldAfter(steps)
        await world.heal(45_000)
        expect(world.mostProbes).toBeLessThanOrEqual(1)
        expect(new Set(world.alive.map((process) => process.state()))).toEqual(new Set(['closed']))
      }),
      { numRuns: 1500 },
    )
  })

  it('a store that comes and goes, and its clock that is set, leave nobody open for ever', { timeout: 400_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(...common, ...trouble), { minLength: 10, maxLength: 80 }), async (steps) => {
        const world = await worldAfter(steps)
        await world.heal(45_000)
        expect(new Set(world.alive.map((process) => process.state()))).toEqual(new Set(['closed']))
        expect(world.alive.every(({ sharing }) => sharing.health().ok)).toBe(true)
      }),
      { numRuns: 1500 },
    )
  })
})
