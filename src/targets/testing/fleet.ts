/** Several processes, each with its own registry, on one shared state and one virtual clock. */
import type { HoldfastEvent } from '../../core/events.ts'
import { seededRandom } from '../../core/random.ts'
import type { SharedState } from '../../core/shared-state.ts'
import { memorySharedState } from '../../stores/memory/memory-shared-state.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { TargetRegistry, type TargetRegistryOptions } from '../registry.ts'
import { SharedTargets } from '../shared/shared-targets.ts'

export const refused: Error = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })

/** The way of one process to the store, which can be cut, or be slow. */
export interface Line {
  cut: boolean
  /** Answers come so much later. */
  lagMs: number
  /** Neither asks nor answers any more, as after a SIGKILL. */
  dead: boolean
  /** Calls by name. */
  readonly calls: Record<string, number>
}

function through(shared: SharedState, line: Line, clock: VirtualClock): SharedState {
  return new Proxy(shared, {
    get(target, name: keyof SharedState) {
      const value = target[name] as unknown
      if (typeof value !== 'function') return value
      if (name === 'onWord')
        return (listener: () => void) => target.onWord(() => (line.cut || line.dead ? undefined : listener()))
      return async (...args: unknown[]) => {
        line.calls[name] = (line.calls[name] ?? 0) + 1
        if (line.dead) return new Promise(() => {})
        if (line.lagMs > 0) await new Promise<void>((resolve) => clock.setTimer(line.lagMs, resolve, true))
        if (line.cut) throw Object.assign(new Error('the store is gone'), { code: 'ERR_STORE_UNAVAILABLE' })
        return (value as (...args: unknown[]) => unknown).apply(target, args)
      }
    },
  })
}

export interface FleetOptions extends Pick<TargetRegistryOptions, 'defaults' | 'targets'> {
  readonly clock?: VirtualClock
  readonly shared?: SharedState
}

const DEFAULTS: TargetRegistryOptions['defaults'] = { breaker: { failures: 3, openFor: '5s', openForMax: '40s' } }

export async function fleet(size: number, options: FleetOptions = {}) {
  const clock = options.clock ?? new VirtualClock()
  const shared = options.shared ?? memorySharedState({ clock })
  await shared.open()
  const make = (name: string) => fleetProcess(name, shared, clock, { defaults: DEFAULTS, ...options })
  const processes = await Promise.all(Array.from({ length: size }, (_, i) => make(`p${i + 1}`)))
  return { clock, shared, processes, join: make }
}

export type FleetProcess = Awaited<ReturnType<typeof fleetProcess>>

async function fleetProcess(name: string, shared: SharedState, clock: VirtualClock, options: FleetOptions) {
  const seed = Number.parseInt(name.slice(1), 10)
  const line: Line = { cut: false, dead: false, lagMs: 0, calls: {} }
  const { defaults, targets } = options
  const registry = new TargetRegistry({
    clock,
    random: seededRandom(seed),
    ...(defaults && { defaults }),
    ...(targets && { targets }),
  })
  const events: HoldfastEvent[] = []
  registry.observe((event) => events.push(event))
  const sharing = new SharedTargets({
    registry,
    shared: through(shared, line, clock),
    reporter: name,
    clock,
    random: seededRandom(seed),
  })
  sharing.observe((event) => events.push(event))
  const started = sharing.start()
  await clock.advance(0)
  await started
  const target = () => registry.get('api')
  const call = (works: boolean, error: unknown = refused) =>
    target()
      .executeAttempt(() => (works ? 'answer' : Promise.reject(error)), { caller: `${name}-${events.length}` })
      .catch((thrown: unknown) => thrown)
  return {
    name,
    registry,
    sharing,
    line,
    events,
    target,
    state: () => target().breaker?.state,
    /** How long it still holds, in ms. */
    heldFor: () => {
      const answer = target().admit()
      return answer.admitted || answer.heldUntil === undefined ? undefined : answer.heldUntil - clock.wallNow()
    },
    succeed: () => call(true),
    fail: async (times = 3, error?: unknown) => {
      for (let count = 0; count < times; count++) await call(false, error)
    },
    changes: () => events.flatMap((event) => (event.type === 'circuit-breaker.changed' ? [`${event.to}: ${event.reason}`] : [])),
    crash: () => {
      line.dead = true
    },
  }
}
