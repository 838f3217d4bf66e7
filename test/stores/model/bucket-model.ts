/** Token buckets of a store beside a naive one: whatever is asked in whatever order, both answer alike. */
import * as fc from 'fast-check'
import type { SharedState, TakeAnswer } from '../../../src/core/shared-state.ts'
import { NaiveBucket } from '../../../src/testing/shared-state-contract/naive-bucket.ts'
import { same } from '../../../src/testing/store-contract/harness.ts'
import { playSequences } from './sequences.ts'

interface World {
  readonly state: SharedState
  readonly clock: { advance(ms: number): void | Promise<void> }
  readonly naive: NaiveBucket
  readonly name: string
  /** The last request that was granted anything, and what it was told. */
  last?: {
    readonly request: Parameters<SharedState['take']>[0]
    readonly at: number
    readonly readyAt: number
    readonly granted: number
  }
}

type Step = (world: World) => Promise<void>

let made = 0

function bucketOf({ name, naive: { intervalMs, burst } }: World) {
  return { name, intervalMs, burst }
}

function told({ granted, remaining, waitMs }: TakeAnswer) {
  return [granted, remaining, waitMs]
}

/** Tokens are told in shares of the burst, waits in intervals, so that small examples are interesting for every bucket. */
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ cost: fc.nat(120), least: fc.nat(100), wait: fc.oneof(fc.constant(0), fc.nat(300)) }).map(
      ({ cost: share, least, wait }): Step =>
        async (world) => {
          const { intervalMs, burst } = world.naive
          const maxWaitMs = Math.floor((wait * intervalMs * burst) / 100)
          const most = burst + Math.floor(maxWaitMs / intervalMs)
          const cost = Math.max(1, Math.min(most, Math.round((share * burst) / 100)))
          const atLeast = Math.max(1, Math.round((least * cost) / 100))
          const request = { ...bucketOf(world), cost, atLeast, maxWaitMs, requestId: `r${++made}` }
          const answer = await world.state.take(request)
          same(told(answer), world.naive.take(cost, atLeast, maxWaitMs), `${cost} of at least ${atLeast} within ${maxWaitMs}`)
          if (answer.granted > 0)
            world.last = { request, at: answer.now, readyAt: answer.now + answer.waitMs, granted: answer.granted }
        },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constant<Step>(async ({ state, naive, last }) => {
      // Later it is another request.
      if (last === undefined || (await state.now()) - last.at >= 30_000) return
      const answer = await state.take(last.request)
      same(told(answer), [last.granted, naive.remaining, Math.max(0, last.readyAt - answer.now)], 'sent again')
    }),
  },
  {
    weight: 4,
    arbitrary: fc.nat(200).map(
      (share): Step =>
        async ({ clock, naive }) => {
          const ms = Math.min(Math.round((share * naive.intervalMs * naive.burst) / 100), 5000)
          await clock.advance(ms)
          naive.pass(ms)
        },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.nat(100).map(
      (share): Step =>
        async (world) => {
          const tokens = Math.round((share * world.naive.burst) / 100)
          const requestId = `b${++made}`
          for (let times = 0; times < 2; times++) await world.state.giveBack({ ...bucketOf(world), tokens, requestId })
          world.naive.giveBack(tokens)
        },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.nat(3).map(
      (intervals): Step =>
        async ({ state, name, naive }) => {
          await state.block(name, intervals * naive.intervalMs)
          naive.block(intervals * naive.intervalMs)
        },
    ),
  },
)

const shapes = fc.constantFrom<readonly [intervalMs: number, burst: number]>(
  [1, 1],
  [7, 3],
  [100, 10],
  [1, 500],
  [60_000, 2],
  [13, 1],
)

export interface BucketsOptions {
  readonly name: string
  /** Each with a clock of its own. */
  readonly states: readonly Pick<World, 'state' | 'clock'>[]
  readonly runs: number
  /** Of the longest sequence. */
  readonly length: number
}

export function bucketsAnswerAsNaiveOnes({ name, states, runs, length }: BucketsOptions): Promise<void> {
  const sequences = fc.array(steps, { minLength: 1, maxLength: length, size: 'max' })
  const players = states.map((world) =>
    fc.asyncProperty(shapes, sequences, async ([intervalMs, burst], sequence) => {
      const own: World = { ...world, naive: new NaiveBucket(intervalMs, burst), name: `bucket ${++made}` }
      for (const step of sequence) await step(own)
    }),
  )
  return playSequences({ name: `buckets in ${name}`, players, runs })
}
