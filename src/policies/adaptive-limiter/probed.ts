/**
 * Takes the baseline of an algorithm anew from time to time, under less load: a round trip measured while the limit is full
 * contains the queue that the limit itself made, and as a baseline it would justify that queue and the next one on top.
 *
 * A probe halves the limit, window by window, until the round trip no longer falls; that one is the baseline. Then the limit
 * goes on at what Little's law says ran without queueing, `limit × baseline / rtt`. Only a full limit is probed so: one that
 * is half empty measures its baseline as it is, for nothing.
 *
 * The caller must not count calls that began under an earlier limit: they bring the old queue with them.
 */
import type { Random } from '../../core/random.ts'
import { isIdle, type Limit, type LimitReason } from './limit.ts'

/** An algorithm that compares with a baseline, and lets it be set. */
export interface BaselineLimit extends Omit<Limit, 'restore' | 'learnt'> {
  rebase(value: number, baselineMs: number | undefined, reason: LimitReason): void
}

/** A round trip that fell by less than this has stopped falling. */
const STILL_FALLING = 0.9

interface Probe {
  value: number
  rttMs: number
  readonly before: { readonly value: number; readonly rttMs: number }
}

export class Probed implements Limit {
  readonly #inner: BaselineLimit
  readonly #min: number
  readonly #everyMs: number
  readonly #random: Random
  readonly #enforced: boolean
  #dueAt = Number.NEGATIVE_INFINITY
  #probe: Probe | undefined

  /**
   * Probes about every `everyMs`, at random between half and all of it, so that many processes do not probe as one. Where
   * nothing is `enforced` a lower limit lowers no load, and a full one is not probed.
   */
  constructor(inner: BaselineLimit, min: number, everyMs: number, random: Random, enforced = true) {
    this.#enforced = enforced
    this.#inner = inner
    this.#min = min
    this.#everyMs = everyMs
    this.#random = random
  }

  get value(): number {
    return this.#probe?.value ?? this.#inner.value
  }

  get learnt(): number {
    return this.#inner.value
  }

  get reason(): LimitReason {
    return this.#probe === undefined ? this.#inner.reason : 'probe'
  }

  get baselineMs(): number | undefined {
    return this.#inner.baselineMs
  }

  onSample(now: number, rttMs: number, inFlight: number, dropped: boolean): void {
    if (this.#probe !== undefined) return this.#step(this.#probe, now, rttMs, inFlight, dropped)
    const { value } = this.#inner
    if (!dropped && now >= this.#dueAt) {
      const full = this.#enforced && inFlight >= Math.floor(value)
      if (full && value > this.#min) return this.#begin(value, rttMs)
      if (full || isIdle(value, inFlight)) this.#take(now, rttMs)
    }
    this.#inner.onSample(now, rttMs, inFlight, dropped)
  }

  /** The round trip as it is, for want of a lower limit, or because so little runs. */
  #take(now: number, rttMs: number): void {
    this.#inner.rebase(this.#inner.value, rttMs, this.#inner.reason)
    this.#schedule(now)
  }

  #begin(value: number, rttMs: number): void {
    this.#probe = { value: this.#half(value), rttMs, before: { value, rttMs } }
  }

  #step(probe: Probe, now: number, rttMs: number, inFlight: number, dropped: boolean): void {
    if (!dropped && rttMs < probe.rttMs * STILL_FALLING && probe.value > this.#min) {
      probe.rttMs = rttMs
      probe.value = this.#half(probe.value)
      return
    }
    this.#probe = undefined
    this.#schedule(now)
    const { before } = probe
    // A window without losses is part of the measurement; one with them ends it where it is.
    const baselineMs = dropped ? probe.rttMs : Math.min(rttMs, probe.rttMs)
    this.#inner.rebase(Math.max(probe.value, before.value * Math.min(1, baselineMs / before.rttMs)), baselineMs, 'probe')
    if (dropped) this.#inner.onSample(now, rttMs, inFlight, true)
  }

  #half(value: number): number {
    return Math.max(this.#min, Math.floor(value / 2))
  }

  #schedule(now: number): void {
    this.#dueAt = now + this.#everyMs * (0.5 + 0.5 * this.#random())
  }

  restore(now: number, value: number, baselineMs: number | undefined): void {
    this.#probe = undefined
    this.#inner.rebase(value, baselineMs, 'restored')
    if (baselineMs === undefined) this.#dueAt = Number.NEGATIVE_INFINITY
    else this.#schedule(now)
  }
}
