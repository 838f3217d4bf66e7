/**
 * The traps that shipped resilience libraries step into, as scenarios that any library can be put through by an adapter. No
 * test runner is needed: a scenario that fails throws an error that says what was seen.
 */
export type {
  Adapter,
  AdapterFactory,
  AsyncStore,
  BreakerPart,
  BreakerSpec,
  BreakerState,
  Caller,
  CallOptions,
  ConformanceTime,
  Equipped,
  HedgeSpec,
  Keyed,
  LimiterPart,
  PartName,
  Parts,
  PermitGate,
  PermitPart,
  RateBreakerSpec,
  RateSpec,
  RetrySpec,
  Work,
} from './adapter.ts'
export { applies, judge, RefusedOptions, type Scenario, type Verdict } from './scenario.ts'
export { conformanceScenarios, TRAPS } from './scenarios.ts'
