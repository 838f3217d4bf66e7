/** All that is done to a store, each as often as it is worth. */
import * as fc from 'fast-check'
import { advance, byId, lookAtLanes, pause, prune, redrive } from './by-hand.ts'
import type { Command } from './command.ts'
import { completeBatches, enqueue, enqueueBatch } from './taking-in.ts'
import { abandoned, claim, expire, kill, renew, settle } from './working.ts'

export const commands: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: enqueue },
  { weight: 2, arbitrary: enqueueBatch },
  { weight: 2, arbitrary: completeBatches },
  { weight: 5, arbitrary: claim },
  { weight: 5, arbitrary: settle },
  { weight: 1, arbitrary: renew },
  { weight: 1, arbitrary: expire },
  { weight: 1, arbitrary: kill },
  { weight: 1, arbitrary: abandoned },
  { weight: 3, arbitrary: byId },
  { weight: 2, arbitrary: redrive },
  { weight: 1, arbitrary: pause },
  { weight: 1, arbitrary: prune },
  { weight: 2, arbitrary: advance },
  { weight: 1, arbitrary: lookAtLanes },
)

/** What `commands` may come to, by their verbs. */
export const VERBS = 18
