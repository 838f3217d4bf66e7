/** Several processes that share a limit, on one virtual clock, and a store that may be in trouble. */
import { HoldfastError } from '../../../../core/errors.ts'
import type { HoldfastEvent } from '../../../../core/events.ts'
import type { SharedState } from '../../../../core/shared-state.ts'
import { memorySharedState } from '../../../../stores/memory/memory-shared-state.ts'
import { VirtualClock } from '../../../../testing/virtual-clock.ts'
import type { SharedRateLimiterOptions } from '../options.ts'
import { type SharedRateLimiter, sharedRateLimiter } from '../shared-rate-limiter.ts'

export interface World {
  readonly clock: VirtualClock
  readonly state: SharedState
  /** One more process that shares the limit. */
  process(options?: Partial<SharedRateLimiterOptions>): SharedRateLimiter
  /** Makes the store fail, or hang. */
  trouble: 'none' | 'fails' | 'hangs'
  /** Takes that were asked for. */
  takes: number
  backs: number
}

export async function world(common: Partial<SharedRateLimiterOptions> = {}): Promise<World> {
  const clock = new VirtualClock()
  const real = memorySharedState({ clock })
  await real.open()
  const it: World = {
    clock,
    trouble: 'none',
    takes: 0,
    backs: 0,
    state: new Proxy(real, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => {
          if (it.trouble === 'hangs') return new Promise(() => {})
          if (it.trouble === 'fails') return Promise.reject(new HoldfastError('gone', { code: 'ERR_STORE_UNAVAILABLE' }))
          if (name === 'take') it.takes++
          if (name === 'giveBack') it.backs++
          return Reflect.apply(value, target, args) as unknown
        }
      },
    }),
    process: (options = {}) =>
      sharedRateLimiter({ state: it.state, name: 'api', limit: 10, per: '1s', clock, ...common, ...options }),
  }
  return it
}

export const WAYS = ['strict', 'leased'] as const

export const codeOf = (error: unknown): string => (error instanceof HoldfastError ? error.code : String(error))

/** All that a limiter tells from now on. */
export function told(limiter: SharedRateLimiter): HoldfastEvent[] {
  const events: HoldfastEvent[] = []
  limiter.observe((event) => events.push(event))
  return events
}
