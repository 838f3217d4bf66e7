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
    // At the next look, and not when the idle worker happens to look.
    await clock.advance(10_050)
    expect((await store.get('of-here'))?.state).toBe('succeeded')
  })

  it('looks as often as it is told, and waits for a live but silent process as long as it is told', async () => {
    const { clock, store } = await leftBehind()
    // Our parent is alive, and has nothing to do with this.
    await store.renew({ id: 'mute', host: 'here', pid: process.ppid, bootId: 'b', startedAt: 0, seenAt: 0 }, 30_000, [])
    await store.enqueue([job('of-mute')])
    await store.claim({ worker: 'mute', leaseMs: 30_000, lanes: [{ kind: 'mail', target: 'a', limit: 1 }] })
    const rig = runtimeRig(() => {}, { clock, store, host: 'here', recovery: { every: '1m', unresponsiveAfter: '2m' } })
    const stateOf = async (id: string) => (await rig.store.get(id))?.state
    await rig.runtime.start()
    await clock.advance(MINUTE - 1)
    expect([await stateOf('of-there'), await stateOf('of-mute')]).toEqual(['running', 'running'])
    await clock.advance(3000)
    expect([await stateOf('of-there'), await stateOf('of-mute')]).toEqual(['succeeded', 'running'])
    await clock.advance(MINUTE)
    expect(await stateOf('of-mute')).toBe('succeeded')
    expect(() => runtimeRig(() => {}, { recovery: { every: 0 } })).toThrow('rescuer.every')
  })
})
