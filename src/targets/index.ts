/** Targets: the named things that are called. */
export type { TargetAdmission } from './admission.ts'
export { faultOf } from './faults.ts'
export { TargetRegistry, type TargetRegistryOptions } from './registry.ts'
export {
  DEFAULT_BREAKER,
  type SharedLimits,
  type TargetBreakerOptions,
  type TargetOptions,
  type TargetRateOptions,
} from './settings.ts'
export { SharedTargets, type SharedTargetsHealth, type SharedTargetsOptions } from './shared/shared-targets.ts'
export { Target, type TargetSnapshot } from './target.ts'
