import { describe, expect, it } from 'vitest'
import { memoryStore } from '../stores/memory/memory-store.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import type { NewJob } from '../work/job.ts'
import type { WorkerRow } from '../work/store.ts'
import { runtimeRig } from './testing/runtime-rig.ts'

const MINUTE = 60_000

const job = (id: string): NewJob => {
  const rest = { priority: 0, fingerprint: id, idempotencyWindowMs: 0 }
  return { id, kind: 'mail', target: 'a', payload: { to: 'a' }, ...rest }
}

/** A store where a process of another machine, and one of this machine that is gone, have left a job each. */
async function leftBehind() {
  const clock = new VirtualClock()
  const store = memoryStore({ clock })
  await store.open()
  const row = (host: string): WorkerRow => ({ id: host, host, pid: 2 ** 30, bootId: 'b', startedAt: 0, seenAt: 0 })
  for (const host of ['there', 'here']) {
    await store.enqueue([job(`of-${host}`)])
    await store.renew(row(host), 30_000, [])
    await store.claim({ worker: host, leaseMs: 30_000, lanes: [{ kind: 'mail', target: 'a', limit: 1 }] })
  }
  return { clock, store }
}

describe('recovery', () => {
  // R: R6
  it('is told in the status: what was found at the start', async () => {
    const rig = runtimeRig(() => {}, { ...(await leftBehind()), host: 'here' })
    expect((await rig.source.status()).recovery).toBeUndefined()
    await rig.runtime.start()
    const found = { recovered: 1, requeued: 1, parked: 0, poison: 0, deadLetters: 0 }
    expect((await rig.source.status()).recovery).toEqual({ at: rig.clock.wallNow(), ...found })
  })

  // R: R6
  it('stops no start when the store refuses it, says so, and does it later', async () => {
    const { clock, store } = await leftBehind()
    const { workers } = store
    store.workers = () => Promise.reject(new Error('disk I/O'))
    const rig = runtimeRig(() => {}, { clock, store, host: 'here' })
    expect(await rig.runtime.start()).toMatchObject({ recovered: 0, error: { message: 'disk I/O' } })
    expect((await rig.source.status()).recovery).toMatchObject({ recovered: 0, error: { message: 'disk I/O' } })
    expect(rig.events).toContainEqual(
      expect.objectContaining({ type: 'worker.recovered', error: { name: 'Error', message: 'disk I/O' } }),
    )
    store.workers = workers
    await clock.advance(11_000)
    expect((await store.get('of-here'))?.state).toBe('succeeded')
  })

  it('looks as often as it is told, and waits for a silent process as long as it is told', async () => {
    const left = await leftBehind()
    await left.store.renew({ id: 'mute', host: 'here', pid: process.pid + 0, bootId: 'b', startedAt: 0, seenAt: 0 }, 30_000, [])
    const rig = runtimeRig(() => {}, { ...left, host: 'here', recovery: { every: '1m', unresponsiveAfter: '2m' } })
    await rig.runtime.start()
    await rig.clock.advance(59_000)
    expect((await rig.store.get('of-there'))?.state).toBe('running')
    await rig.clock.advance(2000)
    expect((await rig.store.get('of-there'))?.state).toBe('succeeded')
    expect(() => runtimeRig(() => {}, { recovery: { every: 0 } })).toThrow('rescuer.every')
    await rig.clock.advance(MINUTE)
  })
})
