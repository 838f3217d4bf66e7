/**
 * The turn to probe a target, which one process has at a time: a lease of the store. It is asked for when an open time ends,
 * kept while the breaker is half-open, and given back once the others can have heard what came of it; who dies with it
 * loses it when the lease ends.
 */
import type { Cancel, Clock } from '../../core/clock.ts'
import type { SharedState } from '../../core/shared-state.ts'
import { inTime } from './pulse.ts'

export interface TurnPorts {
  readonly clock: Clock
  readonly shared: Pick<SharedState, 'acquire' | 'release'>
  /** The lease, by name. */
  readonly lease: string
  readonly owner: string
  readonly leaseMs: number
  /** An answer of the store that takes longer is none. */
  readonly limitMs: number
  /** Says what is new and hears the others; false when the store is lost. */
  readonly talk: () => Promise<boolean>
  /** Is it still time to probe? Asked once the others have been heard. */
  readonly isDue: () => boolean
  readonly onGranted: () => void
}

export class ProbeTurn {
  readonly #ports: TurnPorts
  #state: 'none' | 'asking' | 'held' = 'none'
  #cancel: Cancel = () => {}
  #askAt = 0

  constructor(ports: TurnPorts) {
    this.#ports = ports
  }

  get isHeld(): boolean {
    return this.#state === 'held'
  }

  get isIdle(): boolean {
    return this.#state === 'none'
  }

  /** Asks then, monotonic ms; an earlier plan is dropped. */
  askAt(at: number): void {
    this.#askAt = at
    this.#cancel()
    this.#cancel = this.#ports.clock.setTimer(Math.max(0, at - this.#ports.clock.now()), () => this.askIfDue(), true)
  }

  /** Asks unless it is too early to. */
  askIfDue(): void {
    if (this.#state === 'none' && this.#ports.clock.now() >= this.#askAt && this.#ports.isDue()) void this.#ask()
  }

  async #ask(): Promise<void> {
    const { clock, shared, lease, owner, leaseMs, limitMs, talk, isDue, onGranted } = this.#ports
    this.#state = 'asking'
    try {
      const answer = await inTime(clock, limitMs, shared.acquire(lease, owner, leaseMs))
      if (!answer.granted) {
        this.#askAt = clock.now() + Math.max(0, Math.min(answer.until - answer.now, leaseMs))
        this.#state = 'none'
        return
      }
      // Whoever had it before told what came of it before it gave it back.
      const heard = await talk()
      this.#state = 'held'
      if (heard && isDue()) onGranted()
      else await this.giveBack()
    } catch {
      this.#state = 'none'
      // Is the store lost? Then this process is on its own.
      void talk()
    }
  }

  /** Makes sure of the turn while it is used: prolongs it, or takes it for a probe that began without the store. */
  async keep(): Promise<boolean> {
    const { clock, shared, lease, owner, leaseMs, limitMs } = this.#ports
    try {
      const { granted } = await inTime(clock, limitMs, shared.acquire(lease, owner, leaseMs))
      this.#state = granted ? 'held' : 'none'
      return granted
    } catch {
      return true
    }
  }

  /** Lets the others have it; a store that does not hear it ends it in time. */
  async giveBack(): Promise<void> {
    if (this.#state !== 'held') return
    this.#state = 'none'
    const { clock, shared, lease, owner, limitMs } = this.#ports
    await inTime(clock, limitMs, shared.release(lease, owner)).catch(() => {})
  }

  /** Asks no more. */
  stop(): Promise<void> {
    this.#cancel()
    return this.giveBack()
  }
}
