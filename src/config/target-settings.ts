/**
 * What each target is told: its own settings over the general ones, with the switches of `resilience` applied.
 */
import type { HoldfastConfig, TargetSettings } from './config.ts'

export interface AllTargetSettings {
  /** For targets that nobody named. */
  readonly defaults: TargetSettings
  /** By name or pattern; each complete. */
  readonly named: Readonly<Record<string, TargetSettings>>
}

export function targetSettings(config: HoldfastConfig): AllTargetSettings {
  const defaults = complete({}, config)
  const named = Object.entries(config.targets).map(([name, own]) => [name, complete(own, config)] as const)
  return { defaults, named: Object.fromEntries(named) }
}

function complete(own: TargetSettings, config: HoldfastConfig): TargetSettings {
  const { enabled, breakerEnabled, retryEnabled } = config.resilience
  const general = enabled ? { ...config.targetDefaults, ...own } : {}
  const breaker = enabled && breakerEnabled && own.breaker !== false && { ...config.breaker, ...own.breaker }
  const retry = enabled && retryEnabled && own.retry !== false && { ...config.retry, ...own.retry }
  return { ...general, breaker, retry }
}
