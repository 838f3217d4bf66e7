/**
 * How long a call can take, and how often it can call what it calls, when everything goes as badly as its policies let it.
 */
import { describePolicy, type Plain, type PolicyDescription } from '../description.ts'
import type { Policy } from '../policy.ts'
import { operationsOf, type Stack, stackOf } from './stack.ts'

export interface WorstCase {
  /** Ms; `Infinity` where nothing bounds it. */
  readonly durationMs: number
  /** Calls of the operation. */
  readonly calls: number
}

/**
 * The worst over all operations that the policy tells apart. Knows of attempts, timeouts, backoff, and waits for a turn; waits
 * that a target asks for (`Retry-After`) come on top, up to the retry's own bound, and so does the time that a fallback's function
 * takes.
 *
 * @param key whose policies are meant, where `keyed` has one for each key
 * @example run
 * worstCase(compose(retry({ backoff: { initial: '1s', jitter: 'none' } }), timeout('5s')))
 * // { durationMs: 18_000, calls: 3 }: three attempts of 5 s, waits of 1 s and 2 s
 */
export function worstCase(policy: Policy, key?: string): WorstCase {
  const described = policy.parts.map((part) => describePolicy(part, key))
  const cases = operationsOf(described).map((operation) => worstCaseOf(stackOf(described, operation)))
  return {
    durationMs: Math.max(...cases.map(({ durationMs }) => durationMs)),
    calls: Math.max(...cases.map(({ calls }) => calls)),
  }
}

/** Of a plain stack, from the inside out. */
export function worstCaseOf(stack: Stack): WorstCase {
  let durationMs = Number.POSITIVE_INFINITY
  let calls = 1
  for (const { description } of stack.toReversed()) {
    durationMs = outlast(description, durationMs)
    calls *= repeats(description)
  }
  return { durationMs, calls }
}

/** How often a policy may call what it stands around. */
export function repeats({ type, options }: PolicyDescription): number {
  if (type === 'retry') return numberOr(options.maxAttempts, Number.POSITIVE_INFINITY)
  return 1 + numberOr(options.maxHedges, 0)
}

function outlast({ type, options, state }: PolicyDescription, insideMs: number): number {
  switch (type) {
    case 'timeout':
      return Math.min(insideMs, numberOr(options.limitMs, Number.POSITIVE_INFINITY) + numberOr(options.graceMs, 0))
    case 'retry':
      return retried(options, insideMs)
    case 'hedge':
      return insideMs + numberOr(options.maxHedges, 0) * numberOr(state.delayMs, 0)
    case 'rate-limiter':
      return insideMs + numberOr(options.maxWaitMs, 0)
    case 'bulkhead':
    case 'adaptive-limiter':
      return numberOr(options.queue, 0) === 0 ? insideMs : insideMs + numberOr(options.maxWaitMs, Number.POSITIVE_INFINITY)
    default:
      return insideMs
  }
}

function retried(options: PolicyDescription['options'], insideMs: number): number {
  const attempts = numberOr(options.maxAttempts, Number.POSITIVE_INFINITY)
  // No attempt begins later than this; the last one may.
  const bounded = numberOr(options.maxElapsedMs, Number.POSITIVE_INFINITY) + insideMs
  return Math.min(bounded, attempts * insideMs + waitsMs(options))
}

/** All waits of a retry together; those of a function of the user are not known, and counted as none. */
export function waitsMs({ maxAttempts, waitsMs: waits }: PolicyDescription['options']): number {
  const attempts = numberOr(maxAttempts, Number.POSITIVE_INFINITY)
  const known = (waits ?? []) as readonly number[]
  if (known.length === 0) return 0
  const listed = known.reduce((sum, wait) => sum + wait, 0)
  const more = Math.max(0, attempts - 1 - known.length)
  const last = known.at(-1)!
  return last === 0 ? listed : listed + more * last
}

export function numberOr(value: Plain, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise
}
