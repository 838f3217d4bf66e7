/**
 * What the policies of one call decided, in order. A trace exists for explained calls only: it is wound around the stages when
 * they are linked for such a call, and no other call knows of it.
 */
import type { Clock } from './clock.ts'
import type { Plain, PlainRecord } from './description.ts'
import { describePolicy, type PolicyDescription } from './description.ts'
import { describeError, type ErrorSummary, isHoldfastError } from './errors.ts'
import type { HoldfastEvent, Unobserve } from './events.ts'
import type { LiveExecution } from './execution.ts'
import type { Policy } from './policy.ts'
import { reasonOf } from './reasons.ts'

/** One decision of one policy. */
export interface Decision {
  /** Ms since the call began. */
  readonly atMs: number
  /** The policy's name; `operation` for what was called, `caller` for who called. */
  readonly policy: string
  /** Which kind of policy, as in its description. */
  readonly type: string
  /** Of which attempt, from 1. */
  readonly attempt: number
  /** What was decided, in a word: `admitted`, `waiting`, `rejected`, `scheduled`, `gave-up`, `expired`, `used` … */
  readonly verdict: string
  /** Why, in a sentence for people. */
  readonly reason: string
  /** What it was decided on: the policy's numbers at that moment. */
  readonly numbers: PlainRecord
  /** Ms from then until it goes on, or until another try makes sense. */
  readonly etaMs?: number
  readonly error?: ErrorSummary
}

export interface Note {
  readonly numbers?: PlainRecord | undefined
  readonly reason?: string | undefined
  readonly error?: unknown
}

/** What the wrapped stages tell by themselves, with more about it. */
const TOLD_BY_STAGES = /\.(?:rejected|queued|delayed)|timeout\.(?:expired|abandoned)/

export class Trace {
  readonly decisions: Decision[] = []
  /** How often the operation was called. */
  calls = 0
  /** Who settled last: the source of a value, which cannot be recognised like an error. Before anybody did, whoever called. */
  lastSource = 'caller'
  readonly #clock: Clock
  readonly #startedAt: number
  readonly #listener: (decision: Decision) => void
  readonly #id: () => string
  readonly #sources = new WeakMap<object, string>()
  readonly #observed = new Map<Policy, Unobserve>()
  /** The policy that decides just now, and what it tells meanwhile. */
  #deciding: { readonly part: Policy; numbers: PlainRecord } | undefined
  #over = false

  constructor(clock: Clock, id: () => string, listener: (decision: Decision) => void = () => {}) {
    this.#clock = clock
    this.#startedAt = clock.now()
    this.#id = id
    this.#listener = listener
  }

  get elapsedMs(): number {
    return this.#clock.now() - this.#startedAt
  }

  /** Hears what a policy tells of this call, until `end`. */
  observe(part: Policy): void {
    if (!this.#observed.has(part))
      this.#observed.set(
        part,
        part.observe((event) => this.#heard(part, event)),
      )
  }

  /** Runs a decision of `part`; answers what it told meanwhile, as numbers. */
  deciding<T>(part: Policy, decide: () => T): { readonly value: T; readonly numbers: PlainRecord } {
    const outer = this.#deciding
    const mine = { part, numbers: {} as PlainRecord }
    this.#deciding = mine
    try {
      return { value: decide(), numbers: mine.numbers }
    } finally {
      this.#deciding = outer
    }
  }

  note(part: Policy, { attempt }: LiveExecution, verdict: string, note: Note = {}): void {
    const { type, options } = described(part)
    this.#add({ policy: part.name, type, attempt, verdict }, note, options)
  }

  /** What is no policy: the operation, the caller, the caller's `within`. */
  noteOther(who: string, attempt: number, verdict: string, note: Note = {}): void {
    this.#add({ policy: who, type: who, attempt, verdict }, note, {})
  }

  #add(what: Pick<Decision, 'policy' | 'type' | 'attempt' | 'verdict'>, note: Note, options: PlainRecord): void {
    if (this.#over) return
    const numbers = compact(note.numbers ?? {})
    const etaMs = etaOf(numbers, note.error)
    const error = note.error === undefined ? undefined : describeError(note.error)
    const decision: Decision = {
      atMs: this.elapsedMs,
      ...what,
      reason: note.reason ?? reasonOf(what.type, what.verdict, numbers, options, error),
      numbers,
      ...(etaMs === undefined ? {} : { etaMs }),
      ...(error === undefined ? {} : { error }),
    }
    this.decisions.push(decision)
    try {
      this.#listener(decision)
    } catch {} // Somebody who looks on never reaches the call.
  }

  /** Remembers who an error came from. */
  from(source: string, error?: unknown): void {
    this.lastSource = source
    if (typeof error === 'object' && error !== null && !this.#sources.has(error)) this.#sources.set(error, source)
  }

  sourceOf(error: unknown): string {
    const known = this.#sources.get(error as object)
    return known ?? (isHoldfastError(error) ? error.policy : undefined) ?? this.lastSource
  }

  #heard(part: Policy, { type, at: _at, policy: _policy, ...rest }: HoldfastEvent): void {
    const { execution, operation: _operation, key: _key, target: _target, error, ...told } = rest as Record<string, unknown>
    const deciding = this.#deciding?.part === part ? this.#deciding : undefined
    // Other calls talk through the same policies. What is told of no call is ours while the policy decides about ours.
    if (execution !== this.#id() && (execution !== undefined || deciding === undefined)) return
    const numbers = told as PlainRecord
    if (TOLD_BY_STAGES.test(type)) {
      if (deciding !== undefined) deciding.numbers = { ...deciding.numbers, ...numbers }
      return
    }
    const { attempt = this.#lastAttempt() } = numbers as { readonly attempt?: number }
    const description = described(part)
    const verdict = type.slice(type.indexOf('.') + 1)
    this.#add({ policy: part.name, type: description.type, attempt, verdict }, { numbers, error }, description.options)
  }

  #lastAttempt(): number {
    return this.decisions.at(-1)?.attempt ?? 1
  }

  end(): void {
    this.#over = true
    for (const stop of this.#observed.values()) stop()
  }
}

/** A description that fails is an empty one: who looks on never reaches the call. */
export function described(part: Policy, key?: string): PolicyDescription {
  try {
    return describePolicy(part, key)
  } catch {
    return { name: part.name, type: 'custom', options: {}, state: {} }
  }
}

function compact(numbers: PlainRecord): PlainRecord {
  return Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== undefined))
}

function etaOf({ retryAfterMs, delayMs }: PlainRecord, error: unknown): number | undefined {
  const asked: Plain | undefined = isHoldfastError(error) ? error.retryAfterMs : undefined
  for (const ms of [asked, retryAfterMs, delayMs]) if (typeof ms === 'number') return ms
  return undefined
}
