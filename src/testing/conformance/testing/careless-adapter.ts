/**
 * A library that steps into every trap that no peer in `bench/` has the part for, so that the scenarios of those are seen to
 * fail too.
 */
import { sleep } from '../../../core/clock.ts'
import { VirtualClock } from '../../virtual-clock.ts'
import type { Adapter, Caller, Work } from '../adapter.ts'

export function carelessAdapter(): Adapter {
  const clock = new VirtualClock()
  const plainly: Caller = { call: async (work) => work({}) }
  const gate = (limit: number) => {
    let free = limit
    const release = (): void => {
      free++
    }
    return {
      acquire() {
        if (free === 0) return undefined
        free--
        return { release }
      },
    }
  }
  const failure = (headers = {}) => Object.assign(new Error('503'), { status: 503, headers })
  return {
    name: 'careless',
    time: {
      now: () => clock.now(),
      wallNow: () => clock.wallNow(),
      advance: (ms) => clock.advance(ms),
      stepWall: (ms) => clock.stepWall(ms),
      pendingTimers: () => clock.pendingTimers(),
      exact: true,
    },
    leasedBreaker: () => strandedBreaker(clock),
    permits: gate,
    probePermits: async () => gate(1),
    rampingBreaker: ({ openMs }) => suddenBreaker(clock, openMs),
    stoppable: () => ({ ...plainly, stop: () => {} }),
    storedCache: (store) => ({
      call: async (work, { key = '' } = {}) => {
        const answer = work({})
        await store.set(key, answer)
        return answer
      },
    }),
    hedge: ({ delayMs }) => ({
      call: (work) => Promise.race([work({}), sleep(clock, delayMs).then(() => work({}))]),
    }),
    budgetedRetry: ({ budget, delayMs }) => {
      let left = budget
      return {
        async call(work) {
          try {
            return await work({})
          } catch {
            await sleep(clock, delayMs)
            if (left-- <= 0) throw new Error('the budget is spent')
            return work({})
          }
        },
      }
    },
    obedientRetry: ({ delayMs }) => ({ ...again(clock, delayMs), failure }),
    boundedObedientRetry: ({ delayMs }) => ({ ...again(clock, delayMs), failure }),
    throttle: () => ({ ...throttledAtTheEnd(), refusal: failure() }),
    adaptiveLimiter: ({ initial }) => {
      let limit = initial
      return {
        async call(work) {
          try {
            return await work({})
          } finally {
            limit++
          }
        },
        limit: () => limit,
        dropped: failure(),
      }
    },
    cappedLimiter: () => keepsAll(),
    keyedLimiter: () => keepsAll(),
    unknownOptions: () => [['retry', () => ({})]],
  }
}

/** It believes what it is told, in seconds. */
function again(clock: VirtualClock, delayMs: number): Caller {
  return {
    async call(work) {
      try {
        return await work({})
      } catch (error) {
        const seconds = Number((error as { headers?: Record<string, string> }).headers?.['retry-after'])
        await sleep(clock, Number.isNaN(seconds) ? delayMs : seconds * 1000)
        return work({})
      }
    },
  }
}

/** It waits for its probe for ever. */
function strandedBreaker(clock: VirtualClock) {
  let failures = 0
  let openUntil = 0
  let probing = false
  return {
    state: () => (failures >= 2 ? 'open' : 'closed') as 'open',
    async call(work: Work) {
      if (failures >= 2) {
        if (clock.now() < openUntil || probing) throw new Error('open')
        probing = true
      }
      try {
        return await work({})
      } catch (error) {
        failures++
        openUntil = clock.now() + 100
        throw error
      }
    },
  }
}

/** Once its open time is over all are let in. */
function suddenBreaker(clock: VirtualClock, openMs: number) {
  const stranded = strandedBreaker(clock)
  const isOver = (): boolean => clock.now() >= openMs
  return {
    state: () => (isOver() ? 'closed' : stranded.state()),
    call: async (work: Work) => (isOver() ? work({}) : stranded.call(work)),
  }
}

/** It counts what was asked only when it has ended, and refuses all once nothing is accepted. */
function throttledAtTheEnd(): Caller {
  let asked = 0
  let accepted = 0
  return {
    async call(work) {
      if (asked > 10 && asked > 2 * accepted + 10) throw new Error('refused here')
      try {
        const value = await work({})
        accepted++
        return value
      } finally {
        asked++
      }
    },
  }
}

function keepsAll() {
  const seen = new Map<string, number>()
  return {
    take: async (key = '') => {
      seen.set(key, (seen.get(key) ?? 0) + 1)
      return { allowed: true }
    },
    keys: () => seen.size,
  }
}
