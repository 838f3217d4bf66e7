/**
 * What every option is when nobody sets it. `holdfast config dump` shows it with the source `default`.
 */
import type { UserConfig } from './user-config.ts'

export const DEFAULTS: UserConfig = {
  server: { host: '127.0.0.1', port: 4680, maxBody: '1MiB', allowedHosts: [] },
  store: { url: 'sqlite:./var/holdfast.db', durability: 'full' },
  worker: { concurrency: 50, lease: '30s', drain: '30s', pollMax: '2s', maxLostLeases: 3 },
  http: {
    allow: ['public'],
    timeout: '30s',
    maxAttempts: 10,
    backoff: { initial: '1s', max: '5m', factor: 2, jitter: 'equal' },
    maxBody: '64KiB',
  },
  kinds: [],
  schedules: [],
  targets: {},
  targetDefaults: {},
  timeouts: {
    profiles: { short: '3s', normal: '10s', long: '30s', io: '15s', http: '8s' },
    operations: {
      goto: 'long',
      click: 'normal',
      wait_for_selector: 'normal',
      http_get: 'http',
      http_post: 'http',
      rmq_publish: 'io',
    },
  },
  retry: { maxAttempts: 3, initial: '1s', max: '60s', factor: 2, jitter: 'full' },
  // Patient with single failures, quick to see an outage, quick to look again; the same as a target has without any settings.
  breaker: {
    failures: 10,
    failureRate: 0.5,
    window: '10s',
    minimumCalls: 20,
    openFor: '5s',
    openForMax: '60s',
    halfOpenCalls: 1,
    successes: 1,
  },
  rates: {},
  resilience: { enabled: true, retryEnabled: true, breakerEnabled: true },
  retention: { olderThan: '7d', keep: 100_000, every: '10m' },
  recovery: { every: '10s', unresponsiveAfter: '30m' },
  audit: { path: './var/audit.jsonl', maxBytes: '10MiB', maxFiles: 5 },
  log: { level: 'info', format: 'text' },
}
