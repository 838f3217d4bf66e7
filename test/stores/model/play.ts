/**
 * Random commands on a store and on a naive one, with every answer compared, and everything that the store can show at the end.
 *
 * `npm run model` plays for longer (HOLDFAST_MODEL_SECONDS for each store, or HOLDFAST_MODEL_RUNS sequences);
 * HOLDFAST_MODEL_SEED plays the same again.
 */
import * as fc from 'fast-check'
import type { Command, Real } from './command.ts'
import { commands, VERBS } from './commands.ts'
import { compareAll } from './compare.ts'
import { NaiveStore } from './naive-store.ts'
import { Reached } from './reached.ts'

/** Where one sequence after the other is played. */
export interface Stage {
  /** A store with nothing in it. The one before is not used any more. */
  empty(): Promise<Real>
  close(): Promise<void>
}

export interface PlayOptions {
  readonly name: string
  /** Played on side by side: where a store is waited for, several are waited for at once. */
  readonly stages: readonly Stage[]
  /** Sequences, when nobody asks for more. */
  readonly runs: number
  /** Of the longest. */
  readonly length: number
}

const { HOLDFAST_MODEL_RUNS, HOLDFAST_MODEL_SEED, HOLDFAST_MODEL_SECONDS } = process.env
const isLong = HOLDFAST_MODEL_RUNS !== undefined || HOLDFAST_MODEL_SECONDS !== undefined
/** For a test that plays. */
export const PLAY_MS: number = isLong ? 3_600_000 : 120_000
/** A machine that is busy with other things plays fewer, and says so. */
const LIMIT_MS = 60_000

/** Says with which seed it played; when it fails, the shortest sequence that does, too. */
export async function play({ name, stages, runs, length }: PlayOptions): Promise<void> {
  const first = Number(HOLDFAST_MODEL_SEED ?? Math.floor(Math.random() * 1e9))
  const wanted = Number(HOLDFAST_MODEL_RUNS ?? (HOLDFAST_MODEL_SECONDS === undefined ? runs : 1e9))
  const limitMs = HOLDFAST_MODEL_SECONDS === undefined ? LIMIT_MS : Number(HOLDFAST_MODEL_SECONDS) * 1000
  const reached = new Reached(VERBS)
  const sequences = fc.array(commands, { minLength: 1, maxLength: length, size: 'max' })
  const played = await Promise.all(
    stages.map((stage, at) =>
      fc.check(
        fc.asyncProperty(sequences, (sequence) => playOne(stage, sequence, reached)),
        {
          seed: first + at,
          includeErrorInReport: true,
          numRuns: Math.ceil(wanted / stages.length),
          ...(HOLDFAST_MODEL_RUNS === undefined ? { interruptAfterTimeLimit: limitMs } : {}),
        },
      ),
    ),
  )
  const count = played.reduce((sum, { numRuns }) => sum + numRuns, 0)
  console.info(`${name}: ${count} sequences, ${reached}; seed ${first}`)
  for (const one of played) if (one.failed) throw new Error(fc.defaultReportMessage(one))
}

async function playOne(stage: Stage, sequence: readonly Command[], reached: Reached): Promise<void> {
  const real = await stage.empty()
  const model = new NaiveStore()
  model.now = real.clock.wallNow()
  for (const { step } of sequence) await step(model, real)
  await compareAll(model, real.store)
  reached.count(sequence)
}
