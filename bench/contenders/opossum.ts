import CircuitBreaker from 'opossum'
import { answer, type Contender, type Contenders, HOUR, longLived, reading } from './contender.ts'

/** Without what nobody reads: percentiles, snapshots. */
const LEAN: CircuitBreaker.Options = { enableSnapshots: false, rollingPercentilesEnabled: false }

const success = (options: CircuitBreaker.Options): Contender => {
  const breaker = new CircuitBreaker(answer, { ...LEAN, ...options })
  return { call: () => breaker.fire() }
}

export const contenders: Contenders = {
  breaker: () => success({ timeout: false }),
  'breaker-rate': () => success({ timeout: false }),
  // It is a breaker too: it cannot do less.
  timeout: () => success({ timeout: 1000 }),
  'timeout-read': () => {
    const controller = new AbortController()
    const breaker = new CircuitBreaker(() => reading({ signal: controller.signal }), {
      ...LEAN,
      timeout: 1000,
      abortController: controller,
    })
    return { call: () => breaker.fire() }
  },
  'timeout-linked': () => {
    const breaker = new CircuitBreaker(() => reading({ signal: longLived }), { ...LEAN, timeout: 1000 })
    return { call: () => breaker.fire() }
  },
  bulkhead: () => success({ timeout: false, capacity: 10 }),
  'refused-breaker': () => {
    const breaker = new CircuitBreaker(answer, { ...LEAN, resetTimeout: HOUR })
    breaker.open()
    return { call: () => breaker.fire(), refuses: true }
  },
  'refused-bulkhead': () => {
    const breaker = new CircuitBreaker((hangs: boolean) => (hangs ? new Promise<number>(() => {}) : answer()), {
      ...LEAN,
      timeout: false,
      capacity: 1,
      // Refusals are failures to it: it must not open, or another refusal is measured.
      volumeThreshold: 1_000_000_000,
    })
    void breaker.fire(true)
    return { call: () => breaker.fire(false), refuses: true }
  },
}
