import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memorySharedState } from '../../../stores/memory/memory-shared-state.ts'
import { VirtualClock } from '../../../testing/virtual-clock.ts'
import { rateLimiter } from '../rate-limiter.ts'
import { sharedRateLimiter } from './shared-rate-limiter.ts'

const PROCESSES = 3

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('call' as const),
      who: fc.nat(PROCESSES - 1),
      cost: fc.constantFrom(1, 1, 1, 2, 3),
      calls: fc.constantFrom(1, 1, 2, 8),
    }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('wait' as const), ms: fc.constantFrom(1, 5, 20, 50, 100, 1000, 3000) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('leave' as const), who: fc.nat(PROCESSES - 1) }) },
)
const limits = fc.record({ intervalMs: fc.constantFrom(2, 10, 50), burst: fc.integer({ min: 3, max: 40 }) })

interface Gone {
  readonly at: number
  readonly cost: number
}

/** The most that went in any stretch of time beyond what the bucket gives in that time, its burst included. */
function excess(gone: readonly Gone[], intervalMs: number, burst: number): number {
  let most = Number.NEGATIVE_INFINITY
  for (let from = 0; from < gone.length; from++) {
    let sum = 0
    for (let to = from; to < gone.length; to++) {
      sum += gone[to]!.cost
      most = Math.max(most, sum - burst - (gone[to]!.at - gone[from]!.at) / intervalMs)
    }
  }
  return most
}

describe('whatever several processes ask for', () => {
  // R: I3
  for (const shared of ['strict', 'leased'] as const)
    it(`no stretch of time has more than the bucket gives, ${shared === 'strict' ? 'not by one' : 'and a batch for each process'}`, async () => {
      const run = async (
        steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[],
        { intervalMs, burst }: { intervalMs: number; burst: number },
      ) => {
        const clock = new VirtualClock()
        const state = memorySharedState({ clock })
        await state.open()
        const batch = Math.max(1, Math.floor(burst / 10))
        const common = {
          state,
          name: 'x',
          limit: 1000 / intervalMs,
          per: '1s',
          burst,
          clock,
          shared,
          processes: PROCESSES,
        } as const
        const make = () => sharedRateLimiter(shared === 'strict' ? common : { ...common, batch })
        const processes = Array.from({ length: PROCESSES }, make)
        const gone: Gone[] = []
        for (const one of steps) {
          if (one.type === 'wait') await clock.advance(one.ms)
          else if (one.type === 'leave') await processes[one.who]!.close()
          else {
            const call = async () => {
              const { allowed } = await processes[one.who]!.consume(undefined, one.cost)
              if (allowed) gone.push({ at: clock.now(), cost: one.cost })
            }
            await Promise.all(Array.from({ length: one.calls }, call))
          }
        }
        expect(excess(gone, intervalMs, burst)).toBeLessThanOrEqual(shared === 'strict' ? 1e-6 : PROCESSES * batch + 1e-6)
      }
      await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 80 }), limits, run), { numRuns: 300 })
    }, 60_000)

  it('one after the other, a strict limit answers as a local one would', async () => {
    const calls = fc.array(
      fc.record({ who: fc.nat(PROCESSES - 1), cost: fc.constantFrom(1, 1, 2, 3), after: fc.constantFrom(0, 0, 1, 10, 25, 200) }),
      { maxLength: 80 },
    )
    const run = async (
      all: readonly { who: number; cost: number; after: number }[],
      { intervalMs, burst }: { intervalMs: number; burst: number },
    ) => {
      const clock = new VirtualClock()
      const state = memorySharedState({ clock })
      await state.open()
      const rate = { limit: 1000 / intervalMs, per: '1s', burst, clock } as const
      const local = rateLimiter(rate)
      const processes = Array.from({ length: PROCESSES }, () =>
        sharedRateLimiter({ ...rate, state, name: 'x', processes: PROCESSES }),
      )
      for (const { who, cost, after } of all) {
        await clock.advance(after)
        const shared = await processes[who]!.consume(undefined, cost)
        expect(shared.allowed).toBe(local.consume(undefined, cost).allowed)
      }
    }
    await fc.assert(fc.asyncProperty(calls, limits, run), { numRuns: 300 })
  }, 60_000)
})
