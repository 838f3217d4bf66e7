/**
 * Random commands on a store and on a naive one, with every answer compared, and everything that the store can show at the end.
 *
 * `HOLDFAST_MODEL_RUNS=5000 vitest run test/stores/model.test.ts` plays many; `HOLDFAST_MODEL_SEED` plays the same again.
 */
import * as fc from 'fast-check'
import type { Command, Real } from './commands.ts'
import { commands } from './commands.ts'
import { compareAll } from './compare.ts'
import { NaiveStore } from './naive-store.ts'

export interface Played extends Real {
  close(): Promise<void>
}

export interface PlayOptions {
  readonly name: string
  readonly open: () => Promise<Played>
  /** When nobody asks for more. */
  readonly runs: number
  readonly length: number
  /** After which no more are begun, when nobody asks for more. */
  readonly limitMs: number
}

const { HOLDFAST_MODEL_RUNS, HOLDFAST_MODEL_SEED } = process.env
/** For a test that plays. */
export const PLAY_MS = HOLDFAST_MODEL_RUNS === undefined ? 30_000 : 3_600_000

/** Says with which seed it played; when it fails, the shortest sequence that does, too. */
export async function play({ name, open, runs, length, limitMs }: PlayOptions): Promise<void> {
  const sequences = fc.array(commands, { minLength: 1, maxLength: length, size: 'max' })
  const played = await fc.check(
    fc.asyncProperty(sequences, (sequence) => playOne(open, sequence)),
    {
      numRuns: Number(HOLDFAST_MODEL_RUNS ?? runs),
      ...(HOLDFAST_MODEL_SEED === undefined ? {} : { seed: Number(HOLDFAST_MODEL_SEED) }),
      ...(HOLDFAST_MODEL_RUNS === undefined ? { interruptAfterTimeLimit: limitMs } : {}),
    },
  )
  console.info(`${name}: ${played.numRuns} sequences of commands, seed ${played.seed}`)
  if (played.failed) throw new Error(fc.defaultReportMessage(played))
}

async function playOne(open: () => Promise<Played>, sequence: readonly Command[]): Promise<void> {
  const real = await open()
  const model = new NaiveStore()
  model.now = real.clock.wallNow()
  try {
    for (const { step } of sequence) await step(model, real)
    await compareAll(model, real.store)
  } finally {
    await real.close()
  }
}
