/** Gauges that are read off the status at each scrape. A status that cannot be read leaves `holdfast_up` at 0, and no gauges. */
import type { Registry } from 'prom-client'
import { Gauge } from 'prom-client'
import type { BreakerStateName } from '../../core/events.ts'
import type { Health, OpsSource, Status, TargetStatus } from '../source.ts'
import type { Labels } from './labels.ts'

/** In order of trouble, so that the worst of several folded targets is shown. */
const CIRCUIT_STATE: Readonly<Record<BreakerStateName, number>> = {
  disabled: -1,
  closed: 0,
  'half-open': 1,
  open: 2,
  isolated: 3,
}
const HEALTH: Readonly<Record<Health, number>> = { healthy: 0, degraded: 1, unhealthy: 2 }

export class StatusMetrics {
  readonly #labels: Labels
  readonly #gauges: ReturnType<typeof declare>

  constructor(registry: Registry, labels: Labels) {
    this.#labels = labels
    this.#gauges = declare(registry)
  }

  async refresh(source: Pick<OpsSource, 'status'>): Promise<void> {
    const status = await source.status().catch(() => undefined)
    for (const gauge of Object.values(this.#gauges)) gauge.reset()
    this.#gauges.up.set(status === undefined ? 0 : 1)
    if (status !== undefined) this.#show(status)
  }

  #show(status: Status): void {
    const gauges = this.#gauges
    gauges.health.set(HEALTH[status.status])
    gauges.store.set({ store: status.store.name }, status.store.ok ? 1 : 0)
    if (status.shared !== undefined) {
      gauges.shared.set({ store: status.shared.name }, status.shared.ok ? 1 : 0)
      gauges.processes.set(status.shared.processes)
    }
    for (const [state, count] of Object.entries(status.jobs)) gauges.jobs.set({ state }, count)
    for (const [state, count] of Object.entries(status.deadLetters)) gauges.deadLetters.set({ status: state }, count)
    gauges.held.set(status.held)
    gauges.oldest.set(status.oldestWaitingMs)
    gauges.running.set(status.worker.running)
    gauges.concurrency.set(status.worker.concurrency)
    this.#showTargets(status.targets)
  }

  #showTargets(targets: readonly TargetStatus[]): void {
    const worst = new Map<string, number>()
    for (const { name, breaker, bulkhead, limiter, held } of targets) {
      const target = this.#labels.target.fold(name)
      if (breaker?.openedBy !== undefined) this.#gauges.openedBy.inc({ target }, breaker.openedBy.processes)
      if (breaker !== undefined) worst.set(target, Math.max(worst.get(target) ?? -1, CIRCUIT_STATE[breaker.state]))
      if (bulkhead !== undefined) this.#gauges.inFlight.inc({ target }, bulkhead.inFlight)
      if (limiter !== undefined) this.#gauges.tokens.inc({ target }, limiter.available)
      this.#gauges.targetHeld.inc({ target }, held)
    }
    for (const [target, state] of worst) this.#gauges.circuit.set({ target }, state)
  }
}

function declare(registry: Registry) {
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> =>
    new Gauge({ name, help, labelNames, registers: [registry] })
  return {
    up: gauge('holdfast_up', '1 when the status could be read.'),
    health: gauge('holdfast_health', '0 healthy, 1 degraded, 2 unhealthy.'),
    store: gauge('holdfast_store_up', '1 when the store takes writes.', ['store']),
    shared: gauge('holdfast_shared_state_up', '1 when the state that processes share is there and safe.', ['store']),
    processes: gauge('holdfast_processes', 'Processes that share state, this one counted.'),
    jobs: gauge('holdfast_jobs', 'Jobs by state.', ['state']),
    held: gauge('holdfast_jobs_held', 'Available jobs whose target does not admit.'),
    oldest: gauge('holdfast_oldest_waiting_ms', 'How long the oldest due job has waited, in milliseconds.'),
    deadLetters: gauge('holdfast_dead_letters', 'Dead letters by status.', ['status']),
    running: gauge('holdfast_worker_running', 'Jobs that this process runs.'),
    concurrency: gauge('holdfast_worker_concurrency', 'Jobs that this process runs at most.'),
    circuit: gauge('holdfast_circuit_state', '-1 disabled, 0 closed, 1 half-open, 2 open, 3 isolated.', ['target']),
    openedBy: gauge('holdfast_circuit_opened_by', 'Processes that have found the target down themselves.', ['target']),
    inFlight: gauge('holdfast_in_flight', 'Calls in flight.', ['target']),
    tokens: gauge('holdfast_limiter_available', 'Calls that the limiter would admit now.', ['target']),
    targetHeld: gauge('holdfast_target_held', 'Jobs that wait for this target.', ['target']),
  }
}
