/** A policy that is nothing but a gate, and keeps the books on its permits. */
import { RejectedError } from '../../src/core/errors.ts'
import type { LiveExecution } from '../../src/core/execution.ts'
import { BasePolicy, STAGES } from '../../src/core/policy.ts'
import type { Gate, Stage } from '../../src/core/stage.ts'
import type { VirtualClock } from '../../src/testing/virtual-clock.ts'

export interface GateScript {
  /** What happens to each call that enters, in turn and over again. */
  readonly answers: readonly ('admit' | 'reject' | 'wait')[]
  readonly waitMs: number
}

export class CountingGate extends BasePolicy implements Gate {
  readonly #script: GateScript
  readonly #clock: VirtualClock
  #entered = 0
  given = 0
  refused = 0
  /** Verdicts by permit; a permit that has two shows here. */
  readonly verdicts = new Map<object, string[]>()

  constructor(clock: VirtualClock, script: GateScript, name = 'gate') {
    super(name, clock)
    this.#clock = clock
    this.#script = script
  }

  get [STAGES](): readonly Stage[] {
    return [{ type: 'gate', gate: this }]
  }

  enter(execution: LiveExecution): unknown {
    const { answers, waitMs } = this.#script
    const answer = answers[this.#entered++ % answers.length]
    if (answer === 'reject') {
      this.refused++
      throw new RejectedError('refused', { code: 'ERR_RATE_LIMITED', policy: this.name })
    }
    if (answer === 'admit' || execution.sync) return this.#permit()
    return new Promise((resolve, reject) => {
      const signal = execution.cancellable ? execution.signal : undefined
      const leave = (): void => {
        cancel()
        reject(signal?.reason as Error)
      }
      const cancel = this.#clock.setTimer(waitMs, () => {
        signal?.removeEventListener('abort', leave)
        resolve(this.#permit())
      })
      signal?.addEventListener('abort', leave, { once: true })
    })
  }

  #permit(): object {
    this.given++
    const permit = {}
    this.verdicts.set(permit, [])
    return permit
  }

  succeeded(permit: unknown): void {
    this.verdicts.get(permit as object)!.push('succeeded')
  }

  failed(permit: unknown): void {
    this.verdicts.get(permit as object)!.push('failed')
  }

  cancelled(permit: unknown): void {
    this.verdicts.get(permit as object)!.push('cancelled')
  }

  /** Permits that were not given back just once. */
  get wrong(): readonly string[][] {
    return [...this.verdicts.values()].filter((verdicts) => verdicts.length !== 1)
  }
}
