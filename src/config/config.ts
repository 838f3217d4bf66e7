/**
 * The configuration as the runtime reads it: complete and checked. Every duration is in ms, every size in bytes, every path
 * absolute.
 */
import type { Jitter, KindConfig, LogLevel, ScheduleConfig } from './user-config.ts'

export interface RetrySettings {
  readonly maxAttempts: number
  readonly initial: number
  readonly max: number
  readonly factor: number
  readonly jitter: Jitter
}

export interface BreakerSettings {
  readonly failures?: number | undefined
  readonly failureRate?: number | undefined
  /** A number is calls, a string is a duration: the one place where a duration stays text. */
  readonly window?: number | string | undefined
  readonly minimumCalls?: number | undefined
  readonly openFor?: number | undefined
  readonly openForMax?: number | undefined
  readonly halfOpenCalls?: number | undefined
  readonly successes?: number | undefined
  readonly slowAfter?: number | undefined
  readonly slowRate?: number | undefined
  readonly ramp?: number | undefined
  readonly rampFrom?: number | undefined
}

/** As it was written: `false` switches off one way to open it, or the ramp. */
export interface WrittenBreaker extends Omit<BreakerSettings, 'failures' | 'failureRate' | 'slowAfter' | 'ramp'> {
  readonly failures?: number | false | undefined
  readonly failureRate?: number | false | undefined
  readonly slowAfter?: number | false | undefined
  readonly ramp?: number | false | undefined
}

export interface PlacesSettings {
  readonly limit: number | 'adaptive'
  readonly min?: number | undefined
  readonly max?: number | undefined
  readonly queue?: number | undefined
}

export interface RateSettings {
  readonly limit: number
  readonly per: number
  readonly burst?: number | undefined
  readonly shared?: 'strict' | 'leased' | undefined
}

/** What one target says of itself; what it leaves out comes from the defaults, see target-settings.ts. */
export interface WrittenTarget extends Omit<TargetSettings, 'breaker'> {
  readonly breaker?: WrittenBreaker | false | undefined
}

/** What a target is told. */
export interface TargetSettings {
  readonly timeout?: number | undefined
  readonly breaker?: BreakerSettings | false | undefined
  readonly rate?: RateSettings | undefined
  readonly concurrency?: PlacesSettings | undefined
  readonly retry?: Partial<RetrySettings> | false | undefined
}

export type StoreSettings =
  | { readonly kind: 'memory'; readonly url: string; readonly durability: 'full' | 'normal' }
  | { readonly kind: 'sqlite'; readonly url: string; readonly path: string; readonly durability: 'full' | 'normal' }
  | {
      readonly kind: 'postgres'
      /** Without its password, for people. */
      readonly url: string
      /** What to connect with. A function, so that settings that are printed do not tell it. */
      readonly connection: () => string
      readonly schema?: string | undefined
      readonly poolSize?: number | undefined
      readonly durability: 'full' | 'normal'
    }

export type StateSettings =
  /** In the store, where that can be. */
  | { readonly kind: 'store' }
  | { readonly kind: 'local' }
  /** `url` is without its password, for people; `connection` is as it was written. */
  | { readonly kind: 'redis'; readonly url: string; readonly connection: () => string }

export interface HoldfastConfig {
  readonly server: {
    readonly host: string
    readonly port: number
    readonly token?: string | undefined
    readonly maxBody: number
    readonly allowedHosts: readonly string[]
  }
  readonly store: StoreSettings
  readonly state: StateSettings
  readonly worker: {
    readonly concurrency: number
    readonly lease: number
    readonly drain: number
    readonly pollMax: number
    readonly maxLostLeases: number
  }
  readonly http: {
    readonly allow: readonly string[]
    readonly timeout: number
    readonly maxAttempts: number
    readonly backoff: Omit<RetrySettings, 'maxAttempts' | 'jitter'> & { readonly jitter: Exclude<Jitter, 'decorrelated'> }
    readonly maxBody: number
    readonly retention?: { readonly olderThan?: number | undefined; readonly keep?: number | undefined } | undefined
  }
  readonly kinds: readonly KindConfig[]
  readonly schedules: readonly ScheduleConfig[]
  readonly targets: Readonly<Record<string, WrittenTarget>>
  readonly targetDefaults: TargetSettings
  readonly timeouts: {
    readonly profiles: Readonly<Record<string, number>>
    /** A profile's name, or ms; see `timeoutOf`. */
    readonly operations: Readonly<Record<string, string | number>>
  }
  readonly retry: RetrySettings
  readonly breaker: WrittenBreaker
  readonly rates: Readonly<Record<string, RateSettings>>
  readonly resilience: { readonly enabled: boolean; readonly retryEnabled: boolean; readonly breakerEnabled: boolean }
  readonly retention: { readonly olderThan: number; readonly keep: number; readonly every: number }
  readonly recovery: { readonly every: number; readonly unresponsiveAfter: number }
  readonly audit: false | { readonly path: string; readonly maxBytes: number; readonly maxFiles: number }
  readonly log: { readonly level: LogLevel; readonly format: 'text' | 'json' }
}
