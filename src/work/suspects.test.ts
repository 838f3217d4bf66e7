import { describe, expect, it } from 'vitest'
import { memoryStore } from '../stores/memory/memory-store.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { workRig } from '../testing/work-rig.ts'
import { defineKind } from './kind.ts'

describe('jobs that lost their worker again and again', () => {
  // W: 8
  it('run one at a time, beside others', async () => {
    const clock = new VirtualClock()
    const store = memoryStore({ clock })
    await store.open()
    const running = new Set<unknown>()
    let most = 0
    const rig = workRig({
      clock,
      store,
      kinds: [
        defineKind({
          name: 'k',
          target: 't',
          handler: (payload) =>
            new Promise<void>((end) => {
              if ((payload as { bad?: boolean }).bad) most = Math.max(most, running.add(payload).size)
              clock.setTimer(100, () => {
                running.delete(payload)
                end()
              })
            }),
        }),
      ],
    })
    await rig.queue.enqueue(Array.from({ length: 5 }, () => ({ kind: 'k', payload: { bad: true } })))
    for (let loss = 0; loss < 2; loss++) {
      const jobs = await store.claim({ worker: 'w', leaseMs: 1, lanes: [{ kind: 'k', target: 't', limit: 9 }] })
      await store.settle(jobs.map(({ id, token }) => ({ id, token, type: 'rescued', delayMs: 0, reason: 'gone' })))
    }
    await rig.queue.enqueue(Array.from({ length: 5 }, () => ({ kind: 'k', payload: {} })))
    rig.worker.start()
    await clock.advance(110)
    expect(rig.told().filter((type) => type === 'job.succeeded').length).toBeGreaterThanOrEqual(6)
    await clock.advance(20_000)
    expect(most).toBe(1)
    expect(rig.told().filter((type) => type === 'job.succeeded')).toHaveLength(10)
  })
})
