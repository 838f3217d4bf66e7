/**
 * Whether a call is disturbed: a cast of the dice per call, until so many were, or until a guard says stop. Once stopped it
 * stays so until somebody resumes it.
 */
import type { Random } from '../../core/random.ts'

export interface ChaosCounts {
  /** Calls that met the chaos while it was enabled, disturbed or not. */
  readonly calls: number
  /** Calls that were disturbed. */
  readonly injected: number
  /** Calls that failed by themselves, undisturbed. */
  readonly failures: number
}

export class ChaosMachine {
  readonly #random: Random
  readonly #maxInjected: number
  #stopped: string | undefined
  #injectedSince = 0
  #calls = 0
  #injected = 0
  #failures = 0

  constructor(random: Random, maxInjected: number) {
    this.#random = random
    this.#maxInjected = maxInjected
  }

  get counts(): ChaosCounts {
    return { calls: this.#calls, injected: this.#injected, failures: this.#failures }
  }

  /** Why it stopped; undefined while it runs. */
  get stopped(): string | undefined {
    return this.#stopped
  }

  /** True when this call is to be disturbed. A rate outside of 0 to 1, or none, disturbs nothing. */
  decide(rate: number): boolean {
    if (this.#stopped !== undefined) return false
    this.#calls++
    if (!(rate > 0) || rate > 1) return false
    if (rate < 1 && this.#random() >= rate) return false
    this.#injected++
    this.#injectedSince++
    return true
  }

  /** True when this injection was the last one allowed. */
  get spent(): boolean {
    return this.#injectedSince >= this.#maxInjected
  }

  failed(): void {
    this.#failures++
  }

  /** False when it had stopped before; the first reason stays. */
  stop(reason: string): boolean {
    if (this.#stopped !== undefined) return false
    this.#stopped = reason
    return true
  }

  /** Goes on, with all its injections allowed anew; the counts go on too. */
  resume(): void {
    this.#stopped = undefined
    this.#injectedSince = 0
  }
}
