/** How far a server's clock is ahead of this host's, in ms; undefined for a store that goes by this host's own. */
import type { StoreSettings } from '../config/config.ts'
import type { Clock } from '../core/clock.ts'
import { readClock } from '../stores/postgres/read-clock.ts'
import { SKEW_LIMIT_MS } from '../work/skew.ts'

export interface StoreClock {
  readonly skewMs: number
  /** So far that people should know. */
  readonly isSkewed: boolean
}

/** @throws HoldfastError with `ERR_STORE_UNAVAILABLE` when the server does not answer */
export async function storeClock(store: StoreSettings, clock: Clock): Promise<StoreClock | undefined> {
  if (store.kind !== 'postgres') return undefined
  const theirs = await readClock(store.connection())
  const skewMs = Math.round(theirs - clock.wallNow())
  return { skewMs, isSkewed: Math.abs(skewMs) > SKEW_LIMIT_MS }
}
