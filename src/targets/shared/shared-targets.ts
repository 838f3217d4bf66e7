/**
 * The targets of this process among those of others on the same store: breakers that open and close together, one probe at a
 * time, pauses, isolations and resets that reach everybody, and a 429 that stops all.
 *
 * Local first: no call ever waits for the store. What has changed is told in the background at once, the others are heard when
 * the store hints at news, at the latest at the next beat. A store that is lost leaves every process with what it knows, and is
 * told of once; it comes back by itself. Not for sharing limits.
 */
import type { Clock } from '../../core/clock.ts'
import { systemClock } from '../../core/clock.ts'
import { EventBus, type HoldfastEvent, type Listener, type Observable, type Unobserve } from '../../core/events.ts'
import { type Random, systemRandom } from '../../core/random.ts'
import type { ExchangeAnswer, SharedState } from '../../core/shared-state.ts'
import type { StoredState } from '../../core/state-store.ts'
import { checkDuration, checkKnown, checkName } from '../../core/validate.ts'
import type { TargetRegistry } from '../registry.ts'
import type { Target } from '../target.ts'
import { ByHand, type News, type Wish } from './by-hand.ts'
import { inTime, Pulse } from './pulse.ts'
import { SaidBook, wordsOf } from './said-book.ts'
import { SharedTarget } from './shared-target.ts'
import { StoreTime } from './store-time.ts'
import { type Heard, heardOf, isShareable, type TargetWord, WORD_PREFIX } from './word.ts'

export interface SharedTargetsOptions {
  readonly registry: TargetRegistry
  /** Open; whoever opened it closes it, after `stop`. */
  readonly shared: SharedState
  /** This process and no other, never used again: host, pid and a random part. */
  readonly reporter: string
  /** The beat: how old what is known of the others may be. Default 1 s. */
  readonly every?: number | string
  /** Called when others have paused, resumed or throttled a target; breakers tell by their events. */
  readonly onNews?: () => void
  readonly clock?: Clock
  readonly random?: Random
}

export interface SharedTargetsHealth {
  readonly ok: boolean
  /** Why not. */
  readonly reason: string | undefined
  /** Processes on the store, this one counted; 1 while it is lost. */
  readonly processes: number
}

/** How long words and leases outlive their process, in beats. */
const TTL_BEATS = 5
/** An answer that takes longer is none. */
const LIMIT_BEATS = 1.5
/** Everything is said again every so many beats: a store may have been restarted unnoticed. */
const REPEAT_BEATS = 10
/** What is said as the process leaves may take so long, in ms. */
const LEAVE_MS = 1000

export class SharedTargets implements Observable {
  readonly #registry: TargetRegistry
  readonly #shared: SharedState
  readonly #reporter: string
  readonly #clock: Clock
  readonly #everyMs: number
  readonly #onNews: () => void
  readonly #pulse: Pulse
  readonly #time: StoreTime
  readonly #events = new EventBus()
  readonly #said = new SaidBook()
  readonly #byHand = new ByHand()
  readonly #targets = new Map<string, SharedTarget>()
  #heard: ReadonlyMap<string, readonly Heard[]> = new Map()
  #processes = 1
  #rounds = 0
  #talkedAt = Number.NEGATIVE_INFINITY
  #unobserve: Unobserve = () => {}
  #unhint: () => void = () => {}

  /** @throws OptionError */
  constructor(options: SharedTargetsOptions) {
    checkKnown(options, ['registry', 'shared', 'reporter', 'every', 'onNews', 'clock', 'random'], 'sharedTargets')
    this.#registry = options.registry
    this.#shared = options.shared
    this.#reporter = checkName(options.reporter, 'sharedTargets.reporter')
    this.#clock = options.clock ?? systemClock
    this.#everyMs = checkDuration(options.every ?? '1s', 'sharedTargets.every', 10)
    this.#onNews = options.onNews ?? (() => {})
    this.#time = new StoreTime(this.#clock)
    this.#pulse = new Pulse({
      clock: this.#clock,
      random: options.random ?? systemRandom,
      everyMs: this.#everyMs,
      limitMs: LIMIT_BEATS * this.#everyMs,
      round: () => this.#round(),
      onLost: (reason) => this.#lost(reason),
      onBack: () => this.#back(),
    })
  }

  /** Resolves once the others have been heard, or could not be. Never rejects. The registry has loaded what it stored. */
  async start(): Promise<void> {
    for (const target of this.#registry.all()) this.#takeOver(target)
    this.#unobserve = this.#registry.observe((event) => this.#listen(event))
    this.#registry.accompany({
      made: (target) => this.#made(target),
      refused: ({ name }) => this.#targets.get(name)?.refused(),
    })
    this.#unhint = this.#shared.onWord(() => void this.#pulse.hurry())
    await this.#pulse.start()
    if (this.#pulse.ok) await inTime(this.#clock, LEAVE_MS, this.#byHand.clean(this.#shared, this.#time.now())).catch(() => {})
  }

  /** Takes back what this process said, and lets others probe. Targets go on by themselves. Never rejects. */
  async stop(): Promise<void> {
    this.#unobserve()
    this.#unhint()
    this.#registry.accompany(undefined)
    await this.#pulse.stop()
    await Promise.all([...this.#targets.values()].map((target) => target.stop()))
    await inTime(this.#clock, LEAVE_MS, this.#shared.fallSilent(this.#reporter)).catch(() => {})
  }

  /** `store.degraded` and `store.recovered`. What happens to targets is told by the registry. */
  observe(listener: Listener): Unobserve {
    return this.#events.observe(listener)
  }

  health(): SharedTargetsHealth {
    const { ok, reason } = this.#pulse
    return { ok, reason, processes: ok ? this.#processes : 1 }
  }

  /** How many processes have found the target down, this one counted; those that only follow are not. */
  downs(target: string): number {
    return this.#targets.get(target)?.downs ?? 0
  }

  /** Somebody has paused or resumed the target here. */
  pauseChanged(target: Target): void {
    const until = target.snapshot().pausedUntil
    this.#tell('pause', target, { on: until !== undefined, until: until ?? null, reason: '' })
  }

  /** Somebody has reset the target here. */
  wasReset(target: Target): void {
    this.#of(target)?.reset()
    if (this.#byHand.get('isolate', target.name)?.on) this.#tell('isolate', target, { on: false, until: null, reason: '' })
  }

  #tell(wish: Wish, { name }: Target, register: { on: boolean; until: number | null; reason: string }): void {
    if (!isShareable(name)) return
    const until = register.until !== null && Number.isFinite(register.until) ? register.until : null
    this.#byHand.tell(wish, name, { ...register, until, by: this.#reporter }, this.#time.now())
    void this.#pulse.hurry()
  }

  /** What it has been since before. */
  #takeOver(target: Target): void {
    const { breaker, pausedUntil } = target.snapshot()
    const by = this.#reporter
    if (breaker?.state === 'open') this.#of(target)
    if (breaker?.state === 'isolated') this.#byHand.assume('isolate', target.name, { by, until: null, reason: breaker.reason })
    if (pausedUntil !== undefined)
      this.#byHand.assume('pause', target.name, { by, until: Number.isFinite(pausedUntil) ? pausedUntil : null, reason: '' })
  }

  #made(target: Target): void {
    for (const wish of ['pause', 'isolate'] as const) {
      const register = this.#byHand.get(wish, target.name)
      if (register?.on) this.#apply({ wish, target: target.name, register })
    }
    const heard = this.#heard.get(target.name)
    if (heard !== undefined) this.#of(target)?.hear(heard)
  }

  #listen(event: HoldfastEvent): void {
    const target = event.target === undefined ? undefined : this.#registry.find(event.target)
    if (target === undefined) return
    if (event.type === 'circuit-breaker.rejected') this.#targets.get(target.name)?.refused()
    else if (event.type === 'rate-limiter.blocked' && event.by === 'server') this.#of(target)?.throttled(event.retryAfterMs)
    else if (event.type === 'circuit-breaker.changed') {
      this.#of(target)?.changed(event)
      // One that ends by itself ends for all; what the others have told is known here before it changes anything.
      const on = event.to === 'isolated'
      if ((on || event.from === 'isolated') && on !== (this.#byHand.get('isolate', target.name)?.on ?? false))
        this.#tell('isolate', target, { on, until: null, reason: event.reason })
    }
  }

  #of(target: Target): SharedTarget | undefined {
    const known = this.#targets.get(target.name)
    if (known?.target === target || !isShareable(target.name)) return known
    void known?.stop()
    const made = new SharedTarget(target, {
      clock: this.#clock,
      shared: this.#shared,
      owner: this.#reporter,
      leaseMs: TTL_BEATS * this.#everyMs,
      limitMs: LIMIT_BEATS * this.#everyMs,
      everyMs: this.#everyMs,
      time: this.#time,
      talk: () => this.#pulse.hurry(),
      isStoreThere: () => this.#pulse.ok,
      processes: () => this.#processes,
    })
    this.#targets.set(target.name, made)
    return made
  }

  async #round(): Promise<() => void> {
    const askedAt = this.#clock.now()
    for (const target of this.#targets.values()) target.tick()
    const round = ++this.#rounds
    if (round % REPEAT_BEATS === 0 || askedAt - this.#talkedAt > (TTL_BEATS - 1) * this.#everyMs) this.#said.doubt()
    const news = this.#said.unsaid(this.#words())
    const ttlMs = TTL_BEATS * this.#everyMs
    this.#said.doubt(news.keys())
    try {
      const exchange = this.#shared.exchange({ reporter: this.#reporter, words: wordsOf(news), ttlMs })
      const [answer, rows] = await Promise.all([exchange, this.#byHand.exchange(this.#shared)])
      return () => {
        this.#said.noted(news)
        this.#hear(answer, rows, askedAt)
      }
    } finally {
      // Given up meanwhile: the store may have taken these words after newer ones.
      if (round !== this.#rounds) this.#said.doubt(news.keys())
    }
  }

  #words(): Map<string, TargetWord> {
    const now = this.#clock.now()
    const words = new Map<string, TargetWord>()
    for (const [name, target] of this.#targets) {
      const word = target.word(now)
      if (word !== undefined) words.set(name, word)
    }
    return words
  }

  #hear(answer: ExchangeAnswer, rows: readonly StoredState[], askedAt: number): void {
    const isClockSet = this.#time.learn(answer.now, askedAt)
    this.#talkedAt = this.#clock.now()
    this.#processes = Math.max(1, answer.reporters.length)
    this.#heard = heardByTarget(answer, this.#talkedAt)
    if (isClockSet) {
      this.#said.doubt()
      for (const target of this.#targets.values()) target.clockSet()
    }
    for (const news of this.#byHand.learn(rows)) this.#apply(news)
    for (const name of new Set([...this.#heard.keys(), ...this.#targets.keys()])) this.#hearOf(name)
    if (this.#said.unsaid(this.#words()).size > 0) void this.#pulse.hurry()
  }

  #hearOf(name: string): void {
    const target = this.#registry.find(name)
    const shared = target && this.#of(target)
    shared?.hear(this.#heard.get(name) ?? [])
    if (shared === undefined || shared.isIdle) this.#targets.delete(name)
  }

  /** What somebody told another process. */
  #apply({ wish, target: name, register: { on, until, reason } }: News): void {
    const target = this.#registry.find(name)
    if (target === undefined) return
    if (wish === 'pause') {
      if (on) target.pause(until ?? undefined)
      else target.resume()
      this.#registry.save(name)
      this.#onNews()
    } else if (on !== (target.breaker?.state === 'isolated'))
      this.#of(target)?.steer(() =>
        on ? target.isolate(reason || undefined) : target.reset('the isolation was lifted in another process'),
      )
  }

  #lost(reason: string): void {
    this.#heard = new Map()
    for (const target of this.#targets.values()) target.lost()
    this.#said.doubt()
    const story = `shared state (${this.#shared.description}): ${reason}; this process goes on with what it knows`
    this.#events.emit({ type: 'store.degraded', at: this.#clock.wallNow(), reason: story })
  }

  #back(): void {
    for (const target of this.#targets.values()) target.back()
    this.#events.emit({ type: 'store.recovered', at: this.#clock.wallNow() })
  }
}

function heardByTarget({ words, now: storeNow }: ExchangeAnswer, now: number): ReadonlyMap<string, readonly Heard[]> {
  const byTarget = new Map<string, Heard[]>()
  for (const word of words) {
    const heard = word.name.startsWith(WORD_PREFIX) ? heardOf(word, storeNow, now) : undefined
    if (heard === undefined) continue
    const name = word.name.slice(WORD_PREFIX.length)
    const others = byTarget.get(name)
    if (others === undefined) byTarget.set(name, [heard])
    else others.push(heard)
  }
  return byTarget
}
