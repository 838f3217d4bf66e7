/**
 * The beat at which a process talks with the store: one round at a time, sooner when something has changed, and never in the
 * middle of a call. A round that fails or takes too long means that the store is lost; rounds go on, and the first good one
 * means that it is back.
 */
import type { Cancel, Clock } from '../../core/clock.ts'
import { describeError, HoldfastError } from '../../core/errors.ts'
import { reportListenerError } from '../../core/events.ts'
import type { Random } from '../../core/random.ts'

export interface PulseOptions {
  readonly clock: Clock
  readonly random: Random
  readonly everyMs: number
  /** A round that takes longer has failed. */
  readonly limitMs: number
  /** Talks with the store; what it resolves to is done with the answer, unless that came too late. */
  readonly round: () => Promise<() => void>
  readonly onLost: (reason: string) => void
  readonly onBack: () => void
}

/** Each beat is longer or shorter by up to this share, so that processes do not beat in step. */
const JITTER = 0.1
/** While the store is lost, beats are at most so many times as long. */
const SLOWEST = 4

export class Pulse {
  readonly #options: PulseOptions
  #cancel: Cancel = () => {}
  #waiting: ((went: boolean) => void)[] = []
  #isSoon = false
  #failures = 0
  #reason: string | undefined
  #running: Promise<void> | undefined
  #phase: 'new' | 'beating' | 'stopped' = 'new'

  constructor(options: PulseOptions) {
    this.#options = options
  }

  /** False while the store is lost. */
  get ok(): boolean {
    return this.#failures === 0
  }

  /** Why the store is lost. */
  get reason(): string | undefined {
    return this.#reason
  }

  /** Resolves after the first round, however it went. */
  async start(): Promise<void> {
    if (this.#phase !== 'new') return
    this.#phase = 'beating'
    await this.#beat()
  }

  /**
   * A round that begins after this: soon, or at once after the one under way. Resolves to whether it went well; while the
   * store is lost to false, without a round of its own.
   */
  hurry(): Promise<boolean> {
    if (this.#phase !== 'beating' || !this.ok) return Promise.resolve(false)
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      if (this.#isSoon) return
      this.#isSoon = true
      if (this.#running === undefined) this.#arm(0)
    })
  }

  /** Resolves when a round under way has ended, or is given up. */
  async stop(): Promise<void> {
    this.#phase = 'stopped'
    this.#cancel()
    await this.#running
    this.#answer(this.#waiting, false)
  }

  #arm(ms: number): void {
    this.#cancel()
    if (this.#phase === 'beating') this.#cancel = this.#options.clock.setTimer(ms, () => void this.#beat(), true)
  }

  async #beat(): Promise<void> {
    const waiting = this.#waiting
    this.#waiting = []
    this.#isSoon = false
    this.#running = this.#round()
    await this.#running
    this.#running = undefined
    this.#answer(waiting, this.ok)
    this.#arm(this.#isSoon ? 0 : this.#nextMs())
  }

  async #round(): Promise<void> {
    const { clock, limitMs, round, onLost, onBack } = this.#options
    let hear: () => void
    try {
      hear = await inTime(clock, limitMs, round())
    } catch (error) {
      this.#reason = describeError(error).message
      if (++this.#failures === 1) onLost(this.#reason)
      this.#answer(this.#waiting.splice(0), false)
      this.#isSoon = false
      return
    }
    const wasLost = this.#failures > 0
    this.#failures = 0
    this.#reason = undefined
    if (this.#phase === 'stopped') return
    try {
      if (wasLost) onBack()
      hear()
    } catch (error) {
      // What others say must not end the beat, whatever it is.
      reportListenerError(error, 'what other processes say of targets')
    }
  }

  #nextMs(): number {
    const { everyMs, random } = this.#options
    return everyMs * Math.min(2 ** this.#failures, SLOWEST) * (1 - JITTER + 2 * JITTER * random())
  }

  #answer(waiting: readonly ((went: boolean) => void)[], went: boolean): void {
    for (const resolve of waiting) resolve(went)
  }
}

/** What comes later is dropped. */
export function inTime<T>(clock: Clock, ms: number, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = (): void =>
      reject(new HoldfastError(`no answer within ${ms} ms`, { code: 'ERR_STORE_UNAVAILABLE', hint: 'Is the store overloaded?' }))
    const cancel = clock.setTimer(ms, late, true)
    void answer.then(resolve, reject).finally(cancel)
  })
}
