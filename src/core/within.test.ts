import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { explain } from './explain.ts'
import type { Execution } from './operation.ts'
import { noop, policy } from './policy.ts'

describe('the time that a caller gives a call', () => {
  it('may be what an outer call has left, bounded or not', async () => {
    const nested = (outer: Execution) => noop.execute((inner) => inner.remaining(), { within: outer.remaining() })
    expect(await noop.execute(nested)).toBe(Number.POSITIVE_INFINITY)
    expect(await noop.execute(nested, { within: 500 })).toBeLessThanOrEqual(500)
    expect(noop.executeSync((execution) => execution.remaining(), { within: Number.POSITIVE_INFINITY })).toBe(
      Number.POSITIVE_INFINITY,
    )
  })

  it('leaves no timer and no bound when it is none', async () => {
    const clock = new VirtualClock()
    const timed = Object.assign(
      policy('timed', (next) => next),
      { clock },
    )
    const call = timed.execute(() => new Promise((resolve) => clock.setTimer(1e9, () => resolve('late'))), {
      within: Number.POSITIVE_INFINITY,
    })
    expect(clock.pendingTimers({ includeIdle: true })).toBe(1)
    await clock.advance(1e9)
    expect(await call).toBe('late')
  })

  it('is over before the call begins when it is 0: the operation does not run', async () => {
    let calls = 0
    const operation = (): number => ++calls
    const refusal = { name: 'RejectedError', code: 'ERR_DEADLINE_EXCEEDED', policy: 'within' }
    await expect(noop.execute(operation, { within: 0 })).rejects.toMatchObject(refusal)
    await expect(noop.execute(operation, { within: '0ms', signal: new AbortController().signal })).rejects.toMatchObject(refusal)
    expect(() => noop.executeSync(operation, { within: 0 })).toThrow('no time is left for this call')
    expect(await explain(noop, operation, { within: 0 })).toMatchObject({ outcome: 'rejected', decidedBy: 'within', calls: 0 })
    expect(calls).toBe(0)
  })
})
