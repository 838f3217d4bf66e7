/**
 * The shapes of the presets: subsets of the policies' options, declared here so that the data imports nothing.
 * Every time is in ms.
 */

export interface BackoffPreset {
  readonly type: 'constant' | 'linear' | 'exponential'
  /** The first wait. With decorrelated jitter also the shortest. */
  readonly initial: number
  readonly factor?: number
  /** The longest wait. */
  readonly max?: number
  readonly jitter: 'none' | 'full' | 'equal' | 'decorrelated'
}

export interface RetryPreset {
  /** Counts the first call. */
  readonly maxAttempts: number
  readonly backoff: BackoffPreset
  readonly maxElapsed?: number
}

export interface BreakerPreset {
  readonly trip: { readonly consecutive: number }
  readonly openFor: number
  /** `maxCalls` are in flight at once; `successes` close the breaker. */
  readonly halfOpen: { readonly maxCalls: number; readonly successes: number }
}

export interface LimiterPreset {
  readonly limit: number
  readonly per: number
  /** How many may go at once after a quiet time. */
  readonly burst?: number
}
