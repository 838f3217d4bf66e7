/** Counters and histograms that follow the events. */
import type { Registry } from 'prom-client'
import { Counter, Histogram } from 'prom-client'
import type { HoldfastEvent, Listener } from '../../core/events.ts'
import type { Labels } from './labels.ts'

const CALL_BUCKETS_MS = [1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000]
const JOB_BUCKETS_MS = [...CALL_BUCKETS_MS, 60_000, 300_000, 1_800_000]
const NONE = 'none'

/** A listener that counts into the registry. */
export function eventMetrics(registry: Registry, labels: Labels): Listener {
  const registers = [registry]
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> =>
    new Counter({ name, help, labelNames, registers })

  const retries = counter('holdfast_retries_total', 'Retries that were scheduled.', ['operation', 'target'])
  const gaveUp = counter('holdfast_retries_exhausted_total', 'Calls whose retries were used up.', ['operation', 'target'])
  const timeouts = counter('holdfast_timeouts_total', 'Attempts and calls that timed out.', ['operation', 'target'])
  const rejections = counter('holdfast_rejections_total', 'Calls that a policy refused to start.', ['policy', 'target'])
  const transitions = counter('holdfast_circuit_transitions_total', 'Changes of a circuit breaker, by its new state.', [
    'target',
    'to',
  ])
  const jobEvents = counter('holdfast_job_events_total', 'What happened to jobs.', ['event', 'kind'])
  const batchEvents = counter('holdfast_batch_events_total', 'Batches that were enqueued, and that ended.', ['event'])
  const calls = new Histogram({
    name: 'holdfast_call_duration_ms',
    help: 'Duration of calls, all attempts together, in milliseconds.',
    labelNames: ['operation', 'target', 'outcome'],
    buckets: CALL_BUCKETS_MS,
    registers,
  })
  const jobs = new Histogram({
    name: 'holdfast_job_duration_ms',
    help: "Duration of jobs' successful attempts, in milliseconds.",
    labelNames: ['kind'],
    buckets: JOB_BUCKETS_MS,
    registers,
  })

  const call = (event: HoldfastEvent): { operation: string; target: string } => ({
    operation: labels.operation.fold(event.operation ?? NONE),
    target: labels.target.fold(event.target ?? NONE),
  })
  const target = (event: HoldfastEvent): string => labels.target.fold(event.target ?? NONE)

  return (event) => {
    switch (event.type) {
      case 'retry.scheduled':
        return retries.inc(call(event))
      case 'retry.gave-up':
        return gaveUp.inc(call(event))
      case 'timeout.expired':
        return timeouts.inc(call(event))
      case 'circuit-breaker.changed':
        return transitions.inc({ target: target(event), to: event.to })
      case 'circuit-breaker.rejected':
      case 'rate-limiter.rejected':
      case 'bulkhead.rejected':
        return rejections.inc({ policy: event.type.slice(0, event.type.indexOf('.')), target: target(event) })
      case 'execution.succeeded':
        return calls.observe({ ...call(event), outcome: 'success' }, event.durationMs)
      case 'execution.failed':
        return calls.observe({ ...call(event), outcome: 'failure' }, event.durationMs)
      case 'execution.cancelled':
        return calls.observe({ ...call(event), outcome: 'cancelled' }, event.durationMs)
      case 'batch.enqueued':
      case 'batch.ended':
        return batchEvents.inc({ event: event.type.slice('batch.'.length) })
    }
    if (!event.type.startsWith('job.')) return
    const kind = labels.kind.fold(('kind' in event ? event.kind : undefined) ?? NONE)
    jobEvents.inc({ event: event.type.slice('job.'.length), kind })
    if (event.type === 'job.succeeded') jobs.observe({ kind }, event.durationMs)
  }
}
