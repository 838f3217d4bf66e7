/**
 * A worker and a queue on a store of your choice and a virtual clock, with every event kept: for tests of kinds and handlers
 * that take no real time.
 */
import type { HoldfastEvent } from '../core/events.ts'
import { EventBus } from '../core/events.ts'
import { seededRandom } from '../core/random.ts'
import { admitAll } from '../work/admission.ts'
import type { Kind } from '../work/kind.ts'
import { kindTable } from '../work/kind.ts'
import { JobQueue } from '../work/queue.ts'
import { runPlainly } from '../work/runner.ts'
import type { JobStore } from '../work/store.ts'
import type { WorkerOptions } from '../work/worker.ts'
import { Worker } from '../work/worker.ts'
import type { VirtualClock } from './virtual-clock.ts'

export interface WorkRigOptions extends Partial<Omit<WorkerOptions, 'store' | 'kinds' | 'clock' | 'events'>> {
  readonly clock: VirtualClock
  /** Opened by the caller. */
  readonly store: JobStore
  readonly kinds: readonly Kind[]
}

export interface WorkRig {
  readonly clock: VirtualClock
  readonly store: JobStore
  readonly kinds: ReadonlyMap<string, Kind>
  readonly bus: EventBus
  /** Everything that was told, in order. */
  readonly events: HoldfastEvent[]
  readonly queue: JobQueue
  readonly worker: Worker
  /** The types of the events, without `job.enqueued` and the worker's own. */
  told(): string[]
}

/**
 * @example
 * // given clock, store, mail
 * const rig = workRig({ clock, store, kinds: [mail] })
 * rig.worker.start()
 * await rig.queue.enqueue([{ kind: 'mail', payload: {} }])
 * await clock.advance(100)
 */
export function workRig(options: WorkRigOptions): WorkRig {
  const { clock, store, kinds: list, ...worker } = options
  const kinds = kindTable(list)
  const bus = new EventBus()
  const events: HoldfastEvent[] = []
  bus.observe((event) => events.push(event))
  return {
    clock,
    store,
    kinds,
    bus,
    events,
    queue: new JobQueue({ store, kinds, clock, events: bus }),
    worker: new Worker({
      admission: admitAll,
      run: runPlainly,
      isTargetDown: () => false,
      random: seededRandom(1),
      identity: { host: 'here', pid: 100, bootId: 'boot-1' },
      ...worker,
      store,
      kinds,
      clock,
      events: bus,
    }),
    told: () => events.map((event) => event.type).filter((type) => type !== 'job.enqueued' && !type.startsWith('worker.')),
  }
}
