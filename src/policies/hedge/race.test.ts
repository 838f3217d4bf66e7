import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compose, policy as layered } from '../../core/policy.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { hedge } from './hedge.ts'

type Kind = 'ok' | 'poor' | 'error' | 'hopeless' | 'fatal'

interface Script {
  readonly ms: number
  readonly kind: Kind
}

interface Given {
  readonly delay: number
  readonly maxHedges: number
  readonly scripts: readonly Script[]
  /** When the caller cancels. */
  readonly cancelAt: number | undefined
}

interface End {
  readonly at: number
  /** Whose end it was, or the caller's. */
  readonly by: number | 'caller'
  readonly startedAt: readonly number[]
}

/** The race written naively: a list of what happens next, from its description. */
function naive({ delay, maxHedges, scripts, cancelAt }: Given): End {
  const startedAt: number[] = []
  let running: { number: number; at: number; kind: Kind }[] = []
  let nextAt = 0
  let stopped = false
  const start = (now: number) => {
    const number = startedAt.push(now) - 1
    running.push({ number, at: now + scripts[number]!.ms, kind: scripts[number]!.kind })
    nextAt = now + delay
  }
  for (;;) {
    if (stopped || startedAt.length > maxHedges) nextAt = Number.POSITIVE_INFINITY
    const ending = running.toSorted((a, b) => a.at - b.at)[0]
    const now = Math.min(ending?.at ?? Number.POSITIVE_INFINITY, nextAt)
    if (cancelAt !== undefined && cancelAt < now) return { at: cancelAt, by: 'caller', startedAt }
    if (ending === undefined || nextAt < ending.at) {
      start(now)
      continue
    }
    running = running.filter((one) => one !== ending)
    const end = { at: now, by: ending.number, startedAt }
    if (ending.kind === 'ok' || ending.kind === 'fatal') return end
    if (ending.kind === 'hopeless') stopped = true
    if (!stopped && startedAt.length <= maxHedges) start(now)
    else if (running.length === 0) return end
  }
}

async function real({ delay, maxHedges, scripts, cancelAt }: Given): Promise<End> {
  const clock = new VirtualClock()
  const controller = new AbortController()
  const policy = hedge({
    delay,
    maxHedges,
    clock,
    isAcceptable: (value) => (value as { kind: Kind }).kind === 'ok',
    hedgeIf: (error) => (error as { kind: Kind }).kind !== 'hopeless',
    isFatal: (error) => (error as { kind: Kind }).kind === 'fatal',
  })
  const startedAt: number[] = []
  let end: End | undefined
  const settle = (by: End['by']) => {
    end = { at: clock.now(), by, startedAt: [...startedAt] }
  }
  policy
    .execute(
      () => {
        const by = startedAt.push(clock.now()) - 1
        const { ms, kind } = scripts[by]!
        return new Promise<{ by: number; kind: Kind }>((resolve, reject) => {
          clock.setTimer(ms, () => (kind === 'ok' || kind === 'poor' ? resolve : reject)({ by, kind }))
        })
      },
      { signal: controller.signal },
    )
    .then(
      ({ by }) => settle(by),
      (error: unknown) => settle(error === 'bye' ? 'caller' : (error as { by: number }).by),
    )
  if (cancelAt !== undefined) clock.setTimer(cancelAt, () => controller.abort('bye'))
  await clock.advance(1000)
  expect(startedAt).toEqual(end!.startedAt)
  expect([policy.status().abandoned, clock.pendingTimers({ includeIdle: true })]).toEqual([0, 0])
  return end!
}

describe('a hedge against a naive one', () => {
  // T: 25, 12
  it('agrees on who answers, when, and what was called, for any calls, and leaves nothing', async () => {
    const kind = fc.constantFrom<Kind>('ok', 'ok', 'poor', 'error', 'error', 'hopeless', 'fatal')
    const given = fc.record({
      delay: fc.constantFrom(1, 5, 20),
      maxHedges: fc.nat(4),
      // Each call has a fraction of its own, so that no two things happen at the same time.
      scripts: fc
        .array(fc.record({ ms: fc.nat(40), kind }), { minLength: 5, maxLength: 5 })
        .map((scripts) => scripts.map(({ ms, kind: ends }, i) => ({ ms: ms + 2 ** -(i + 2), kind: ends }))),
      cancelAt: fc.option(
        fc.nat(60).map((ms) => ms + 0.5),
        { nil: undefined, freq: 3 },
      ),
    })
    await fc.assert(
      fc.asyncProperty(given, async (one) => {
        // Without hedges nothing races: the policy steps aside.
        fc.pre(one.maxHedges > 0)
        expect(await real(one)).toEqual(naive(one))
      }),
      { numRuns: 400 },
    )
  }, 30_000)
})

describe('a call of a race', () => {
  const clock = new VirtualClock()

  it('does not begin for a caller who has left while an outer layer took its time', async () => {
    const controller = new AbortController()
    const slow = layered('slow', (next) => async (execution) => {
      await Promise.resolve()
      controller.abort(new Error('left'))
      return next(execution)
    })
    let calls = 0
    const call = compose(slow, hedge({ delay: 10, clock })).execute(
      () => {
        calls++
      },
      { signal: controller.signal },
    )
    await expect(call).rejects.toThrow('left')
    await clock.advance(0)
    expect(calls).toBe(0)
  })

  it('takes its listener off the signal of the caller when it ends, though another one runs on', async () => {
    const controller = new AbortController()
    const listeners = () => getEventListeners(controller.signal, 'abort').length
    const hanging = new Promise<never>(() => {})
    let calls = 0
    const call = hedge({ delay: Number.POSITIVE_INFINITY, maxHedges: 1, clock }).execute(
      ({ signal }) => {
        expect(signal.aborted).toBe(false)
        return calls++ === 0 ? Promise.reject(new Error('first')) : hanging
      },
      { signal: controller.signal },
    )
    call.catch(() => {})
    const before = listeners()
    await clock.advance(0)
    expect(calls).toBe(2)
    // The caller's own release, the race, and the call that runs.
    expect(listeners()).toBe(before)
    controller.abort()
    expect(listeners()).toBe(0)
  })
})
