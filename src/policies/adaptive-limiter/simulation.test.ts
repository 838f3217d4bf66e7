/**
 * The algorithms on a simulated target: `workers` calls at a time, 100 ms each, the others queue in it; twice as many calls
 * arrive as it can take. The best limit is `workers`: fewer leave it idle, more only wait.
 */
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../core/random.ts'
import type { AlgorithmName } from './limit.ts'
import { AdaptiveMachine } from './machine.ts'
import { type AdaptiveLimiterOptions, readOptions } from './options.ts'
import { meanOf, Simulation, type SimulationSettings } from './testing/simulated-server.ts'

const SERVICE_MS = 100
const steady = (): number => SERVICE_MS
const exponential = (random: () => number): number => -Math.log(1 - random()) * SERVICE_MS

function simulate(options: AdaptiveLimiterOptions, server: Partial<SimulationSettings> & { workers: number }) {
  const random = seededRandom(7)
  const { limit, settings } = readOptions({ random, ...options })
  const machine = new AdaptiveMachine(limit, settings, () => {}, 0)
  const perSecond = 2 * server.workers * (1000 / SERVICE_MS)
  const simulation = new Simulation(machine, { serviceMs: steady, perSecond, random, ...server })
  const run = (seconds: number) => {
    const { workers } = simulation.settings
    const trace = simulation.run(seconds)
    return { ...trace, mean: meanOf(trace.limits), use: trace.served / ((workers * seconds * 1000) / SERVICE_MS) }
  }
  return { machine, settings: simulation.settings, run }
}

/** Where each algorithm must end up, in terms of the best limit, and how much of the target it must use. */
const WITHIN: Record<AlgorithmName, (workers: number) => readonly [number, number]> = {
  aimd: (workers) => [0.9 * workers, workers + 12], // the target drops from a queue of 10 on
  vegas: (workers) => [0.9 * workers, workers + 6 * Math.max(1, Math.floor(Math.log10(workers + 6))) + 2],
  gradient2: (workers) => [0.9 * workers, 1.6 * workers + 6],
}

describe.each(Object.keys(WITHIN) as AlgorithmName[])('%s', (algorithm) => {
  const queueSize = algorithm === 'aimd' ? 10 : Number.POSITIVE_INFINITY

  it.each([
    [5, 20],
    [20, 200],
    [40, 20],
  ])('finds the limit of a target of %i workers from %i, and uses it', (workers, initial) => {
    const { run } = simulate({ algorithm, initial }, { workers, queueSize })
    run(120)
    const { mean, limits, use } = run(600)
    const [least, most] = WITHIN[algorithm](workers)
    expect(mean).toBeGreaterThan(least)
    expect(mean).toBeLessThan(most)
    expect(Math.max(...limits)).toBeLessThan(most + 2)
    expect(use).toBeGreaterThan(0.97)
  })

  // T: 29
  it('does not drift when the application is idle, or asks for little', () => {
    const { machine, run, settings } = simulate({ algorithm, initial: 20 }, { workers: 20, queueSize })
    run(120)
    settings.perSecond = 0
    run(2)
    const before = machine.limit
    expect(run(600).limits.every((limit) => limit === before)).toBe(true)
    settings.perSecond = 5
    const { limits } = run(1200)
    expect(Math.max(...limits)).toBeLessThanOrEqual(before)
    expect(machine.limit).toBe(before)
  })

  it('follows a target that loses half of its workers, and that gets them back', () => {
    const { run, settings } = simulate(
      { algorithm, probeEvery: algorithm === 'aimd' ? undefined : '1m' } as AdaptiveLimiterOptions,
      {
        workers: 20,
        queueSize,
      },
    )
    run(120)
    settings.workers = 10
    run(120)
    const [, most] = WITHIN[algorithm](10)
    expect(run(60).mean).toBeLessThan(most + 2)
    settings.workers = 20
    run(120)
    const after = run(60)
    expect(after.mean).toBeGreaterThan(18)
    expect(after.use).toBeGreaterThan(0.95)
  })
})

describe('a target that stays saturated', () => {
  // T: 29
  it.each(['vegas', 'gradient2'] as const)('does not teach %s that its queue is normal, in an hour', (algorithm) => {
    const { run } = simulate({ algorithm, max: 1000 }, { workers: 5 })
    run(300)
    const [, most] = WITHIN[algorithm](5)
    for (let part = 0; part < 6; part++) expect(run(550).mean).toBeLessThan(most)
  })

  it('is used by Gradient2 even where calls differ much in length', () => {
    const { run } = simulate({ algorithm: 'gradient2' }, { workers: 20, serviceMs: exponential })
    run(120)
    const { mean, use } = run(600)
    expect(use).toBeGreaterThan(0.93)
    expect(mean).toBeLessThan(1.6 * 20 + 6)
  })

  it('that refuses at once keeps AIMD below its queue, with few refusals', () => {
    const { run } = simulate({ algorithm: 'aimd' }, { workers: 10, queueSize: 10 })
    run(60)
    const { refused, served } = run(300)
    expect(refused / served).toBeLessThan(0.08)
  })
})
