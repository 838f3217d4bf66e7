/** The algebra that everything depends on. */
export { byOperation } from './by-operation.ts'
export { type Cancel, type Clock, sleep, systemClock } from './clock.ts'
export type { Plain, PlainRecord, PolicyDescription } from './description.ts'
export { type Duration, formatDuration, parseDuration } from './duration.ts'
export type { ErrorClass, ErrorSelection } from './error-selection.ts'
export {
  CircuitOpenError,
  describeError,
  ERROR_CODES,
  type ErrorCode,
  type ErrorSummary,
  HoldfastError,
  isHoldfastError,
  isRejected,
  NetworkError,
  OptionError,
  RateLimitError,
  RejectedError,
  TimeoutError,
} from './errors.ts'
export {
  type BreakerStateName,
  type HoldfastEvent,
  type Listener,
  listenerErrors,
  type Observable,
  type Unobserve,
} from './events.ts'
export { type ExplainOptions, type Explanation, explain, explainSync } from './explain.ts'
export { formatExplanation } from './explanation-text.ts'
export { type Inspection, inspect, type Link } from './inspect.ts'
export { Keyed, type KeyedOptions, keyed } from './keyed-policy.ts'
export { type Finding, LINT_CODES, type LintCode, type LintOptions, lint } from './lint/lint.ts'
export type { Severity } from './lint/rule.ts'
export { type WorstCase, worstCase } from './lint/worst-case.ts'
export type { ExecuteOptions, Execution, Layer, Operation } from './operation.ts'
export type { Outcome } from './outcome.ts'
export { isRejection, ManualPermit, type Permit, type Rejection } from './permit.ts'
export { compose, noop, type Policy, policy } from './policy.ts'
export { type Random, seededRandom, systemRandom } from './random.ts'
export { type RefusalCode, refusalsAs } from './refusals-as.ts'
export { resilient } from './resilient.ts'
export { parseRetryAfter } from './retry-after.ts'
export { isRetryable, statusOf } from './retryable.ts'
export type { SharedState } from './shared-state.ts'
export type { StateStore, StoredState } from './state-store.ts'
export type { Decision } from './trace.ts'
export { when } from './when.ts'
