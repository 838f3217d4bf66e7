import { describe, expect, it } from 'vitest'
import { HoldfastError } from '../core/errors.ts'
import { seededRandom } from '../core/random.ts'
import { memorySharedState } from '../stores/memory/memory-shared-state.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { TargetRegistry } from './registry.ts'
import type { TargetRateOptions } from './settings.ts'

async function world() {
  const clock = new VirtualClock()
  const state = memorySharedState({ clock })
  await state.open()
  /** The targets of one more process. */
  const process = (rate: TargetRateOptions) =>
    new TargetRegistry({ targets: { api: { rate }, 'https://*': { rate } }, limits: { state }, clock, random: seededRandom(1) })
  return { clock, process }
}

const codeOf = (error: unknown) => (error instanceof HoldfastError ? error.code : error)

describe.each(['strict', 'leased'] as const)('a target whose rate is shared, %s', (shared) => {
  // R: I3, X7
  it('has one limit for all processes, and each knows when the next may go', async () => {
    const { clock, process } = await world()
    const [here, there] = [process({ limit: 2, per: '10s', shared }), process({ limit: 2, per: '10s', shared })]
    expect(here.admit('api')).toEqual({ admitted: true, slots: 2 })
    expect(await here.get('api').executeAttempt(() => 1)).toBe(1)
    expect(await there.get('api').execute(() => 2)).toBe(2)
    const refused = await here
      .get('api')
      .executeAttempt(() => 3)
      .catch(codeOf)
    expect(refused).toBe('ERR_RATE_LIMITED')
    expect(here.admit('api')).toEqual({
      admitted: false,
      heldBy: 'limit',
      heldUntil: clock.wallNow() + 5000,
      reason: 'the rate limit is reached',
    })
    expect(here.get('api').snapshot().limiter).toEqual({ available: 0, capacity: 2, nextAt: clock.wallNow() + 5000 })
    await clock.advance(5000)
    expect(here.admit('api')).toEqual({ admitted: true, slots: 1 })
    expect(await there.get('api').execute(() => 4)).toBe(4)
  })

  it('is another limit for each target of a pattern', async () => {
    const { process } = await world()
    const targets = process({ limit: 1, per: '10s', shared })
    expect(await targets.get('https://a.example').execute(() => 'a')).toBe('a')
    expect(await targets.get('https://b.example').execute(() => 'b')).toBe('b')
    expect(
      await targets
        .get('https://a.example')
        .execute(() => 'a')
        .catch(codeOf),
    ).toBe('ERR_RATE_LIMITED')
    // Too long a name for a store: it is limited here.
    const long = targets.get(`https://${'x'.repeat(300)}`)
    expect([await long.execute(() => 1), await long.execute(() => 2).catch(codeOf)]).toEqual([1, 'ERR_RATE_LIMITED'])
  })

  it('gives back what it has in hand when its process leaves', async () => {
    const { clock, process } = await world()
    const rate = { limit: 100, per: '1s', burst: 100, shared } as const
    const [here, there] = [process(rate), process(rate)]
    for (let call = 0; call < 50; call++) {
      await here.get('api').execute(() => 1)
      await clock.advance(5)
    }
    await here.close()
    await there.get('api').execute(() => 1)
    // Of 100, 50 went in a quarter of a second, which gave 25 back, and then one.
    expect(there.get('api').snapshot().limiter?.available).toBe(74)
  })
})

it('a shared rate without anything to share it through is refused when the target is made', () => {
  const rate = { limit: 1, per: '1s', shared: 'strict' } as const
  expect(() => new TargetRegistry({ targets: { api: { rate } } })).toThrow("target 'api': 'rate.shared' needs shared state")
  expect(() => new TargetRegistry({ targets: { api: { rate: { ...rate, shared: 'exact' as never } } } })).toThrow(
    "'rate.shared' must be one of 'strict', 'leased'",
  )
})
