/**
 * What this process shares with others on the same store: how its targets are, and who does what is done for all. A store
 * that is not there stops no start; the process is on its own until it is.
 */
import type { Clock } from '../core/clock.ts'
import type { EventBus } from '../core/events.ts'
import type { Random } from '../core/random.ts'
import type { SharedState, SharedWarning } from '../core/shared-state.ts'
import type { SharedStatus } from '../ops/source.ts'
import type { TargetRegistry } from '../targets/registry.ts'
import { SharedTargets } from '../targets/shared/shared-targets.ts'
import { Periodic } from '../work/periodic.ts'
import { sharedTurns, type Turns } from '../work/turns.ts'
import { within } from '../work/within.ts'

export interface SharingOptions {
  /** Opened and closed here. */
  readonly shared: SharedState
  readonly registry: TargetRegistry
  /** This process and no other. */
  readonly reporter: string
  readonly events: EventBus
  readonly clock: Clock
  readonly random: Random
  /** Something may be admitted that was not, or the reverse. */
  readonly onNews: () => void
}

/** How long the start waits for a store that may not be there, in ms. */
const OPEN_MS = 3000
/** How often the server's set-up is looked at: who puts it right, or wrong, need not start anything anew. */
const CHECK_MS = 60_000

export class Sharing {
  readonly targets: SharedTargets
  readonly turns: Turns
  readonly #options: SharingOptions
  readonly #checks: Periodic
  #warnings: readonly SharedWarning[] = []

  constructor(options: SharingOptions) {
    const { shared, registry, reporter, clock, random, onNews, events } = options
    this.#options = options
    this.targets = new SharedTargets({ registry, shared, reporter, clock, random, onNews })
    this.targets.observe((event) => events.emit(event))
    this.turns = sharedTurns(shared, reporter)
    this.#checks = new Periodic(clock, CHECK_MS, () => this.#check())
  }

  /** Once the registry has loaded. Never rejects. */
  async start(): Promise<void> {
    const { shared, clock } = this.#options
    await within(clock, OPEN_MS, shared.open())
    await this.targets.start()
    this.#checks.start()
    await this.#check()
  }

  /** What the server's set-up puts at risk. While it is away, what it said last holds. */
  async #check(): Promise<void> {
    const { shared, clock, events } = this.#options
    if (!this.targets.health().ok) return
    const known = new Set(this.#warnings.map(({ message }) => message))
    const checking = shared.check().then((warnings) => {
      this.#warnings = warnings
    })
    await within(clock, OPEN_MS, checking)
    for (const { message, hint } of this.#warnings)
      if (!known.has(message)) events.emit({ type: 'store.degraded', at: clock.wallNow(), reason: `${message}. ${hint}` })
  }

  /** Never rejects. */
  async stop(): Promise<void> {
    await this.#checks.stop()
    await this.targets.stop()
    await within(this.#options.clock, OPEN_MS, this.#options.shared.close())
  }

  status(): SharedStatus {
    const { capabilities, description } = this.#options.shared
    const { ok, reason, processes } = this.targets.health()
    const message = reason ?? this.#warnings.map((warning) => `${warning.message}. ${warning.hint}`).join(' ')
    const isWell = ok && this.#warnings.length === 0
    return { name: capabilities.name, description, ok: isWell, ...(message && { message }), processes }
  }

  /** Who has found the target down, for the windows. */
  openedBy(target: string): { readonly openedBy?: { readonly processes: number; readonly of: number } } {
    const processes = this.targets.downs(target)
    const of = this.targets.health().processes
    return processes === 0 || of < 2 ? {} : { openedBy: { processes, of } }
  }
}
