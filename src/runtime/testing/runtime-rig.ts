/** A whole runtime on a store in memory and a virtual clock, with one kind whose handler a test writes. */
import type { HoldfastEvent } from '../../core/events.ts'
import { seededRandom } from '../../core/random.ts'
import { memoryStore } from '../../stores/memory/memory-store.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import type { Handler, KindOptions } from '../../work/kind.ts'
import { defineKind } from '../../work/kind.ts'
import type { JobStore } from '../../work/store.ts'
import { RuntimeSource } from '../ops-source.ts'
import { Runtime, type RuntimeOptions } from '../runtime.ts'

export interface RigOptions extends Partial<Omit<RuntimeOptions, 'kinds'>> {
  readonly clock?: VirtualClock
  readonly kind?: Partial<KindOptions>
}

/** A job's payload names its target: `{ to: 'a' }`. */
export function runtimeRig(handler: Handler, { kind, ...options }: RigOptions = {}) {
  const clock = options.clock ?? new VirtualClock()
  const store: JobStore = options.store ?? memoryStore({ clock })
  const mail = defineKind({
    name: 'mail',
    target: (payload) => (payload as { to: string }).to,
    backoff: { initial: 100, max: 1000, jitter: 'none' },
    handler,
    ...kind,
  })
  const runtime = new Runtime({
    targetDefaults: { breaker: { failures: 3, openFor: '10s' } },
    random: seededRandom(1),
    ...options,
    store,
    clock,
    kinds: [mail],
  })
  const events: HoldfastEvent[] = []
  runtime.observe((event) => events.push(event))
  const send = async (to: string, count = 1): Promise<readonly string[]> =>
    (await runtime.queue.enqueue(Array.from({ length: count }, () => ({ kind: 'mail', payload: { to } })))).map(({ id }) => id)
  /** Lets what waits for no time happen. */
  const settle = (): Promise<void> => clock.advance(10)
  return { clock, store, runtime, events, send, settle, source: new RuntimeSource(runtime, '1.2.3') }
}

export const connectionRefused: Error = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
