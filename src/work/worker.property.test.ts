import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RejectedError } from '../core/errors.ts'
import { seededRandom } from '../core/random.ts'
import { memoryStore } from '../stores/memory/memory-store.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { workRig } from '../testing/work-rig.ts'
import { defineKind } from './kind.ts'
import { isFinal } from './lifecycle.ts'
import { DeadError, park, retryAfter, snooze } from './steering.ts'

const MAX_ATTEMPTS = 4
const ENDS = ['ok', 'fail', 'fail', 'refused', 'snooze', 'later', 'dead', 'park', 'hang', 'text'] as const

function play(end: (typeof ENDS)[number]): unknown {
  switch (end) {
    case 'ok':
      return { done: true }
    case 'fail':
      throw new Error('fail')
    case 'refused':
      throw new RejectedError('full', { code: 'ERR_BULKHEAD_FULL' })
    case 'snooze':
      return snooze(200)
    case 'later':
      return retryAfter(100)
    case 'dead':
      throw new DeadError('rejected', 'never')
    case 'park':
      return park('look')
    case 'hang':
      return new Promise(() => {})
    case 'text':
      throw 'text'
  }
}

describe('whatever handlers do', () => {
  it('attempts stay within the limit and each claim is settled once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.constantFrom(...ENDS), { maxLength: 12 }), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 5 }),
        fc.nat(),
        async (scripts, concurrency, seed) => {
          const clock = new VirtualClock()
          const store = memoryStore({ clock })
          await store.open()
          const claims: string[] = []
          const settlements: string[] = []
          const { claim, settle } = store
          store.claim = async (request) => {
            const jobs = await claim.call(store, request)
            for (const job of jobs) {
              expect(job.attempts).toBeLessThanOrEqual(MAX_ATTEMPTS)
              claims.push(`${job.id}#${job.token}`)
            }
            return jobs
          }
          store.settle = async (batch) => {
            settlements.push(...batch.map((settlement) => `${settlement.id}#${settlement.token}`))
            const refused = await settle.call(store, batch)
            expect(refused).toEqual([])
            return refused
          }
          const steps = scripts.map((script) => [...script])
          const kind = defineKind({
            name: 'k',
            target: (payload) => `t${(payload as number) % 3}`,
            handler: (payload) => play(steps[payload as number]!.shift() ?? 'ok'),
            maxAttempts: MAX_ATTEMPTS,
            backoff: { initial: 50, max: 500 },
            timeout: 300,
          })
          const rig = workRig({ clock, store, kinds: [kind], concurrency, abandonedHold: 500, random: seededRandom(seed) })
          rig.worker.start()
          const jobs = await rig.queue.enqueue(scripts.map((_, n) => ({ kind: 'k', payload: n })))
          for (let step = 0; step < 400; step++) await clock.advance(100)
          const stopped = rig.worker.stop()
          await clock.advance(5000)
          await stopped
          expect(settlements.toSorted()).toEqual(claims.toSorted())
          expect(new Set(settlements).size).toBe(settlements.length)
          for (const { id } of jobs) {
            const job = (await store.get(id))!
            expect(isFinal(job.state) || job.state === 'parked').toBe(true)
            expect(job.attempts).toBeLessThanOrEqual(MAX_ATTEMPTS)
          }
        },
      ),
      { numRuns: 40 },
    )
  })
})
