/** Holdfast as an application embeds it: the whole runtime, with the target's breaker, leases, heartbeats and pruning. */

import { Runtime } from '../../../src/runtime/runtime.ts'
import { postgresStore } from '../../../src/stores/postgres/postgres-store.ts'
import { sqliteStore } from '../../../src/stores/sqlite/sqlite-store.ts'
import { defineKind } from '../../../src/work/kind.ts'
import type { JobStore } from '../../../src/work/store.ts'
import type { Load, System, WorkSettings } from '../contender.ts'

export function openHoldfast(storeOf: () => JobStore): System {
  let handle: WorkSettings['handle'] = () => undefined
  let running: Runtime | undefined
  const kind = defineKind<Load>({ name: 'load', target: 'nowhere', handler: (payload) => handle(payload) })
  const make = (concurrency?: number): Runtime =>
    new Runtime({ store: storeOf(), kinds: [kind], ...(concurrency === undefined ? {} : { concurrency }) })
  const sender = make()
  let opened: Promise<void> | undefined
  const send = async (loads: readonly Load[]): Promise<void> => {
    opened ??= sender.store.open()
    await opened
    await sender.queue.enqueue(loads.map((payload) => ({ kind: 'load', payload })))
  }
  return {
    async prepare() {
      await sender.store.open()
    },
    enqueueMany: send,
    enqueueOne: (load) => send([load]),
    async work(settings) {
      handle = settings.handle
      running = make(settings.concurrency)
      await running.start()
      return () => running?.stop(1000) ?? Promise.resolve()
    },
    async close() {
      await sender.store.close()
    },
  }
}

export const sqlite =
  (durability: 'normal' | 'full') =>
  async (path: string): Promise<System> =>
    openHoldfast(() => sqliteStore({ path, durability }))

export const postgres = async (url: string): Promise<System> => openHoldfast(() => postgresStore({ url }))
