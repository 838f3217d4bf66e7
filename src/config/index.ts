/**
 * `holdfast/config`: one schema; file, environment, flags; where each value came from.
 */
export type { BreakerSettings, HoldfastConfig, RateSettings, RetrySettings, StoreSettings, TargetSettings } from './config.ts'
export { defineConfig } from './define-config.ts'
export type { DumpRow } from './dump.ts'
export { dumpConfig } from './dump.ts'
export { VARIABLES } from './environment.ts'
export { loadFile } from './load.ts'
export type { Problem } from './problems.ts'
export type { ResolvedConfig } from './resolve.ts'
export { loadConfig, resolveConfig } from './resolve.ts'
export { targetSettings } from './target-settings.ts'
export { timeoutOf } from './timeouts.ts'
export type {
  BreakerConfig,
  DefinedKind,
  DefinedSchedule,
  KindConfig,
  RateConfig,
  RetryConfig,
  ScheduleConfig,
  TargetConfig,
  UserConfig,
} from './user-config.ts'
