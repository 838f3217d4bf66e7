/** Random commands on a store and on a naive one, with every answer compared, and everything that the store can show at the end. */
import * as fc from 'fast-check'
import type { Command, Real } from './command.ts'
import { commands, VERBS } from './commands.ts'
import { compareAll } from './compare.ts'
import { NaiveStore } from './naive-store.ts'
import { Reached } from './reached.ts'
import { playSequences } from './sequences.ts'

/** Where one sequence after the other is played. */
export interface Stage {
  /** A store with nothing in it. The one before is not used any more. */
  empty(): Promise<Real>
  close(): Promise<void>
}

export interface PlayOptions {
  readonly name: string
  readonly stages: readonly Stage[]
  /** Sequences, when nobody asks for more. */
  readonly runs: number
  /** See `SequencesOptions`. */
  readonly times?: number
  /** Of the longest. */
  readonly length: number
}

export async function play({ name, stages, runs, times, length }: PlayOptions): Promise<void> {
  const reached = new Reached(VERBS)
  const sequences = fc.array(commands, { minLength: 1, maxLength: length, size: 'max' })
  const players = stages.map((stage) => fc.asyncProperty(sequences, (sequence) => playOne(stage, sequence, reached)))
  await playSequences({ name, players, runs, times, reached: () => String(reached) })
}

async function playOne(stage: Stage, sequence: readonly Command[], reached: Reached): Promise<void> {
  const real = await stage.empty()
  const model = new NaiveStore()
  model.now = real.clock.wallNow()
  for (const { step } of sequence) await step(model, real)
  await compareAll(model, real.store)
  reached.count(sequence)
}
