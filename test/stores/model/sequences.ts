/**
 * How many random sequences are played, by which seed, and for how long.
 *
 * `npm run model` plays for longer (HOLDFAST_MODEL_SECONDS for each store, or HOLDFAST_MODEL_RUNS sequences);
 * HOLDFAST_MODEL_SEED plays the same again.
 */
import * as fc from 'fast-check'

export interface SequencesOptions {
  readonly name: string
  /** Side by side: where a store is waited for, several are waited for at once. */
  readonly players: readonly fc.IAsyncProperty<unknown>[]
  /** Of all players together, when nobody asks for more. */
  readonly runs: number
  /** Plays so many times as long as is asked for: where each sequence takes longer. Default 1. */
  readonly times?: number | undefined
  /** What was reached, for the line that says which seed it was. */
  readonly reached?: () => string
}

const { HOLDFAST_MODEL_RUNS, HOLDFAST_MODEL_SEED, HOLDFAST_MODEL_SECONDS } = process.env
const isLong = HOLDFAST_MODEL_RUNS !== undefined || HOLDFAST_MODEL_SECONDS !== undefined
/** For a test that plays. */
export const PLAY_MS: number = isLong ? 3_600_000 : 120_000
/** A machine that is busy with other things plays fewer, and says so. */
const LIMIT_MS = 60_000

/** Says with which seed it played; when it fails, the shortest sequence that does, too. */
export async function playSequences({ name, players, runs, times = 1, reached }: SequencesOptions): Promise<void> {
  const seed = Number(HOLDFAST_MODEL_SEED ?? Math.floor(Math.random() * 1e9))
  const wanted = Number(HOLDFAST_MODEL_RUNS ?? (HOLDFAST_MODEL_SECONDS === undefined ? runs : 1e9))
  const limitMs = HOLDFAST_MODEL_SECONDS === undefined ? LIMIT_MS : Number(HOLDFAST_MODEL_SECONDS) * 1000 * times
  const bounded = HOLDFAST_MODEL_RUNS === undefined ? { interruptAfterTimeLimit: limitMs } : {}
  const numRuns = Math.ceil(wanted / players.length)
  const played = await Promise.all(
    players.map((property, at) => fc.check(property, { ...bounded, seed: seed + at, numRuns, includeErrorInReport: true })),
  )
  const count = played.reduce((sum, one) => sum + one.numRuns, 0)
  console.info(`${name}: ${count} sequences${reached === undefined ? '' : `, ${reached()}`}; seed ${seed}`)
  for (const one of played) if (one.failed) throw new Error(fc.defaultReportMessage(one as fc.RunDetails<unknown>))
}
