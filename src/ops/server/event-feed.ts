/**
 * Server-sent events for one client: what happens, thinned to what a person can follow.
 *
 * Events are gathered and sent in bursts. A client that reads slowly, or a storm of events, costs a bounded buffer: the
 * oldest go, and a `lost` event says how many. A comment now and then keeps proxies from closing a quiet stream.
 */
import type { Clock } from '../../core/clock.ts'
import type { HoldfastEvent, Observable } from '../../core/events.ts'
import { redact } from '../redact.ts'

export interface FeedOptions {
  readonly clock: Clock
  /** How often a burst goes, in ms. Default 200. */
  readonly everyMs?: number
  /** Events kept for the next burst. Default 200. */
  readonly buffer?: number
  /** Quiet time until a comment goes, in ms. Default 15 s. */
  readonly heartbeatMs?: number
  /** Aborts when the server closes. */
  readonly closing?: AbortSignal | undefined
  /** Called once, when the stream is over, whoever ended it. */
  readonly onEnd?: () => void
}

/** A stream of `text/event-stream` bytes. Listens to the source until it is cancelled or the server closes. */
export function eventFeed(source: Observable, options: FeedOptions): ReadableStream<Uint8Array> {
  const feed = new EventFeed(source, options)
  return new ReadableStream<Uint8Array>(
    { start: (controller) => feed.start(controller), cancel: () => feed.end() },
    // At most two bursts wait for a slow reader; what comes then waits, bounded, in the feed.
    { highWaterMark: 2 },
  )
}

class EventFeed {
  readonly #source: Observable
  readonly #clock: Clock
  readonly #everyMs: number
  readonly #limit: number
  readonly #heartbeatMs: number
  readonly #closing: AbortSignal | undefined
  readonly #onEnd: () => void
  readonly #encoder = new TextEncoder()
  #waiting: HoldfastEvent[] = []
  #lost = 0
  #stops: (() => void)[] = []
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  #cancelBurst: (() => void) | undefined
  #cancelHeartbeat: (() => void) | undefined

  constructor(source: Observable, options: FeedOptions) {
    this.#source = source
    this.#clock = options.clock
    this.#everyMs = options.everyMs ?? 200
    this.#limit = options.buffer ?? 200
    this.#heartbeatMs = options.heartbeatMs ?? 15_000
    this.#closing = options.closing
    this.#onEnd = options.onEnd ?? (() => {})
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller
    const closed = (): void => this.end(true)
    this.#closing?.addEventListener('abort', closed, { once: true })
    this.#stops = [this.#source.observe((event) => this.#take(event)), () => this.#closing?.removeEventListener('abort', closed)]
    this.#send(`retry: 2000\nevent: hello\ndata: ${JSON.stringify({ now: this.#clock.wallNow() })}\n\n`)
    if (this.#closing?.aborted) this.end(true)
  }

  end(close = false): void {
    if (this.#controller === undefined) return
    const controller = this.#controller
    this.#controller = undefined
    this.#cancelBurst?.()
    this.#cancelHeartbeat?.()
    for (const stop of this.#stops) stop()
    this.#waiting = []
    if (close) controller.close()
    this.#onEnd()
  }

  #take(event: HoldfastEvent): void {
    this.#waiting.push(event)
    // Trimmed in halves, so that a storm costs no shift per event.
    if (this.#waiting.length >= this.#limit * 2) this.#trim()
    this.#cancelBurst ??= this.#clock.setTimer(this.#everyMs, () => this.#burst(), true)
  }

  #trim(): void {
    const surplus = this.#waiting.length - this.#limit
    if (surplus <= 0) return
    this.#waiting.splice(0, surplus)
    this.#lost += surplus
  }

  #burst(): void {
    this.#cancelBurst = undefined
    this.#trim()
    if ((this.#controller?.desiredSize ?? 0) <= 0) {
      this.#cancelBurst = this.#clock.setTimer(this.#everyMs, () => this.#burst(), true)
      return
    }
    let text = this.#waiting.map((event) => `data: ${JSON.stringify(redact(event))}\n\n`).join('')
    if (this.#lost > 0) text += `event: lost\ndata: ${JSON.stringify({ count: this.#lost })}\n\n`
    this.#waiting = []
    this.#lost = 0
    this.#send(text)
  }

  #send(text: string): void {
    this.#controller?.enqueue(this.#encoder.encode(text))
    this.#cancelHeartbeat?.()
    this.#cancelHeartbeat = this.#clock.setTimer(this.#heartbeatMs, () => this.#heartbeat(), true)
  }

  #heartbeat(): void {
    if ((this.#controller?.desiredSize ?? 0) > 0) this.#send(': still here\n\n')
    else this.#cancelHeartbeat = this.#clock.setTimer(this.#heartbeatMs, () => this.#heartbeat(), true)
  }
}
