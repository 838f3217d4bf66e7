/** What a rule of `lint` is, and the words in which rules speak of a stack. */
import type { PolicyDescription } from '../description.ts'
import type { Stack, StackEntry } from './stack.ts'
import { repeats, waitsMs } from './worst-case.ts'

export type Severity = 'error' | 'warning' | 'info'

export interface Surroundings {
  /** Ms; `Infinity` for none. */
  readonly deadlineMs: number
  readonly idempotent: boolean | undefined
  readonly amplificationMax: number
}

/** What a rule found; the code and the severity are the rule's. */
export interface Found {
  readonly message: string
  readonly hint: string
  /** Where; absent when it is the whole. */
  readonly at?: StackEntry
  readonly severity?: Severity
}

export interface Rule {
  readonly severity: Severity
  find(stack: Stack, surroundings: Surroundings): readonly Found[]
}

export const is =
  (...types: readonly string[]) =>
  ({ description }: StackEntry): boolean =>
    types.includes(description.type)

export const isRetry = ({ description }: StackEntry): boolean => description.type === 'retry' && repeats(description) > 1
export const isTimeout = ({ description }: StackEntry): boolean =>
  description.type === 'timeout' && (description.options.limitMs !== undefined || description.options.limitBy !== undefined)
export const isRepeating = ({ description }: StackEntry): boolean => repeats(description) > 1

/** For each entry of a kind, with what stands around it and in it. */
export function each(
  stack: Stack,
  kind: (entry: StackEntry) => boolean,
  find: (entry: StackEntry, outside: Stack, inside: Stack) => Omit<Found, 'at'> | undefined,
): readonly Found[] {
  return stack.flatMap((entry, index) => {
    const found = kind(entry) ? find(entry, stack.slice(0, index), stack.slice(index + 1)) : undefined
    return found === undefined ? [] : [{ ...found, at: entry }]
  })
}

export function nameOf({ description }: StackEntry): string {
  return `'${description.name}'`
}

export const hasNoWait = ({ options }: PolicyDescription): boolean => options.waitsMs !== undefined && waitsMs(options) === 0
