/**
 * A whole Holdfast from its configuration: the runtime, the HTTP API with the dashboard, the audit, the log.
 */
import type { ResolvedConfig } from '../config/resolve.ts'
import { targetSettings } from '../config/target-settings.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { auditLog } from '../ops/audit/audit-log.ts'
import { createMetrics } from '../ops/metrics/metrics.ts'
import { createApi } from '../ops/server/api.ts'
import { startServer } from '../ops/server/start-server.ts'
import type { RecoveryReport } from '../work/rescuer.ts'
import { kindsOf } from './kinds.ts'
import { logListener } from './log.ts'
import { RuntimeSource } from './ops-source.ts'
import { Runtime } from './runtime.ts'
import { schedulesOf } from './schedules.ts'
import { stateOf, storeOf } from './store.ts'

export interface StartOptions {
  readonly version: string
  /** Takes one line of the log. Default: standard error. */
  readonly log?: (line: string) => void
  readonly clock?: Clock
}

export interface RunningHoldfast {
  readonly url: string
  readonly recovery: RecoveryReport
  readonly runtime: Runtime
  /** Drains: takes no new work, finishes what runs within `worker.drain`, hands back the rest. Idempotent. */
  stop(): Promise<void>
}

/** How long answers under way may take at the end, in ms. */
const ANSWERS_MS = 2000

/**
 * @throws HoldfastError with `ERR_STORE_UNAVAILABLE`, OptionError, or the system's error when the port cannot be bound
 */
export async function startHoldfast({ config }: ResolvedConfig, options: StartOptions): Promise<RunningHoldfast> {
  const clock = options.clock ?? systemClock
  const kinds = kindsOf(config, clock)
  const { named, defaults } = targetSettings(config)
  const { concurrency, pollMax, drain } = config.worker
  const runtime = new Runtime({
    store: storeOf(config.store, clock),
    ...stateOf(config.state, clock),
    kinds: kinds.all,
    schedules: schedulesOf(config),
    targets: named,
    targetDefaults: defaults,
    concurrency,
    pollMax,
    retention: config.retention,
    recovery: config.recovery,
    clock,
  })
  const write = options.log ?? ((line: string) => process.stderr.write(`${line}\n`))
  runtime.observe(logListener({ ...config.log, write }))
  const audit = config.audit === false ? undefined : auditLog({ ...config.audit, clock })
  if (audit !== undefined) runtime.observe(audit.listen)
  const source = new RuntimeSource(runtime, options.version, kinds.mayAimAt)
  const metrics = createMetrics({ source, declared: { kinds: kinds.all.map(({ name }) => name), targets: Object.keys(named) } })
  const { host, port, token, maxBody, allowedHosts } = config.server
  const app = createApi({ source, clock, version: options.version, token, maxBodyBytes: maxBody, metrics, allowedHosts })
  // The port first: two processes on one store are allowed, two on one port are not, and nothing is claimed before that is known.
  const server = await startServer({ app, host, port, clock })
  const close = async (): Promise<void> => {
    metrics.close()
    await Promise.all([kinds.http.close(), audit?.close()])
  }
  let recovery: RecoveryReport
  try {
    recovery = await runtime.start()
  } catch (error) {
    await server.close(0)
    await close()
    throw error
  }
  let stopped: Promise<void> | undefined
  const stop = async (): Promise<void> => {
    source.beginStop()
    await runtime.worker.drain(drain)
    await server.close(ANSWERS_MS)
    await runtime.stop(0)
    await close()
  }
  return {
    url: server.url,
    recovery,
    runtime,
    stop: () => {
      stopped ??= stop()
      return stopped
    },
  }
}
