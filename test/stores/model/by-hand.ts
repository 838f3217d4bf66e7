/** What people, the clock and the sweeper do. */
import * as fc from 'fast-check'
import { same } from '../../../src/testing/store-contract/harness.ts'
import type { Command } from './command.ts'
import { command, index, PAUSE, pick, rarely, TARGETS, target } from './command.ts'
import type { NaiveStore } from './naive-store.ts'

export const byId: fc.Arbitrary<Command> = fc
  .tuple(fc.constantFrom('cancel' as const, 'cancel' as const, 'retry' as const, 'discard' as const), index)
  .map(([what, at]) =>
    command(what, String(at), async (model, { store }) => {
      const letter = model.letters[at % Math.max(1, model.letters.length)]
      const id = what === 'discard' && letter !== undefined ? letter.id : pick(model, at)
      model[what](id)
      const answer = await store[what](id)
      const wanted = what === 'discard' ? model.letters.find((one) => one.id === id) : model.job(id)
      same([answer?.id, answer?.generation], [wanted?.id, wanted?.generation], `${what}: the answer`)
    }),
  )

export const redrive: fc.Arbitrary<Command> = fc
  .record({
    target: fc.option(target, { nil: undefined }),
    dueOnly: rarely,
    targetDownOnly: rarely,
    limit: fc.integer({ min: 1, max: 5 }),
    dryRun: rarely,
  })
  .map((request) =>
    command('redrive', JSON.stringify(request), async (model, { store }) => {
      const expected = model.redrive(request as Parameters<NaiveStore['redrive']>[0])
      same(await store.redrive({ ...request, by: 'person' }), expected, 'redriven')
    }),
  )

/** A target's pause is a state beside the jobs; see `claim`. */
export const pause: fc.Arbitrary<Command> = fc.tuple(target, fc.boolean()).map(([at, on]) =>
  command(on ? 'pause' : 'resume', at, async (model, { store }) => {
    const name = PAUSE + at
    if (on) {
      await store.writeState(name, { until: model.now })
      model.states.set(name, { value: { until: model.now }, updatedAt: model.now })
    } else {
      await store.deleteState(name)
      model.states.delete(name)
    }
  }),
)

const age = fc.constantFrom(0, 30, 1000)
const keep = fc.constantFrom(0, 2, 100)

export const prune: fc.Arbitrary<Command> = fc
  .tuple(age, keep, fc.constantFrom(1, 3, 100), fc.option(fc.tuple(fc.constantFrom('x', 'y'), age, keep), { nil: undefined }))
  .map(([olderThanMs, most, upTo, own]) =>
    command('prune', `${olderThanMs} ${most} ${upTo} ${own?.join(' ') ?? ''}`, async (model, { store }) => {
      // Which of several expired keys go first is nobody's business.
      const expired = [...model.keys.values()].some(({ until }) => until <= model.now)
      const limit = expired ? 100 : upTo
      const kinds = new Map(own && [[own[0], { olderThanMs: own[1], keep: own[2] }]])
      same(await store.prune({ olderThanMs, keep: most, kinds, limit }), model.prune(olderThanMs, most, limit, kinds), 'pruned')
    }),
  )

export const advance: fc.Arbitrary<Command> = fc.constantFrom(1, 10, 45, 100).map((ms) =>
  command('advance', String(ms), async (model, { clock }) => {
    await clock.advance(ms)
    model.now += ms
  }),
)

export const lookAtLanes: fc.Arbitrary<Command> = fc.constantFrom(['x'], ['y', 'x']).map((kinds) =>
  command('look-at-lanes', kinds.join(), async (model, { store }) => {
    model.promote()
    const expected = kinds
      .flatMap((of) => TARGETS.flatMap((at) => model.lane(of, at).slice(0, 1)))
      .map(({ kind: of, target: at, priority, runAt }) => ({ kind: of, target: at, priority, runAt }))
    expected.sort(
      (a, b) => b.priority - a.priority || a.runAt - b.runAt || (`${a.kind}${a.target}` < `${b.kind}${b.target}` ? -1 : 1),
    )
    same(await store.readyLanes(kinds, 100), expected, 'lanes')
  }),
)
