/** Windows on what runs: audit, metrics, health, and the HTTP API with its dashboard. They observe; they decide nothing. */
export { type AuditLog, type AuditOptions, auditLog } from './audit/audit-log.ts'
export { type AuditLine, readAudit } from './audit/read-audit.ts'
export {
  type CheckAnswer,
  type CheckOptions,
  type CheckResult,
  type HealthCheck,
  HealthChecks,
  type HealthReport,
} from './health/health-checks.ts'
export { createMetrics, type Metrics, type MetricsOptions, type MetricsText } from './metrics/metrics.ts'
export { createRedactor, type Redact, type RedactOptions, redact, redactText } from './redact.ts'
export { type Api, type ApiOptions, createApi } from './server/api.ts'
export { type RunningServer, type ServerOptions, startServer } from './server/start-server.ts'
export type {
  DeadLetterGroup,
  DeadLetterStats,
  Health,
  HealthReason,
  JobView,
  LatencySummary,
  OpsSource,
  Status,
  TargetStatus,
} from './source.ts'
