/**
 * A policy that sends each call through one of the policies that it holds, or past all of them. Asked once for each call that
 * reaches it: once for each attempt where a retry stands outside.
 */

import type { Listener, Unobserve } from './events.ts'
import { link } from './frame.ts'
import type { Execution, Layer, Operation } from './operation.ts'
import type { StageTrace } from './policy.ts'
import { BasePolicy, type Policy, STAGES, sharedClock, stagesOf, TRACED, tracedStagesOf } from './policy.ts'
import type { Stage } from './stage.ts'

export abstract class Switching extends BasePolicy {
  /** Those that it holds, each once. */
  protected readonly held: readonly Policy[]

  constructor(name: string, held: readonly Policy[]) {
    super(name, sharedClock(held.flatMap((policy) => policy.parts)))
    this.held = [...new Set(held)]
  }

  /** The one that this call takes; undefined to pass by all of them. */
  protected abstract choose(execution: Execution): Policy | undefined

  get [STAGES](): readonly Stage[] {
    return [this.#stage(stagesOf)]
  }

  override [TRACED](trace: StageTrace): readonly Stage[] {
    return [this.#stage((policy) => tracedStagesOf(policy, trace))]
  }

  #stage(stages: (policy: Policy) => readonly Stage[]): Stage {
    const layer: Layer = (next) => {
      const linked = new Map(this.held.map((policy) => [policy, linkedTo(stages(policy), next)]))
      return (execution) => {
        const chosen = this.choose(execution)
        return chosen === undefined ? next(execution) : linked.get(chosen)!(execution)
      }
    }
    return { type: 'layer', layer }
  }

  override get usesClock(): boolean {
    return sharedClock(this.held.flatMap((policy) => policy.parts)) !== undefined
  }

  /** What any of them tells is heard, once, also of a part that several share. */
  override observe(listener: Listener): Unobserve {
    const stops = [...new Set(this.held.flatMap((policy) => policy.parts))].map((part) => part.observe(listener))
    return () => {
      for (const stop of stops) stop()
    }
  }
}

function linkedTo<T>(stages: readonly Stage[], next: Operation<T>): Operation<T> {
  return link([...stages, { type: 'layer', layer: () => next as Operation<never> }]) as Operation<T>
}
