/**
 * The port of a budget over extra calls: what a retry, a hedge or a fallback asks before it calls once more than its caller did.
 *
 * Whoever lets calls in notes each of them once; whoever repeats reserves before it waits. The two are apart, so that one
 * budget serves many policies and no call is counted twice.
 */
import { OptionError } from './errors.ts'
import { userRule } from './user-rule.ts'

export interface Budget {
  /** One call began. `now` is monotonic ms, here and below. Not for the repeats of a call. */
  noteCall(now: number): void
  /** Takes the right to one extra call; false when there is none left. Asked before the wait, so that waiting repeats count. */
  reserve(now: number): boolean
  /** Gives the right back: the extra call was not made, since its caller left or a policy further in refused it. */
  refund(): void
}

/**
 * The budget as a policy asks it: one that throws is reported, and grants nothing.
 *
 * @throws OptionError for anything that is not a budget
 */
export function checkBudget(value: Budget, option: string): Budget {
  const { noteCall, reserve, refund } = (value ?? {}) as Partial<Budget>
  if (![noteCall, reserve, refund].every((method) => typeof method === 'function'))
    throw new OptionError(option, "must be a budget, such as 'budget()' makes", value)
  return {
    noteCall: (now) => value.noteCall(now),
    reserve: userRule((now: number) => value.reserve(now), `${option}.reserve`, false),
    refund: userRule(() => value.refund(), `${option}.refund`, undefined),
  }
}
