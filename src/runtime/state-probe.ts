/**
 * Whether shared state outside of the store will do: it is reached, asked, and used once as the targets use it, under names of
 * its own that end by themselves. Who listens there meanwhile sees one process more, which says nothing.
 */
import { randomUUID } from 'node:crypto'
import type { StateSettings } from '../config/config.ts'
import type { Clock } from '../core/clock.ts'
import type { SharedState, SharedWarning } from '../core/shared-state.ts'
import { redisSharedState } from '../stores/redis/redis-shared-state.ts'
import { SKEW_LIMIT_MS } from '../work/skew.ts'

export interface StateProbe {
  /** Where it is, without secrets. */
  readonly description: string
  /** Those that share it now. */
  readonly processes: number
  readonly warnings: readonly SharedWarning[]
  /** How far its clock is ahead of this host's, in ms. */
  readonly skewMs: number
  /** So far that people should know. */
  readonly isSkewed: boolean
}

const TIMEOUT = '3s'
const TTL_MS = 5000

/** @throws HoldfastError with `ERR_STORE_UNAVAILABLE` when it does not answer, or does not allow what is needed */
export async function probeState(settings: Extract<StateSettings, { kind: 'redis' }>, clock: Clock): Promise<StateProbe> {
  const state = redisSharedState({ url: settings.connection(), timeout: TIMEOUT, clock })
  try {
    await state.open()
    const warnings = await state.check()
    const clocks = await compareClocks(state, clock)
    return { description: state.description, processes: await rehearse(state), warnings, ...clocks }
  } finally {
    await state.close()
  }
}

async function compareClocks(state: SharedState, clock: Clock): Promise<Pick<StateProbe, 'skewMs' | 'isSkewed'>> {
  const asked = clock.wallNow()
  const theirs = await state.now()
  // The answer was true at some moment in between.
  const half = (clock.wallNow() - asked) / 2
  const skewMs = Math.round(theirs - asked - half)
  return { skewMs, isSkewed: Math.abs(skewMs) - half > SKEW_LIMIT_MS }
}

/** One of each that a target needs. Answers how many others speak. */
async function rehearse(state: SharedState): Promise<number> {
  const name = `doctor ${randomUUID()}`
  await state.acquire(name, name, TTL_MS)
  await state.release(name, name)
  await state.take({ name, intervalMs: 1, burst: 1, cost: 1, requestId: name })
  const { reporters } = await state.exchange({ reporter: name, words: [], ttlMs: TTL_MS })
  await state.fallSilent(name)
  return reporters.filter((reporter) => reporter !== name).length
}
