/** The options of a file, checked; the same for jobs and for shared state. */
import type { Clock } from '../../core/clock.ts'
import { systemClock } from '../../core/clock.ts'
import type { Random } from '../../core/random.ts'
import { systemRandom } from '../../core/random.ts'
import { checkInteger, checkKnown, checkName, checkOneOf } from '../../core/validate.ts'
import type { DatabaseOptions } from './database.ts'

export interface SqliteStoreOptions {
  /** The database file, made with mode 0600 when missing; `':memory:'` for one that is lost with the process. */
  readonly path: string
  /** What an acknowledged write survives: a power cut (`'full'`, the default), or a crash of the process (`'normal'`). */
  readonly durability?: 'full' | 'normal'
  /** How long SQLite may block the event loop for another process's lock, in ms: 0 to 250, default 50. */
  readonly busyTimeoutMs?: number
  /** How long a call tries again, not blocking, until it fails as busy, in ms. Default 5000. */
  readonly busyRetryMs?: number
  /** Default: the system's. Its `wallNow` is the store's clock. */
  readonly clock?: Clock
  /** For the jitter of busy waits. */
  readonly random?: Random
}

/** @throws OptionError */
export function checkOptions(options: SqliteStoreOptions, where: string): DatabaseOptions {
  checkKnown(options, ['path', 'durability', 'busyTimeoutMs', 'busyRetryMs', 'clock', 'random'], where)
  return {
    path: checkName(options.path, 'path'),
    durability: checkOneOf(options.durability ?? 'full', 'durability', ['full', 'normal']),
    busyTimeoutMs: checkInteger(options.busyTimeoutMs ?? 50, 'busyTimeoutMs', 0, 250),
    busyRetryMs: checkInteger(options.busyRetryMs ?? 5000, 'busyRetryMs', 0),
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  }
}
