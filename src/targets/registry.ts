/**
 * All targets of a process, made when first asked for: a configured one by its name, any other by a pattern or the defaults
 * (an origin, a peer, a provider each get their own breaker and limits). Unused ones are forgotten; their number is bounded.
 */
import { type Clock, systemClock } from '../core/clock.ts'
import { describeError } from '../core/errors.ts'
import { EventBus, type Listener, type Observable, type Unobserve } from '../core/events.ts'
import { type Random, systemRandom } from '../core/random.ts'
import type { StateStore } from '../core/state-store.ts'
import { checkDuration, checkInteger, checkKnown } from '../core/validate.ts'
import type { TargetAdmission } from './admission.ts'
import type { SharedLimits, TargetOptions } from './settings.ts'
import { Target } from './target.ts'

export interface TargetRegistryOptions {
  /** By name, or by a pattern with `*` for any characters, such as `'https://*.example.com'`. The first match counts. */
  readonly targets?: Readonly<Record<string, TargetOptions>>
  /** For targets that nothing matches. */
  readonly defaults?: TargetOptions
  /** Where breakers and pauses survive a restart. Default: nowhere. */
  readonly states?: StateStore
  /** Where targets share their `rate` with other processes; needed where one says `shared`. */
  readonly limits?: SharedLimits
  /** A target that was not used for so long may be forgotten. Default 1 h. */
  readonly idleAfter?: number | string
  /** At most so many. Default 10,000. */
  readonly maxTargets?: number
  readonly clock?: Clock
  readonly random?: Random
}

/** Whoever steers the targets beside their own process, such as `SharedTargets`. */
export interface TargetCompanion {
  made(target: Target): void
  /** Work that waits for the target was refused by its breaker. */
  refused(target: Target): void
}

const PREFIX = 'target:'

export class TargetRegistry implements Observable {
  readonly #options: TargetRegistryOptions
  readonly #clock: Clock
  readonly #random: Random
  readonly #idleAfter: number
  readonly #maxTargets: number
  /** At so many the next new one makes others go. */
  #forgetAt: number
  readonly #targets = new Map<string, Target>()
  readonly #patterns: readonly { readonly matches: RegExp; readonly options: TargetOptions }[]
  readonly #events = new EventBus()
  readonly #unsaved = new Set<string>()
  /** One write at a time for each target: two that overtake each other would leave the older. */
  readonly #saving = new Map<string, Promise<void>>()
  #companion: TargetCompanion | undefined

  constructor(options: TargetRegistryOptions = {}) {
    checkKnown(
      options,
      ['targets', 'defaults', 'states', 'limits', 'idleAfter', 'maxTargets', 'clock', 'random'],
      'targetRegistry',
    )
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#random = options.random ?? systemRandom
    this.#idleAfter = checkDuration(options.idleAfter ?? '1h', 'targetRegistry.idleAfter', 1)
    this.#maxTargets = checkInteger(options.maxTargets ?? 10_000, 'targetRegistry.maxTargets', 1)
    this.#forgetAt = this.#maxTargets
    const named = Object.entries(options.targets ?? {})
    this.#patterns = named
      .filter(([name]) => name.includes('*'))
      .map(([pattern, own]) => ({ matches: patternOf(pattern), options: own }))
    // Options are checked now, not at the first call: every named target is made once, and thrown away if it is a pattern.
    for (const [name, own] of named) new Target(name, own, this.#dependencies())
    for (const [name] of named) if (!name.includes('*')) this.get(name)
  }

  /** Reads breakers and pauses of before the restart. */
  async load(): Promise<void> {
    for (const { name, value } of (await this.#options.states?.readStates(PREFIX)) ?? []) {
      const target = this.get(name.slice(PREFIX.length))
      target.restore(value)
      // Such as a pause that ended while nobody ran: what is kept must not grow for ever.
      if (!target.isWorthStoring) this.save(target.name)
    }
  }

  /** The target of this name, made if need be. */
  get(name: string): Target {
    return this.#targets.get(name) ?? this.#make(name)
  }

  /** The target of this name, if it is known. */
  find(name: string): Target | undefined {
    return this.#targets.get(name)
  }

  /** True when the options speak of it, by its name or by a pattern. */
  names(name: string): boolean {
    const own = this.#options.targets
    return (own !== undefined && Object.hasOwn(own, name)) || this.#patterns.some(({ matches }) => matches.test(name))
  }

  all(): readonly Target[] {
    return [...this.#targets.values()]
  }

  /** @param waiting there is work for it now; otherwise somebody only asks how it stands */
  admit(name: string, waiting = false): TargetAdmission {
    const target = this.get(name)
    const admission = target.admit()
    if (waiting && !admission.admitted && admission.heldBy === 'breaker') this.#companion?.refused(target)
    return admission
  }

  /** From now on told of new targets and of refused work. One at a time. */
  accompany(companion: TargetCompanion | undefined): void {
    this.#companion = companion
  }

  observe(listener: Listener): Unobserve {
    return this.#events.observe(listener)
  }

  /** Keeps the target's breaker and pause, as long as there is one. A store that is gone costs nothing but the memory of it. */
  save(name: string): void {
    const states = this.#options.states
    if (states === undefined) return
    this.#unsaved.add(name)
    if (!this.#saving.has(name))
      this.#saving.set(
        name,
        this.#write(name, states).finally(() => this.#saving.delete(name)),
      )
  }

  /** Gives back what targets have of limits that are shared. */
  async close(): Promise<void> {
    await Promise.all(this.all().map((target) => target.close()))
  }

  /** Resolves when everything that was told to be kept is, or could not be. */
  async flush(): Promise<void> {
    while (this.#saving.size > 0) await Promise.all(this.#saving.values())
  }

  async #write(name: string, states: StateStore): Promise<void> {
    while (this.#unsaved.delete(name)) {
      const target = this.#targets.get(name)
      try {
        if (target?.isWorthStoring) await states.writeState(PREFIX + name, target.store())
        else await states.deleteState(PREFIX + name)
      } catch (error) {
        const reason = `state of target '${name}' was not stored: ${describeError(error).message}`
        this.#events.emit({ type: 'store.degraded', at: this.#clock.wallNow(), target: name, reason })
      }
    }
  }

  #make(name: string): Target {
    if (this.#targets.size >= this.#forgetAt) this.#forgetIdle()
    const target = new Target(name, this.#optionsFor(name), this.#dependencies())
    target.observe((event) => {
      if (event.type === 'circuit-breaker.changed') this.save(name)
      this.#events.emit(event)
    })
    this.#targets.set(name, target)
    this.#companion?.made(target)
    return target
  }

  #optionsFor(name: string): TargetOptions {
    const own = this.#options.targets
    if (own !== undefined && Object.hasOwn(own, name)) return own[name] as TargetOptions
    return this.#patterns.find(({ matches }) => matches.test(name))?.options ?? this.#options.defaults ?? {}
  }

  /**
   * Those idle long enough go; when they are few, the least recently made idle ones do; busy ones stay, over the bound if need be.
   * Several at a time, so that looking through all of them is not paid for every new name.
   */
  #forgetIdle(): void {
    const enough = Math.max(1, Math.floor(this.#maxTargets / 10))
    const before = this.#targets.size
    for (const [name, target] of this.#targets) if (target.isIdle(this.#idleAfter)) this.#targets.delete(name)
    for (const [name, target] of this.#targets) {
      if (before - this.#targets.size >= enough) break
      if (target.isIdle(0)) this.#targets.delete(name)
    }
    const { size } = this.#targets
    this.#forgetAt = size < before ? this.#maxTargets : size + enough
  }

  #dependencies() {
    return { clock: this.#clock, random: this.#random, limits: this.#options.limits }
  }
}

function patternOf(pattern: string): RegExp {
  const source = pattern.split('*').map((text) => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${source.join('.*')}$`, 's')
}
