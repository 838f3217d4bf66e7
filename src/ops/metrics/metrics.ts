/**
 * Prometheus metrics: counters and histograms fed by events, gauges read off the status when somebody scrapes.
 *
 * Every label is capped: names come from outside, so all beyond the first hundred are one series, `other`.
 */
import { collectDefaultMetrics, Registry } from 'prom-client'
import type { OpsSource } from '../source.ts'
import { eventMetrics } from './event-metrics.ts'
import type { Labels } from './labels.ts'
import { NameCap } from './name-cap.ts'
import { StatusMetrics } from './status-metrics.ts'

/** What `/metrics` answers with. */
export interface MetricsText {
  readonly contentType: string
  text(): Promise<string>
}

export interface Metrics extends MetricsText {
  /** Add metrics of your own here; names starting with `holdfast_` are taken. */
  readonly registry: Registry
  /** Stops listening. */
  close(): void
}

export interface MetricsOptions {
  readonly source: Pick<OpsSource, 'observe' | 'status'>
  /** Distinct values of one label. Default 100. */
  readonly maxNames?: number
  /** Names that are always told apart, whoever comes first. */
  readonly declared?: {
    readonly operations?: readonly string[]
    readonly targets?: readonly string[]
    readonly kinds?: readonly string[]
  }
  /** CPU, memory, event loop, garbage collection of this process. Default true. */
  readonly process?: boolean
}

export function createMetrics({ source, maxNames = 100, declared = {}, process = true }: MetricsOptions): Metrics {
  const registry = new Registry()
  const labels: Labels = {
    operation: new NameCap(maxNames, declared.operations),
    target: new NameCap(maxNames, declared.targets),
    kind: new NameCap(maxNames, declared.kinds),
    policy: new NameCap(maxNames),
  }
  const stop = source.observe(eventMetrics(registry, labels))
  const gauges = new StatusMetrics(registry, labels)
  if (process) collectDefaultMetrics({ register: registry })
  return {
    registry,
    contentType: registry.contentType,
    async text() {
      await gauges.refresh(source)
      return registry.metrics()
    },
    close: () => {
      stop()
      registry.clear()
    },
  }
}
