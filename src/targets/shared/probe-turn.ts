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
  /** Is it needed, because this process probes? */
  readonly isUsed: () => boolean
}

export class ProbeTurn {
  readonly #ports: TurnPorts
  #state: 'none' | 'asking' | 'held' = 'none'
  #cancel: Cancel = () => {}
  #askAt = 0
  #keptAt = Number.NEGATIVE_INFINITY

  constructor(ports: TurnPorts) {
    this.#ports = ports
  }

  get isHeld(): boolean {
    return this.#state === 'held'
  }

  get isIdle(): boolean {
    return this.#state === 'none'
  }

  /** Asks then, monotonic ms, `Infinity` for not by itself; an earlier plan is dropped. */
  askAt(at: number): void {
    this.#askAt = at
    this.#cancel()
    if (!Number.isFinite(at)) return
    this.#cancel = this.#ports.clock.setTimer(Math.max(0, at - this.#ports.clock.now()), () => this.askIfDue(), true)
  }

  /** Asks unless it is too early to. */
  askIfDue(): void {
    if (this.#state === 'none' && this.#ports.clock.now() >= this.#askAt && this.#ports.isDue()) void this.#ask()
  }

  async #ask(): Promise<void> {
    const { clock, shared, lease, owner, leaseMs, limitMs, talk, isDue, onGranted } = this.#ports
    this.#state = 'asking'
    this.#keptAt = clock.now()
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
    const { clock, shared, lease, owner, leaseMs, limitMs, isUsed } = this.#ports
    if (this.#isAsking() || (this.#state === 'held' && clock.now() - this.#keptAt < leaseMs / 3)) return true
    this.#keptAt = clock.now()
    try {
      const { granted } = await inTime(clock, limitMs, shared.acquire(lease, owner, leaseMs))
      if (this.#isAsking()) return true
      this.#state = granted ? 'held' : 'none'
      // What it was kept for may be over by now, and the turn given back before this answer: then it goes back for good.
      if (granted && !isUsed()) await this.giveBack()
      return granted
    } catch {
      return true
    }
  }

  /** Asked anew each time: what it was before the store answered says nothing. */
  #isAsking(): boolean {
    return this.#state === 'asking'
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
