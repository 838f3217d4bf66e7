/**
 * One machine per key, without a timer per key: keys that are as good as new are forgotten, a few with every new key, and at
 * most `maxKeys` are kept. When all of them are busy the least recently made one goes.
 */
import type { RateMachine } from './machine.ts'

/** How many old keys are looked at when a new one comes. Above 1, so that the idle ones are caught up with. */
const SWEEP = 4

export class KeyedMachines {
  readonly #make: () => RateMachine
  readonly #maxKeys: number
  readonly #machines = new Map<string, RateMachine>()
  #sweep: MapIterator<[string, RateMachine]> | undefined

  constructor(make: () => RateMachine, maxKeys: number) {
    this.#make = make
    this.#maxKeys = maxKeys
  }

  get size(): number {
    return this.#machines.size
  }

  at(key: string, now: number): RateMachine {
    let machine = this.#machines.get(key)
    if (machine === undefined) {
      this.#forgetIdle(now)
      machine = this.#make()
      this.#machines.set(key, machine)
    }
    return machine
  }

  #forgetIdle(now: number): void {
    for (let looked = 0; looked < SWEEP; looked++) {
      this.#sweep ??= this.#machines.entries()
      const next = this.#sweep.next()
      if (next.done) {
        this.#sweep = undefined
        break
      }
      if (next.value[1].isIdle(now)) this.#machines.delete(next.value[0])
    }
    if (this.#machines.size < this.#maxKeys) return
    for (const oldest of this.#machines.keys()) {
      this.#machines.delete(oldest)
      return
    }
  }
}
