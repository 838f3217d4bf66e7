/** What is told of the calls under a key, to whoever listens. */
import { describeError, HoldfastError } from '../../core/errors.ts'
import type { EventBus, HoldfastEvent } from '../../core/events.ts'
import type { LiveExecution } from '../../core/execution.ts'

type Story = HoldfastEvent extends infer E
  ? E extends { readonly type: `idempotency.${string}` }
    ? Omit<E, 'at' | 'policy' | 'execution' | 'key' | 'operation' | 'target' | 'job' | 'kind'>
    : never
  : never

export class OnceEvents {
  readonly #bus: EventBus
  readonly #about: (execution: LiveExecution) => object

  constructor(bus: EventBus, about: (execution: LiveExecution) => object) {
    this.#bus = bus
    this.#about = about
  }

  /** `story` is made only when somebody listens. */
  tell(execution: LiveExecution, story: () => Story): void {
    if (this.#bus.active) this.#bus.emit({ ...this.#about(execution), ...story() } as HoldfastEvent)
  }

  /** Tells of a refusal of ours; any other error is none of this. */
  refused(execution: LiveExecution, error: unknown): void {
    if (!(error instanceof HoldfastError) || !error.code.startsWith('ERR_IDEMPOTENCY_')) return
    const { code, retryAfterMs } = error
    this.tell(execution, () => ({ type: 'idempotency.refused', code, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }))
  }

  trouble(execution: LiveExecution, type: 'idempotency.unrecorded' | 'idempotency.local', error: unknown): void {
    this.tell(execution, () => ({ type, error: describeError(error) }))
  }
}
