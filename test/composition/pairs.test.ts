import { describe, expect, it } from 'vitest'
import { compose } from '../../src/core/policy.ts'
import type { Bulkhead } from '../../src/policies/bulkhead/bulkhead.ts'
import type { CircuitBreaker } from '../../src/policies/circuit-breaker/circuit-breaker.ts'
import { scripted } from '../../src/testing/scripted-operation.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { between, five, pairs, settled } from './five.ts'

describe('every ordered pair of policies', () => {
  for (const [outer, inner] of pairs) {
    for (const fused of [true, false]) {
      const make = () => {
        const clock = new VirtualClock()
        const parts = [five[outer](clock), five[inner](clock)] as const
        const stack = fused ? compose(...parts) : compose(parts[0], between, parts[1])
        const clean = (): void => {
          expect(clock.pendingTimers()).toBe(0)
          for (const part of parts) {
            if (part.name === 'bulkhead') expect((part as Bulkhead).snapshot()).toMatchObject({ inFlight: 0, queued: 0 })
            if (part.name === 'circuit-breaker') expect((part as CircuitBreaker).peek()).toHaveProperty('slots')
          }
        }
        return { clock, stack, clean }
      }
      const attempts = [outer, inner].reduce((count, name) => count * (name === 'retry' ? 2 : 1), 1)
      const bounded = outer === 'timeout' || inner === 'timeout'

      it(`${outer} > ${inner}${fused ? '' : ', apart'}: values, errors, time and cancels come out right`, async () => {
        const { clock, stack, clean } = make()
        for (const value of ['ok', undefined, null, 0]) expect(await stack.execute(() => value)).toBe(value)

        const failing = scripted({ clock }).fails(9, 'odd error')
        const failed = settled(stack.execute(failing))
        await clock.advance(100)
        // A breaker inside two retries would open at its third failure; here it sees no more than its bound allows.
        expect([await failed, failing.calls.length]).toEqual([{ error: 'odd error' }, attempts === 4 ? 4 : attempts])

        const slow = scripted({ clock }).hangsUntilAborted()
        const controller = new AbortController()
        const cancelled = settled(stack.execute(slow, { signal: controller.signal }))
        await clock.advance(5)
        controller.abort('enough')
        expect([await cancelled, slow.calls.length]).toEqual([{ error: 'enough' }, 1])

        if (bounded) {
          const late = settled(stack.execute(scripted({ clock }).hangsUntilAborted()))
          await clock.advance(1000)
          expect(await late).toMatchObject({ error: { code: 'ERR_TIMEOUT' } })
        }
        await clock.advance(1000)
        clean()
      })
    }
  }
})
