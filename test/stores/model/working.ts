/** What workers do: claim, settle, renew, vanish, and take up what others left behind. */
import * as fc from 'fast-check'
import { same } from '../../../src/testing/store-contract/harness.ts'
import type { Job } from '../../../src/work/job.ts'
import type { Lane, LaneClaim, Settlement } from '../../../src/work/store.ts'
import type { Command, Real } from './command.ts'
import { command, delay, index, kind, LEASE_MS, PAUSE, pickRunning, rarely, target, WORKERS } from './command.ts'
import type { NaiveStore } from './naive-store.ts'

const ERROR = { name: 'Error', message: 'no' }

const worker = fc.constantFrom(...WORKERS)
const perKey = fc.constantFrom(undefined, undefined, 1, 1, 2)
/** One with work in it where there is one; else, and now and then anyway, any. */
const lanePick = fc.record({ kind, target, among: fc.option(index, { freq: 4 }), limit: fc.integer({ min: 1, max: 5 }) })
type LanePick = typeof lanePick extends fc.Arbitrary<infer T> ? T : never

function lanesOf(model: NaiveStore, picks: readonly LanePick[]): LaneClaim[] {
  const ready = model.readyLanes()
  const lanes = picks.map(({ among, limit, ...lane }) => ({
    ...((among !== null && ready[among % ready.length]) || lane),
    limit,
  }))
  return lanes.filter((lane, at) => lanes.findIndex((other) => nameOf(other) === nameOf(lane)) === at)
}

function nameOf({ kind: of, target: at }: Lane): string {
  return `${of} at ${at}`
}

/** As a worker claims: lanes of a target that is paused are not asked for. */
export const claim: fc.Arbitrary<Command> = fc
  .tuple(fc.array(lanePick, { minLength: 1, maxLength: 3, size: 'small' }), worker, perKey)
  .map(([picks, by, keyed]) =>
    command('claim', `${JSON.stringify(picks)} for ${by}, per key ${keyed}`, async (model, { store }) => {
      // Keyed lanes take turns by rules of their own: one at a time is what can be told beforehand.
      const lanes = lanesOf(model, keyed === undefined ? picks : picks.slice(0, 1))
      const paused = new Set((await store.readStates(PAUSE)).map(({ name }) => name.slice(PAUSE.length)))
      const limits = keyed === undefined ? {} : { perKey: keyed }
      const asked = lanes.filter((lane) => !paused.has(lane.target)).map((lane) => ({ ...lane, ...limits }))
      const jobs = asked.length === 0 ? [] : await store.claim({ worker: by, leaseMs: LEASE_MS, lanes: asked })
      const admitted = lanes.filter((lane) => !model.states.has(PAUSE + lane.target))
      if (admitted.length > 0) model.promote()
      const expected = admitted.flatMap((lane) => model.claim(by, LEASE_MS, lane.kind, lane.target, lane.limit, keyed))
      same(
        jobs.map(({ id }) => id),
        expected,
        'claimed',
      )
      for (const job of jobs) compareClaimed(model, job)
    }),
  )

function compareClaimed(model: NaiveStore, job: Job): void {
  const known = model.job(job.id)
  const claimed = [(job.payload as { of: string }).of, job.token, job.attempts, job.concurrencyKey, job.batchId]
  same(claimed, [job.id, known?.token, known?.attempts, known?.concurrencyKey, known?.batchId], 'what was claimed')
}

const endings = fc.oneof(
  fc.constant({ type: 'succeeded' as const }),
  fc.constant({ type: 'succeeded' as const, result: { ok: true } }),
  delay.map((delayMs) => ({ type: 'retry' as const, delayMs, error: ERROR })),
  delay.map((delayMs) => ({ type: 'returned' as const, delayMs, reason: 'held' })),
  delay.map((delayMs) => ({ type: 'rescued' as const, delayMs, reason: 'gone' })),
  fc.constant({ type: 'parked' as const, reason: 'unknown' }),
  fc.constant({ type: 'cancelled' as const }),
  fc.record({
    type: fc.constant('dead' as const),
    cause: fc.constant('attempts' as const),
    error: fc.constant(ERROR),
    targetDown: fc.boolean(),
    retryInMs: fc.constantFrom(20, 40),
  }),
  fc.constant({ type: 'dead' as const, cause: 'rejected' as const, error: ERROR, targetDown: false }),
)

/** Some with the token of a claim before. */
export const settle: fc.Arbitrary<Command> = fc
  .array(fc.tuple(index, endings, fc.constantFrom(0, 0, 0, 0, 1)), { minLength: 1, maxLength: 5 })
  .map((picks) =>
    command('settle', JSON.stringify(picks), async (model, { store }) => {
      const settlements = picks.map(([at, what, old]): Settlement => {
        const job = pickRunning(model, at)
        return { id: job?.id ?? 'nobody', token: (job?.token ?? 1) - old, ...what }
      })
      same(
        await store.settle(settlements),
        settlements.filter((one) => !model.settle(one)).map(({ id }) => id),
        'refused',
      )
    }),
  )

export const renew: fc.Arbitrary<Command> = fc
  .tuple(fc.constantFrom(...WORKERS, 'w3'), fc.array(index, { maxLength: 4 }))
  .map(([by, picks]) =>
    command('renew', `${by} ${picks.join()}`, async (model, { store }) => {
      const ids = new Set(picks.map((at) => pickRunning(model, at)?.id ?? 'nobody'))
      const held = [...ids].map((id) => ({ id, token: model.job(id)?.token ?? 1 }))
      const row = { id: by, host: 'h', pid: 1, bootId: 'b', startedAt: 0, seenAt: 0 }
      same(await store.renew(row, LEASE_MS, held), model.renew(by, LEASE_MS, held), 'renew')
    }),
  )

export const abandoned: fc.Arbitrary<Command> = fc.subarray(WORKERS).map((dead) =>
  command('look-for-abandoned', dead.join(), async (model, { store }) => {
    same(
      (await store.abandoned(dead, 100)).map(({ id }) => id),
      model.abandoned(dead),
      'abandoned',
    )
  }),
)

/** Somebody takes up what was left behind, and may set aside what was lost too often. */
async function rescue(model: NaiveStore, { store }: Real, dead: readonly string[], delayMs: number): Promise<void> {
  const left = await store.abandoned(dead, 100)
  same(
    left.map(({ id }) => id),
    model.abandoned(dead),
    'left behind',
  )
  const settlements = left.map(({ id, token, lostLeases }): Settlement => {
    if (lostLeases < 2) return { id, token, type: 'rescued', delayMs, reason: 'gone' }
    return { id, token, type: 'dead', cause: 'poison', error: ERROR, targetDown: false }
  })
  same(await store.settle(settlements), [], 'rescued')
  for (const settlement of settlements) model.settle(settlement)
}

/** A worker vanishes, with or without its row. */
export const kill: fc.Arbitrary<Command> = fc.tuple(fc.constantFrom(...WORKERS, 'w3'), delay, rarely).map(([by, wait, noticed]) =>
  command('kill', `${by} ${noticed ? 'noticed by its host ' : ''}${wait}`, async (model, real) => {
    if (!noticed) {
      await real.store.removeWorkers([by])
      model.workers.delete(by)
    }
    await rescue(model, real, [by], wait)
  }),
)

/** Leases end while nobody renews them. */
export const expire: fc.Arbitrary<Command> = delay.map((wait) =>
  command('expire', String(wait), async (model, real) => {
    await real.clock.advance(LEASE_MS)
    model.now += LEASE_MS
    await rescue(model, real, [], wait)
  }),
)
