/**
 * Stages that tell a trace what they decide, and do nothing else: what goes in and comes out is what the stage itself would
 * take and give, at the same turn.
 */
import type { PlainRecord } from './description.ts'
import { RejectedError } from './errors.ts'
import type { LiveExecution } from './execution.ts'
import type { Policy } from './policy.ts'
import type { Gate, RetrySession, RetryStage, Stage, TimeoutStage } from './stage.ts'
import { described, type Trace } from './trace.ts'
import { tracedLayer } from './traced-layer.ts'

/** Wraps the stages of one policy. */
export function tracedStages(trace: Trace, part: Policy, stages: readonly Stage[]): readonly Stage[] {
  trace.observe(part)
  return stages.map((stage) => tracedStage(trace, part, stage))
}

function tracedStage(trace: Trace, part: Policy, stage: Stage): Stage {
  switch (stage.type) {
    case 'gate':
      return { type: 'gate', gate: new TracedGate(trace, part, stage.gate) }
    case 'timeout':
      return { type: 'timeout', timeout: new TracedTimeout(trace, part, stage.timeout) }
    case 'retry':
      return { type: 'retry', retry: new TracedRetry(trace, part, stage.retry) }
    case 'layer':
      return { type: 'layer', layer: (next) => tracedLayer(trace, part, stage.layer, next) }
  }
}

// `Required`, so that what a stage may gain one day is not lost on the way.
class TracedGate implements Required<Gate> {
  readonly #trace: Trace
  readonly #part: Policy
  readonly #gate: Gate

  constructor(trace: Trace, part: Policy, gate: Gate) {
    this.#trace = trace
    this.#part = part
    this.#gate = gate
  }

  enter(execution: LiveExecution): unknown {
    const state = this.#state(execution)
    let entered: { readonly value: unknown; readonly numbers: PlainRecord }
    try {
      entered = this.#trace.deciding(this.#part, () => this.#gate.enter(execution))
    } catch (error) {
      this.#rejected(error, execution, state)
      throw error
    }
    const { value: permit, numbers } = entered
    if (permit instanceof RejectedError) this.#rejected(permit, execution, { ...state, ...numbers })
    else if (permit instanceof Promise) this.#watch(permit, execution, { ...state, ...numbers })
    else this.#trace.note(this.#part, execution, 'admitted', { numbers: state })
    return permit
  }

  #watch(permit: Promise<unknown>, execution: LiveExecution, numbers: PlainRecord): void {
    const since = this.#trace.elapsedMs
    this.#trace.note(this.#part, execution, 'waiting', { numbers })
    permit.then(
      () => {
        const waitedMs = this.#trace.elapsedMs - since
        this.#trace.note(this.#part, execution, 'admitted', { numbers: { ...this.#state(execution), waitedMs } })
      },
      (error) => {
        if (execution.aborted) this.#trace.note(this.#part, execution, 'left', { numbers: this.#state(execution), error })
        else this.#rejected(error, execution, this.#state(execution))
      },
    )
  }

  #rejected(error: unknown, execution: LiveExecution, numbers: PlainRecord): void {
    this.#trace.from(this.#part.name, error)
    const reason = error instanceof Error && error.message !== '' ? error.message : undefined
    this.#trace.note(this.#part, execution, 'rejected', { numbers, error, reason })
  }

  succeeded(permit: unknown, value: unknown, execution: LiveExecution): void {
    this.#learn(execution, () => this.#gate.succeeded(permit, value, execution))
  }

  failed(permit: unknown, error: unknown, execution: LiveExecution): void {
    this.#learn(execution, () => this.#gate.failed(permit, error, execution))
  }

  cancelled(permit: unknown, execution: LiveExecution): void {
    this.#learn(execution, () => this.#gate.cancelled(permit, execution))
  }

  abandoned(permit: unknown, execution: LiveExecution): void {
    this.#learn(execution, () => this.#gate.abandoned?.(permit, execution))
  }

  /** Tells what a result has changed, and nothing when it has not. */
  #learn(execution: LiveExecution, learn: () => void): void {
    const before = this.#state(execution)
    this.#trace.deciding(this.#part, learn)
    const after = this.#state(execution)
    const changed = Object.keys(after).filter(
      (name) => !Object.is(after[name], before[name]) && !isTimePassing(name, before, after),
    )
    if (changed.length === 0) return
    const told = changed.map((name) => `${name} ${show(before[name])} → ${show(after[name])}`)
    this.#trace.note(this.#part, execution, 'learnt', { numbers: after, reason: told.join(', ') })
  }

  #state(execution: LiveExecution): PlainRecord {
    return described(this.#part, execution.key).state
  }
}

/** What is waited for comes nearer by itself: nothing was learnt. */
function isTimePassing(name: string, before: PlainRecord, after: PlainRecord): boolean {
  // Stryker disable next-line EqualityOperator: what is equal was not asked about
  return name === 'retryAfterMs' && Number(after[name]) <= Number(before[name])
}

function show(value: unknown): string {
  return typeof value === 'number'
    ? String(Math.round(value * 1000) / 1000)
    : (JSON.stringify(value) ?? 'nothing').replaceAll('"', '')
}

class TracedTimeout implements TimeoutStage {
  readonly #trace: Trace
  readonly #part: Policy
  readonly #timeout: TimeoutStage

  constructor(trace: Trace, part: Policy, timeout: TimeoutStage) {
    this.#trace = trace
    this.#part = part
    this.#timeout = timeout
  }

  limitMs(execution: LiveExecution): number {
    const limitMs = this.#ask(execution)
    if (limitMs !== Number.POSITIVE_INFINITY) this.#trace.note(this.#part, execution, 'armed', { numbers: { limitMs } })
    return limitMs
  }

  #ask(execution: LiveExecution): number {
    try {
      return this.#timeout.limitMs(execution)
    } catch (error) {
      this.#trace.from(this.#part.name, error)
      throw error
    }
  }

  expired(limitMs: number, execution: LiveExecution): Error {
    const { value: error, numbers } = this.#trace.deciding(this.#part, () => this.#timeout.expired(limitMs, execution))
    this.#trace.note(this.#part, execution, 'expired', { numbers: { limitMs, ...numbers } })
    return error
  }

  abandoned(execution: LiveExecution, limitMs: number): void {
    const { numbers } = this.#trace.deciding(this.#part, () => this.#timeout.abandoned(execution, limitMs))
    this.#trace.note(this.#part, execution, 'abandoned', { numbers: { limitMs, ...numbers } })
  }

  settled(execution: LiveExecution, limitMs: number): void {
    this.#trace.deciding(this.#part, () => this.#timeout.settled(execution, limitMs))
  }

  get graceMs(): number {
    return this.#timeout.graceMs
  }

  get releasesAtOnce(): boolean {
    return this.#timeout.releasesAtOnce
  }
}

/** What a retry decides it tells as events; the trace only has to know whose they are. */
class TracedRetry implements RetryStage, Required<Omit<RetryStage, 'rejectsResult'>> {
  readonly rejectsResult: RetryStage['rejectsResult']
  readonly #trace: Trace
  readonly #part: Policy
  readonly #retry: RetryStage

  constructor(trace: Trace, part: Policy, retry: RetryStage) {
    this.#trace = trace
    this.#part = part
    this.#retry = retry
    this.rejectsResult = retry.rejectsResult
  }

  get timed(): boolean {
    return this.#retry.timed
  }

  begin(execution: LiveExecution, startedAt: number | undefined): RetrySession {
    const session = this.#retry.begin(execution, startedAt)
    return {
      next: (attempt, failure, call) => this.#trace.deciding(this.#part, () => session.next(attempt, failure, call)).value,
      conclude: (attempt, failure) => session.conclude(attempt, failure),
      cancelled: () => session.cancelled(),
    }
  }
}
