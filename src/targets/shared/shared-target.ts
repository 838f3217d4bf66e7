/**
 * One target among several processes: what this one says of it, what it makes of what the others say, and whose turn it is
 * to probe. It steers the target's own breaker, which goes on deciding by itself, at once, without asking anybody.
 */
import type { Clock } from '../../core/clock.ts'
import type { BreakerChange } from '../../policies/circuit-breaker/settings.ts'
import type { Target } from '../target.ts'
import { ProbeTurn, type TurnPorts } from './probe-turn.ts'
import type { StoreTime } from './store-time.ts'
import { judge, type Verdict } from './verdict.ts'
import type { Finding, Heard, TargetWord } from './word.ts'

export interface SharedTargetPorts extends Pick<TurnPorts, 'clock' | 'shared' | 'owner' | 'leaseMs' | 'limitMs' | 'talk'> {
  readonly time: StoreTime
  readonly everyMs: number
  /** False while the store is lost. */
  readonly isStoreThere: () => boolean
  /** How many processes there are, this one counted. */
  readonly processes: () => number
}

/** The turn to probe, which nobody has asked for, is held ready for so long. */
const READY_MS = 300_000
/** A call that could have been a probe is spoken of for so many beats. */
const WANT_BEATS = 3

export class SharedTarget {
  readonly target: Target
  readonly #ports: SharedTargetPorts
  readonly #clock: Clock
  readonly #turn: ProbeTurn
  #heard: readonly Heard[] = []
  /** What this process has found out itself: its word, while its breaker is not closed. */
  #finding: Omit<Finding, 'leftMs' | 'several'> | undefined
  /** The stamp of the finding that it follows. */
  #followed = 0
  /** When the open time is over, monotonic ms. */
  #endAt = Number.NEGATIVE_INFINITY
  #openedAt = Number.NEGATIVE_INFINITY
  #halfOpenAt = Number.NEGATIVE_INFINITY
  /** The stamp of the newest close that is known. */
  #closedAt = 0
  #close: { readonly at: number; readonly byHand: boolean; readonly tellUntil: number } | undefined
  /** Whose word closed it last, and when, monotonic ms. */
  #believed: { readonly reporter: string; readonly since: number } | undefined
  /**
   * Whose word it was after which every call failed here: until a call succeeds, or they find the target down themselves, this
   * process believes only its own probes. So one that cannot reach the target is not sent into it again and again.
   */
  #doubts: string | undefined
  /** The last finding of all is that a probe of this process was bad. */
  #probedLast = false
  #wantedAt = Number.NEGATIVE_INFINITY
  #patience: { readonly at: number; readonly endAt: number } | undefined
  #patienceAt = 0
  /** True while what happens to the breaker is this object's doing. */
  #isActing = false

  constructor(target: Target, ports: SharedTargetPorts) {
    this.target = target
    this.#ports = ports
    this.#clock = ports.clock
    this.#turn = new ProbeTurn({
      ...ports,
      lease: `probe:${target.name}`,
      isDue: () => this.#isDue(this.#clock.now()),
      isUsed: () => this.target.breaker?.state === 'half-open',
      onGranted: () => this.#act(({ breaker }) => breaker?.probe('the open time is over, this process probes')),
    })
    this.#adopt()
  }

  /** What it was before anybody spoke, such as an open breaker of before a restart, is nobody's finding. */
  #adopt(): void {
    const answer = this.target.breaker?.state === 'open' ? this.target.breaker.peek() : { slots: 0 }
    if ('slots' in answer) return
    this.#endAt = this.#clock.now() + (answer.retryAfterMs ?? 0)
    this.#hold()
  }

  /** How many processes say that it is down, this one counted. */
  get downs(): number {
    return this.#judge().downs
  }

  /** Nothing of it is worth remembering. */
  get isIdle(): boolean {
    const isClosed = (this.target.breaker?.state ?? 'closed') === 'closed'
    return isClosed && this.#heard.length === 0 && this.#turn.isIdle && this.word(this.#clock.now()) === undefined
  }

  /** Its breaker has changed. */
  changed(event: BreakerChange): void {
    if (event.to === 'half-open') this.#halfOpenAt = this.#clock.now()
    if (this.#isActing) return
    if (event.to === 'open') this.#opened(event)
    else if (event.to === 'closed') this.#closed(event.from !== 'half-open')
    else if (event.to !== 'half-open') this.#finding = undefined
    else return
    void this.#tellAndGiveBack()
  }

  #opened({ from, reason, retryAfterMs = 0 }: BreakerChange): void {
    const now = this.#clock.now()
    if (this.#believed !== undefined && this.target.answeredAt < this.#believed.since) this.#doubts = this.#believed.reporter
    this.#believed = undefined
    this.#finding = { at: this.#stamp(), openings: this.target.breaker?.status().openings ?? 1, reason }
    this.#probedLast = from === 'half-open'
    this.#endAt = now + retryAfterMs
    this.#openedAt = now
    this.#hold()
  }

  #closed(byHand: boolean): void {
    this.#settleClosed(this.#stamp())
    this.#doubts = undefined
    const tellUntil = this.#clock.now() + 2 * this.#ports.leaseMs
    this.#close = { at: this.#closedAt, byHand, tellUntil }
    if (byHand) this.#forgetPatience()
  }

  /** Somebody has reset it in this process, whatever its breaker was. */
  reset(): void {
    this.#closed(true)
    void this.#tellAndGiveBack()
  }

  /** Does to the target what somebody told another process, who has told the others. */
  steer(action: () => void): void {
    this.#finding = undefined
    this.#act(action)
  }

  #settleClosed(at: number): void {
    this.#closedAt = Math.max(this.#closedAt, at)
    this.#finding = undefined
    this.#wantedAt = Number.NEGATIVE_INFINITY
  }

  async #tellAndGiveBack(): Promise<void> {
    await this.#ports.talk()
    if (this.target.breaker?.state !== 'half-open') await this.#turn.giveBack()
  }

  /** The target asked everybody to stay away. */
  throttled(ms: number): void {
    if (this.#isActing) return
    this.#patience = { at: this.#stamp(), endAt: this.#clock.now() + ms }
    this.#patienceAt = this.#patience.at
    void this.#ports.talk()
  }

  #forgetPatience(): void {
    this.#patience = undefined
    this.#patienceAt = this.#closedAt
  }

  /** A call, or work that waits, was refused because the breaker is open. */
  refused(): void {
    const now = this.#clock.now()
    const isNews = now - this.#wantedAt > this.#ports.everyMs
    this.#wantedAt = now
    if (!isNews || !this.#isDue(now) || !this.#ports.isStoreThere()) return
    this.#turn.askIfDue()
    void this.#ports.talk()
  }

  /** What it has to say; undefined for nothing. */
  word(now: number): TargetWord | undefined {
    const state = this.target.breaker?.state ?? 'closed'
    const close = this.#close !== undefined && this.#close.tellUntil > now ? this.#close : undefined
    const patience = this.#patience !== undefined && this.#patience.endAt > now ? this.#patience : undefined
    const says = {
      ...(this.#finding &&
        (state === 'open' || state === 'half-open') && {
          down: { ...this.#finding, several: this.target.isDown, leftMs: left(this.#endAt, now) },
        }),
      ...(this.#heard.some(({ down }) => down !== undefined) && this.target.isAnswering && { up: true as const }),
      ...(close && { closed: { at: close.at, ...(close.byHand && { byHand: true as const }) } }),
      ...(this.#isDue(now) && !this.#turn.isHeld && this.#wants(now) && { wants: true as const }),
      ...(patience && { patience: { at: patience.at, leftMs: left(patience.endAt, now) } }),
    }
    return Object.keys(says).length === 0 ? undefined : { version: 1, ...says }
  }

  #wants(now: number): boolean {
    return now - this.#wantedAt < WANT_BEATS * this.#ports.everyMs
  }

  /** All that the others say of it now. */
  hear(heard: readonly Heard[]): void {
    this.#heard = heard
    this.#hearCloses()
    this.#hearPatience()
    const { breaker } = this.target
    const verdict = this.#judge()
    const { isDown, ups, newest } = verdict
    if (breaker?.state === 'closed' && isDown && newest) this.#follow(newest, verdict)
    else if (breaker?.state === 'open') {
      if (this.#finding === undefined && ups > 0 && !isDown) this.#recover(`${ups} processes reach it, ${verdict.downs} do not`)
      else if (newest && newest.at > Math.max(this.#finding?.at ?? 0, this.#followed)) this.#follow(newest, verdict)
    } else if (breaker?.state === 'half-open') this.#hearWants()
  }

  #judge(): Verdict {
    return judge({ downAt: this.#finding?.at, up: this.target.isAnswering, closedAt: this.#closedAt }, this.#heard)
  }

  #hearCloses(): void {
    const doubted = this.#heard.find(({ reporter }) => reporter === this.#doubts)
    if (doubted?.down && doubted.down.at > this.#closedAt) this.#doubts = undefined
    let newest: { at: number; byHand: boolean; reporter: string } | undefined
    for (const { closed, reporter } of this.#heard)
      if (closed && closed.at > (newest?.at ?? this.#closedAt)) newest = { ...closed, reporter }
    if (newest === undefined) return
    const { at, byHand, reporter } = newest
    const isOlder = (this.#finding?.at ?? 0) < at
    this.#closedAt = at
    if (byHand) this.#resetElsewhere()
    else if (isOlder && this.#doubts === undefined) {
      if (this.target.isOpen) this.#believed = { reporter, since: this.#clock.now() }
      this.#recover('the probe of another process was good')
    }
  }

  #resetElsewhere(): void {
    this.#doubts = undefined
    this.#settleClosed(this.#closedAt)
    this.#forgetPatience()
    if (this.target.breaker?.state !== 'isolated') this.#act((target) => target.reset('reset by hand in another process'))
    void this.#turn.giveBack()
  }

  #recover(reason: string): void {
    this.#settleClosed(this.#closedAt)
    this.#act(({ breaker }) => breaker?.recover(reason))
    void this.#turn.giveBack()
  }

  #hearPatience(): void {
    const now = this.#clock.now()
    for (const { patience } of this.#heard) {
      if (patience === undefined || patience.at <= this.#patienceAt || patience.endAt <= now) continue
      this.#patienceAt = patience.at
      this.#act((target) => target.throttle(patience.endAt - now))
    }
  }

  #follow(finding: NonNullable<Heard['down']>, { downs }: Verdict): void {
    const now = this.#clock.now()
    const openFor = left(finding.endAt, now)
    const { openings } = finding
    const reason = `opened by ${downs} of ${this.#ports.processes()} processes: ${finding.reason}`
    this.#followed = finding.at
    this.#probedLast = false
    if (this.target.breaker?.state === 'closed') this.#openedAt = now
    this.#act((target) => {
      target.breaker?.follow({ reason, openFor, openings })
      if (finding.several) target.assumeOutage()
    })
    const answer = this.target.breaker?.peek() ?? { slots: 0 }
    this.#endAt = now + (openFor > 0 && 'retryAfterMs' in answer ? (answer.retryAfterMs ?? 0) : 0)
    this.#hold()
  }

  /** Once a beat: what time alone changes. */
  tick(): void {
    const now = this.#clock.now()
    const state = this.target.breaker?.state
    if (state === 'open') {
      this.#wait(now)
      if (this.#wants(now) && this.#isDue(now)) this.#turn.askAt(now)
      else this.#turn.askIfDue()
    } else if (state === 'half-open') void this.#keepTurn(now)
  }

  async #keepTurn(now: number): Promise<void> {
    const isUnused = this.#wantedAt < this.#openedAt && now - this.#halfOpenAt >= READY_MS
    if (isUnused) this.#giveWay('nobody has called it since', Number.POSITIVE_INFINITY)
    else if (!(await this.#turn.keep())) this.#giveWay('another process probes', 2 * this.#ports.everyMs)
  }

  /** Half-open without a call to probe with keeps others from probing: who has one comes first. */
  #hearWants(): void {
    const isNew = this.#clock.now() - this.#halfOpenAt < this.#ports.everyMs
    if (!isNew && this.#heard.some(({ wants }) => wants))
      this.#giveWay('another process has a call to probe with', 2 * this.#ports.everyMs)
  }

  #giveWay(reason: string, forMs: number): void {
    const { breaker } = this.target
    if (breaker?.state !== 'half-open' || breaker.status().probes.running > 0) return
    const now = this.#clock.now()
    this.#endAt = now
    this.#act(() => breaker.follow({ reason, openFor: 0 }))
    this.#wait(now)
    this.#turn.askAt(now + forMs)
    void this.#turn.giveBack()
  }

  /** The store is lost: every process probes by itself. */
  lost(): void {
    this.#heard = []
    this.#act(({ breaker }) => breaker?.holdProbes(0))
  }

  /** The store is back, and with it the others. */
  back(): void {
    if (this.target.breaker?.state === 'open') this.#hold()
  }

  /** The store's clock was set: stamps of before do not compare with those of after. */
  clockSet(): void {
    this.#closedAt = 0
    this.#followed = 0
    this.#patienceAt = 0
    this.#close = undefined
    if (this.#finding) this.#finding = { ...this.#finding, at: this.#stamp() }
  }

  stop(): Promise<void> {
    return this.#turn.stop()
  }

  /** Keeps the open breaker from probing without the turn, and plans to ask for it. */
  #hold(): void {
    const now = this.#clock.now()
    if (!this.#ports.isStoreThere()) return
    this.#wait(now)
    this.#turn.askAt(this.#endAt + this.#politeness())
  }

  /** Until the beat after next, and a store that takes its time: a store that is lost is noticed before that. */
  #wait(now: number): void {
    const { everyMs, limitMs } = this.#ports
    if (this.#ports.isStoreThere()) this.target.breaker?.holdProbes(left(this.#endAt, now) + 2.5 * everyMs + limitMs)
  }

  /**
   * Who has probed last lets the others ask first, since it may be the one that cannot reach the target; so does who has nothing
   * to probe with.
   */
  #politeness(): number {
    const isUsed = this.#finding !== undefined || this.#wantedAt >= this.#openedAt
    const letsOthers = this.#probedLast || this.#doubts !== undefined || !isUsed
    return letsOthers && this.#ports.processes() > 1 ? this.#ports.everyMs / 2 : 0
  }

  #isDue(now: number): boolean {
    return this.target.breaker?.state === 'open' && now >= this.#endAt
  }

  /** Later than everything that this process knows. */
  #stamp(): number {
    const known = this.#heard.reduce((latest, { down }) => Math.max(latest, down?.at ?? 0), this.#closedAt)
    return Math.max(this.#ports.time.now(), known + 1, (this.#finding?.at ?? 0) + 1)
  }

  #act(action: (target: Target) => void): void {
    const wasActing = this.#isActing
    this.#isActing = true
    try {
      action(this.target)
    } finally {
      this.#isActing = wasActing
    }
  }
}

function left(endAt: number, now: number): number {
  return Math.max(0, Math.ceil(endAt - now))
}
