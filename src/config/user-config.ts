/**
 * What a person writes in `holdfast.config.ts`. Everything is optional; what each option is without it stands in defaults.ts.
 *
 * Durations are milliseconds or `'250ms'`, `'30s'`, `'1h30m'`; sizes are bytes or `'64KiB'`, `'1MiB'`.
 */
import type { Duration } from '../core/duration.ts'
import type { Size } from './size.ts'

export type Jitter = 'none' | 'full' | 'equal' | 'decorrelated'

export interface RetryConfig {
  /** Total attempts: the first call counts. */
  readonly maxAttempts?: number
  /** The wait after the first failure. */
  readonly initial?: Duration
  /** The longest wait. */
  readonly max?: Duration
  /** How much longer each wait is than the one before. */
  readonly factor?: number
  readonly jitter?: Jitter
}

export interface BreakerConfig {
  /** So many failures in a row open it; `false`: none do. */
  readonly failures?: number | false
  /** Or this share of the calls in `window`, from 0 to 1; `false`: none does. */
  readonly failureRate?: number | false
  /** What `failureRate` looks at: a number is the last so many calls, a string (`'30s'`) is the last while. */
  readonly window?: number | string
  /** `failureRate` is not judged on fewer calls. */
  readonly minimumCalls?: number
  /** How long it stays open before it tries a probe. */
  readonly openFor?: Duration
  /** The open time doubles with every failed probe, up to this; absent means that it does not grow. */
  readonly openForMax?: Duration
  /** Probes at a time while half-open. */
  readonly halfOpenCalls?: number
  /** Probes that must succeed to close it. */
  readonly successes?: number
  /** A call that takes so long is slow, even though it succeeds; `false`: none is. */
  readonly slowAfter?: Duration | false
  /** This share of slow calls in `window` opens it; 0.5 when absent. */
  readonly slowRate?: number
  /** After probes have closed it, so long until every call is admitted again; absent or `false`: all are at once. */
  readonly ramp?: Duration | false
  /** The share of calls that the ramp begins with; 0.1 when absent. */
  readonly rampFrom?: number
}

export interface ConcurrencyConfig {
  /** `'adaptive'` learns it: more while calls are as fast as they can be, fewer when they slow down or get lost. */
  readonly limit: number | 'adaptive'
  /** What may be learnt, at least and at most; 1 and 200 when absent. */
  readonly min?: number
  readonly max?: number
  /** How many more calls may wait. */
  readonly queue?: number
}

export interface RateConfig {
  /** So many calls … */
  readonly limit: number
  /** … in this time. */
  readonly per: Duration
  /** How many may come at once; `limit` when absent. */
  readonly burst?: number
  /** One limit for all processes on the store; see docs/policies/shared-limiter.md. Each has its own when absent. */
  readonly shared?: 'strict' | 'leased'
}

/** How Holdfast treats one thing that it calls. */
export interface TargetConfig {
  /** The limit of one attempt. */
  readonly timeout?: Duration
  readonly breaker?: BreakerConfig | false
  readonly rate?: RateConfig
  /** Calls at a time. */
  readonly concurrency?: number | 'adaptive' | ConcurrencyConfig
  readonly retry?: RetryConfig | false
}

/** A kind of job of your own. Only its name and handler are checked here; the rest is read by the queue. */
export interface KindConfig {
  readonly name: string
  // biome-ignore lint/suspicious/noExplicitAny: the payload's type is the handler's own business
  readonly handler: (...args: any[]) => unknown
  readonly [option: string]: unknown
}

/** What `defineKind` made. It has said everything: nothing of the configuration changes it. */
export interface DefinedKind {
  readonly name: string
  readonly handler: KindConfig['handler']
  // biome-ignore lint/suspicious/noExplicitAny: read by the queue
  readonly targetOf: (...args: any[]) => string
}

/** What is to be done again and again; the rest of it is read by the scheduler, see `defineSchedule`. */
export interface ScheduleConfig {
  readonly name: string
  readonly kind: string
  readonly [option: string]: unknown
}

/** What `defineSchedule` made. */
export interface DefinedSchedule {
  readonly name: string
  readonly kind: string
  readonly calendar: object
}

export interface UserConfig {
  readonly server?: {
    /** Where to listen. Anything but loopback needs a `token`. */
    readonly host?: string
    /** 0 takes a free port. */
    readonly port?: number
    /** Callers send it as `Authorization: Bearer …`. Better set by HOLDFAST_TOKEN than in a file. At least 16 characters. */
    readonly token?: string
    /** The largest request body. */
    readonly maxBody?: Size
    /** Host names, besides loopback ones, that requests may be addressed to. With a token and none given: any. */
    readonly allowedHosts?: readonly string[]
  }
  /**
   * `sqlite:PATH`, `postgres://user:password@host:port/database` or `memory:`. A relative path counts from the configuration
   * file's folder. `durability` is SQLite's; `schema` and `poolSize` (connections at most, and one that listens) are
   * PostgreSQL's.
   */
  readonly store?:
    | string
    | { readonly url?: string; readonly durability?: 'full' | 'normal'; readonly schema?: string; readonly poolSize?: number }
  /**
   * Where several processes share how their targets are: `redis://user:password@host:port/database`, `rediss://…`, or `'local'`
   * for not at all. Absent: in the store, where it is SQLite or PostgreSQL.
   */
  readonly state?: string
  readonly worker?: {
    /** Jobs that run at a time in this process. */
    readonly concurrency?: number
    /** For how long a claimed job is this worker's without a sign of life. */
    readonly lease?: Duration
    /** How long a shutdown waits for running jobs. */
    readonly drain?: Duration
    /** The longest pause between two looks for work. */
    readonly pollMax?: Duration
    /** A job that took its worker down so many times is set aside. */
    readonly maxLostLeases?: number
  }
  /** The built-in kind `http`. */
  readonly http?: {
    /**
     * Where jobs may call: `'public'`, `'loopback'`, `'private'`, a host name, `'*.example.com'`, an address or a network
     * (`'10.0.0.0/8'`).
     */
    readonly allow?: readonly string[]
    readonly timeout?: Duration
    readonly maxAttempts?: number
    /** Decorrelated jitter is for calls only. */
    readonly backoff?: Omit<RetryConfig, 'maxAttempts' | 'jitter'> & { readonly jitter?: Exclude<Jitter, 'decorrelated'> }
    /** The largest answer that is read. */
    readonly maxBody?: Size
    /** How long finished jobs of this kind are kept, and how many. Absent: as `retention` says, with all other kinds. */
    readonly retention?: { readonly olderThan?: Duration; readonly keep?: number }
  }
  /** Kinds of jobs of your own; only in a `.ts` or `.js` file. */
  readonly kinds?: readonly (KindConfig | DefinedKind)[]
  /** What is enqueued by the clock: `{ name: 'report', cron: '0 3 * * *', kind: 'report' }`. */
  readonly schedules?: readonly (ScheduleConfig | DefinedSchedule)[]
  /** Settings of single targets, by name (`'twitter_api'`, `'https://api.example.com'`) or pattern (`'peer:*'`). */
  readonly targets?: Readonly<Record<string, TargetConfig>>
  /** What every target has unless it says otherwise; for breaker and retry see `breaker` and `retry`. */
  readonly targetDefaults?: Pick<TargetConfig, 'timeout' | 'rate' | 'concurrency'>
  readonly timeouts?: {
    /** Named limits: `short`, `normal`, `long`, `io`, `http`, and your own. */
    readonly profiles?: Readonly<Record<string, Duration>>
    /** Which profile, or what time, an operation has. */
    readonly operations?: Readonly<Record<string, string | number>>
  }
  /** The retry of every target that has none of its own, and of `http` jobs where it is set. */
  readonly retry?: RetryConfig
  /** The breaker of every target that has none of its own. */
  readonly breaker?: BreakerConfig
  /** Token buckets by action: `{ reply_post: { limit: 20, per: '1h', burst: 3 } }`. */
  readonly rates?: Readonly<Record<string, RateConfig>>
  /** Switches, for finding out what a policy does. */
  readonly resilience?: { readonly enabled?: boolean; readonly retryEnabled?: boolean; readonly breakerEnabled?: boolean }
  /** How long finished jobs are kept, of kinds that do not say otherwise. */
  readonly retention?: { readonly olderThan?: Duration; readonly keep?: number; readonly every?: Duration }
  /** How often work of vanished workers is looked for, and when a live but silent process has lost its work. */
  readonly recovery?: { readonly every?: Duration; readonly unresponsiveAfter?: Duration }
  readonly audit?: false | { readonly path?: string; readonly maxBytes?: Size; readonly maxFiles?: number }
  readonly log?: { readonly level?: LogLevel; readonly format?: 'text' | 'json' }
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const satisfies readonly LogLevel[]
export const JITTERS = ['none', 'full', 'equal', 'decorrelated'] as const satisfies readonly Jitter[]
