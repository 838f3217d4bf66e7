/** Rounds of SIGKILL and SIGSTOP at random moments, two hands at once, over the workers of a fleet. */
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '../../src/core/random.ts'
import type { World } from './trial.ts'

export interface RoundsOptions {
  readonly rounds: number
  readonly seed: number
  readonly workers: number
  readonly leaseMs: number
}

const HANDS = 2

/** What a round does is a matter of its number and the seed alone; whom it meets when, of the machine as well. */
export function rounds(options: RoundsOptions): (world: World) => Promise<void> {
  return async (world) => {
    let next = 0
    const hand = async (): Promise<void> => {
      for (let round = next++; round < options.rounds; round = next++) {
        await playRound(round, options, world)
        world.progress((round + 1) / options.rounds, `round ${round + 1} of ${options.rounds}`)
      }
    }
    await Promise.all(Array.from({ length: HANDS }, hand))
  }
}

async function playRound(round: number, { seed, workers, leaseMs }: RoundsOptions, { fleet }: World): Promise<void> {
  const random = seededRandom(seed * 1_000_003 + round)
  const kills = random() < 0.5
  const slot = Math.floor(random() * workers)
  await sleep(random() * 400)
  if (kills) await fleet.kill(slot)
  // Longer than the lease, and in half of the cases longer than a live process is waited for.
  else await fleet.stopFor(slot, leaseMs * (1.2 + 1.6 * random()))
}
