import { describe, expect, it } from 'vitest'
import { systemClock } from '../core/clock.ts'
import { EventBus } from '../core/events.ts'
import { systemRandom } from '../core/random.ts'
import { memoryStore } from '../stores/memory/memory-store.ts'
import { admitAll } from './admission.ts'
import { defineKind, kindTable } from './kind.ts'
import { JobQueue } from './queue.ts'
import { runPlainly } from './runner.ts'
import { Worker } from './worker.ts'

describe('a worker with more work than it can do', () => {
  it('lets timers and sockets have their turn, in real time', async () => {
    const store = memoryStore()
    await store.open()
    let left = 150
    let allDone = (): void => {}
    const done = new Promise<void>((resolve) => {
      allDone = resolve
    })
    const spin = (): void => {
      const until = performance.now() + 1
      while (performance.now() < until);
      if (--left === 0) allDone()
    }
    const events = new EventBus()
    const kinds = kindTable([defineKind({ name: 'k', target: 't', handler: spin })])
    await new JobQueue({ store, kinds, clock: systemClock, events }).enqueue(
      Array.from({ length: left }, () => ({ kind: 'k', payload: {} })),
    )
    const worker = new Worker({
      store,
      kinds,
      admission: admitAll,
      run: runPlainly,
      isTargetDown: () => false,
      clock: systemClock,
      random: systemRandom,
      events,
      identity: { host: 'here', pid: 1, bootId: 'b' },
      concurrency: 1,
    })
    let turns = 0
    const ticking = setInterval(() => turns++, 1)
    worker.start()
    await done
    clearInterval(ticking)
    await worker.stop()
    expect(turns).toBeGreaterThanOrEqual(4)
  })
})
