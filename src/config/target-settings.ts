/**
 * What each target is told: its own settings over the general ones, with the switches of `resilience` applied.
 */
import type { BreakerSettings, HoldfastConfig, RetrySettings, TargetSettings, WrittenBreaker, WrittenTarget } from './config.ts'

export interface AllTargetSettings {
  /** For targets that nobody named. */
  readonly defaults: TargetSettings
  /** By name or pattern; each complete. */
  readonly named: Readonly<Record<string, TargetSettings>>
}

export function targetSettings(config: HoldfastConfig): AllTargetSettings {
  const defaults = complete({}, config)
  const written: Record<string, WrittenTarget> = { ...config.targets }
  // An action's rate is that of the target of the same name, unless the target says its own.
  for (const [action, rate] of Object.entries(config.rates)) written[action] = { rate, ...written[action] }
  const named = Object.entries(written).map(([name, own]) => [name, complete(own, config)] as const)
  return { defaults, named: Object.fromEntries(named) }
}

function complete(own: WrittenTarget, config: HoldfastConfig): TargetSettings {
  const { enabled, breakerEnabled, retryEnabled } = config.resilience
  const general = enabled ? { ...config.targetDefaults, ...own } : {}
  const breaker =
    enabled && breakerEnabled && own.breaker !== false && settleBreaker({ ...config.breaker, ...own.breaker }, own.breaker)
  const retry = enabled && retryEnabled && own.retry !== false && settleRetry({ ...config.retry, ...own.retry }, own.retry)
  return { ...general, breaker, retry }
}

/** The general factor is for jitters that have one; a factor of the target's own stays, for the policy to refuse. */
function settleRetry({ factor, ...rest }: RetrySettings, own: Partial<RetrySettings> = {}): Partial<RetrySettings> {
  return rest.jitter === 'decorrelated' && own.factor === undefined ? rest : { ...rest, factor }
}

/** Takes out what is switched off, and lets a general bound give way to the target's own value. */
function settleBreaker(
  { failures, failureRate, slowAfter, ramp, ...all }: WrittenBreaker,
  own: WrittenBreaker = {},
): BreakerSettings {
  const { window, minimumCalls, slowRate, rampFrom, openFor = 0, openForMax, ...rest } = all
  const isSlow = slowAfter !== undefined && slowAfter !== false
  const bounds =
    openForMax === undefined || openFor <= openForMax
      ? { openFor, openForMax }
      : own.openFor === undefined
        ? { openFor: openForMax, openForMax }
        : { openFor, openForMax: openFor }
  return {
    ...rest,
    ...bounds,
    ...(failures === false ? {} : { failures }),
    ...(failureRate === false ? {} : { failureRate }),
    ...(failureRate === false && !isSlow ? {} : { window, minimumCalls }),
    ...(isSlow ? { slowAfter, slowRate } : {}),
    ...(ramp === undefined || ramp === false ? {} : { ramp, rampFrom }),
  }
}
