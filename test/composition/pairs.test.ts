import { describe, expect, it } from 'vitest'
import { compose, type Policy } from '../../src/core/policy.ts'
import { scripted } from '../../src/testing/scripted-operation.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { CountedController } from '../cancellation/counted-signal.ts'
import { CountingGate } from './gate.ts'
import { between, inFlight, type Name, names, pairs, refusing, settled, twelve } from './twelve.ts'

/** How the two stand: in one frame where they can, with a layer between them, or with a gate before, between and behind. */
const arrangements = ['together', 'apart', 'among gates'] as const

/** Longer than anything that a policy here waits for, or remembers. */
const LONG = 20 * 60_000

function stackOf(clock: VirtualClock, parts: readonly [Policy, Policy], arrangement: (typeof arrangements)[number]) {
  const gates = ['outside', 'between', 'inside'].map((name) => new CountingGate(clock, { answers: ['admit'], waitMs: 0 }, name))
  const stack =
    arrangement === 'together'
      ? compose(...parts)
      : arrangement === 'apart'
        ? compose(parts[0], between, parts[1])
        : compose(gates[0]!, parts[0], gates[1]!, parts[1], gates[2]!)
  /** Every permit went back once; no place, no timer and no listener is left. */
  const clean = async (controller = new CountedController()): Promise<void> => {
    await clock.advance(LONG)
    expect(gates.map(({ wrong }) => wrong)).toEqual([[], [], []])
    for (const part of parts)
      for (const [what, count] of Object.entries(inFlight(part))) expect(count, `${part.name} ${what}`).toBe(0)
    expect([clock.pendingTimers({ includeIdle: true }), controller.listeners]).toEqual([0, 0])
  }
  return { stack, gates, clean }
}

/** How often an operation that always fails is called. */
const REPEATS: Partial<Record<Name, number>> = { retry: 2, hedge: 2 }

describe('every ordered pair of the twelve policies', () => {
  it('is tested', () => {
    expect([names.length, pairs.length]).toEqual([12, 144])
  })

  for (const [outer, inner] of pairs) {
    for (const arrangement of arrangements) {
      const make = () => {
        const clock = new VirtualClock()
        const parts = [twelve[outer](clock), twelve[inner](clock)] as const
        return { clock, parts, ...stackOf(clock, parts, arrangement) }
      }

      it(`${outer} > ${inner}, ${arrangement}: values, errors, time and cancels come out right`, async () => {
        const { clock, stack, clean } = make()
        const controller = new CountedController()
        const { signal } = controller
        for (const value of ['ok', undefined, null, 0]) {
          expect(await stack.execute(() => value)).toBe(value)
          expect(await stack.execute(async () => value, { signal })).toBe(value)
        }

        const failing = scripted({ clock }).fails(9, 'odd error')
        const failed = settled(stack.execute(failing, { signal }))
        await clock.advance(200)
        // A breaker inside two that repeat would open at its third failure; here it sees no more than its bound allows.
        const calls = (REPEATS[outer] ?? 1) * (REPEATS[inner] ?? 1)
        expect([await failed, failing.calls.length]).toEqual([{ error: 'odd error' }, calls])

        // Long enough for a hedge: what it starts in vain is told to stop.
        const lasting = scripted({ clock }).resolvesAfter(60, 'slow', 1).hangsUntilAborted()
        const lasted = settled(stack.execute(lasting, { signal }))
        await clock.advance(100)
        expect([await lasted, lasting.running]).toEqual([{ value: 'slow' }, 0])

        const slow = scripted({ clock }).hangsUntilAborted()
        const cancelled = settled(stack.execute(slow, { signal }))
        await clock.advance(5)
        controller.abort('enough')
        expect([await cancelled, slow.calls.length]).toEqual([{ error: 'enough' }, 1])
        await clock.advance(5)

        if (outer === 'timeout' || inner === 'timeout') {
          const late = settled(stack.execute(scripted({ clock }).hangsUntilAborted()))
          await clock.advance(1000)
          expect(await late).toMatchObject({ error: { code: 'ERR_TIMEOUT' } })
        }
        await clean(controller)
      })

      for (const refuser of ['outer', 'inner'] as const) {
        const refusal = refusing[refuser === 'outer' ? outer : inner]
        if (refusal === undefined) continue
        it(`${outer} > ${inner}, ${arrangement}: what the ${refuser} refuses never runs`, async () => {
          const clock = new VirtualClock()
          const { policy, code, end } = refusal(clock)
          const parts =
            refuser === 'outer' ? ([policy, twelve[inner](clock)] as const) : ([twelve[outer](clock), policy] as const)
          const { stack, gates, clean } = stackOf(clock, parts, arrangement)
          const controller = new CountedController()
          const operation = scripted({ clock }).returns('ran')
          for (const options of [{}, { signal: controller.signal }, { within: '10s' }]) {
            const ended = settled(stack.execute(operation, options))
            await clock.advance(500)
            expect(await ended).toMatchObject({ error: code === 'chaos' ? 'chaos' : { code } })
          }
          expect(operation.calls.length).toBe(0)
          expect(gates[2]!.given).toBe(0)
          if (refuser === 'outer') expect(gates[1]!.given).toBe(0)
          // A refusal further in says nothing of the target; what chaos breaks is meant to look like the target's own.
          if (code !== 'chaos')
            for (const gate of gates) for (const [verdict] of gate.verdicts.values()) expect(verdict).toBe('cancelled')
          end?.()
          await clean(controller)
        })
      }
    }
  }
})
