/**
 * The way to the store of a shared limit: each question bounded in time, and none while it is lost but one now and then to see
 * whether it is back. Without a timer: the calls that come bring the questions.
 */
import { answerWithin } from '../../../core/answer-within.ts'
import type { SharedState, TakeAnswer, TakeRequest } from '../../../core/shared-state.ts'
import { askersPrefix } from './bucket-name.ts'
import type { SharedRules } from './options.ts'

export type TokenRequest = Pick<TakeRequest, 'name' | 'cost' | 'atLeast' | 'maxWaitMs'>

const FIRST_REST_MS = 250
const LONGEST_REST_MS = 5000
/** A process that asks shows itself so often. */
const SHOW_MS = 10_000
/** Who was not seen for so long, or for the `per` of the limit, shares it no more: rare calls are rarely seen. */
const GONE_MS = 30_000
/** Marks of those who are gone are removed, so many at a time. */
const SWEEP = 10

export class StoreLink {
  readonly #rules: SharedRules
  readonly #onChange: (trouble: unknown) => void
  #asked = 0
  #failures = 0
  #restsUntil = Number.NEGATIVE_INFINITY
  #shownAt = Number.NEGATIVE_INFINITY
  #askers = 1
  #telling: Promise<unknown> = Promise.resolve()

  /** @param onChange told what went wrong when the store is lost, and undefined when it is back */
  constructor(rules: SharedRules, onChange: (trouble: unknown) => void) {
    this.#rules = rules
    this.#onChange = onChange
  }

  get lost(): boolean {
    return this.#failures > 0
  }

  /** How many share the limit, this process included. */
  get processes(): number {
    const told = this.#rules.processes?.() ?? this.#askers
    return Number.isFinite(told) ? Math.max(1, told) : 1
  }

  /**
   * @throws what went wrong; the store counts as lost then. What it grants too late goes back.
   */
  async take(request: TokenRequest): Promise<{ readonly answer: TakeAnswer; readonly requestId: string }> {
    const { limit, perMs, burst, state, clock, storeTimeoutMs } = this.#rules
    const requestId = this.#nextId()
    const whole = { ...request, intervalMs: perMs / limit, burst, requestId }
    const asking = (async () => state.take(whole))()
    try {
      const answer = await answerWithin(clock, storeTimeoutMs, () => asking)
      this.#answered()
      return { answer, requestId }
    } catch (error) {
      asking.then(({ granted }) => this.giveBack(request.name, granted, requestId)).catch(ignore)
      this.#failed(error)
      throw error
    }
  }

  /** In the background. Names the take when all of it goes back. */
  giveBack(name: string, tokens: number, requestId = this.#nextId()): void {
    const { limit, perMs, burst } = this.#rules
    if (tokens > 0) this.#tell((state) => state.giveBack({ name, tokens, intervalMs: perMs / limit, burst, requestId }))
  }

  /** In the background. */
  block(name: string, ms: number): void {
    this.#tell((state) => state.block(name, ms))
  }

  /** Resolves when all that was told in the background is done, or has taken too long. */
  async settled(): Promise<void> {
    await this.#telling
  }

  /** Takes back our mark. */
  leave(): void {
    if (this.#shownAt === Number.NEGATIVE_INFINITY) return
    // What comes of this must not show us again.
    this.#shownAt = this.#rules.clock.now()
    this.#tell((state) => state.deleteState(this.#mark))
  }

  #tell(tell: (state: SharedState) => Promise<void>): void {
    const { state, clock, storeTimeoutMs } = this.#rules
    const telling = answerWithin(clock, storeTimeoutMs, () => tell(state)).then(
      () => this.#answered(),
      (error: unknown) => this.#failed(error),
    )
    this.#telling = Promise.all([this.#telling, telling])
  }

  /** When it is time, looks in the background whether the store is back. */
  look(): void {
    const { clock } = this.#rules
    if (clock.now() < this.#restsUntil) return
    this.#rest()
    this.#tell(async (state) => void (await state.now()))
  }

  #answered(): void {
    if (this.#failures > 0) {
      this.#failures = 0
      this.#onChange(undefined)
    }
    const now = this.#rules.clock.now()
    if (this.#rules.processes !== undefined || now - this.#shownAt < SHOW_MS) return
    this.#shownAt = now
    this.#tell((state) => this.#show(state))
  }

  #failed(error: unknown): void {
    this.#failures++
    this.#rest()
    if (this.#failures === 1) this.#onChange(error)
  }

  #rest(): void {
    const ms = Math.min(FIRST_REST_MS * 2 ** (this.#failures - 1), LONGEST_REST_MS)
    this.#restsUntil = this.#rules.clock.now() + ms
  }

  get #mark(): string {
    return `${askersPrefix(this.#rules.name)}${this.#rules.owner}`
  }

  /** All times are the store's: the latest mark, ours, is its present. */
  async #show(state: SharedState): Promise<void> {
    await state.writeState(this.#mark, 1)
    const marks = await state.readStates(askersPrefix(this.#rules.name))
    const latest = Math.max(...marks.map(({ updatedAt }) => updatedAt))
    const goneMs = Math.max(GONE_MS, this.#rules.perMs)
    const gone = marks.filter(({ updatedAt }) => updatedAt < latest - goneMs)
    this.#askers = marks.length - gone.length
    for (const { name } of gone.slice(0, SWEEP)) await state.deleteState(name)
  }

  #nextId(): string {
    // Stryker disable next-line UpdateOperator: any other number will do
    return `${this.#rules.owner}-${(++this.#asked).toString(36)}`
  }
}

function ignore(): void {}
