/**
 * A rule that a user gave, such as `retryIf` or `isFailure`, asked in the middle of a call.
 *
 * What becomes of the call is never lost by a slip in a rule: one that throws, or that answers by a promise, which cannot be
 * waited for here, is reported (see `listenerErrors`), and a safe answer is taken instead. Not for rules without one, such as
 * the key or the cost of a call: those are asked before the operation runs, and fail the call with their own error.
 */
import { OptionError } from './errors.ts'
import { reportListenerError } from './events.ts'
import { isThenable } from './thenable.ts'
import { checkFunction } from './validate.ts'

/**
 * @param name the option's name, for the report
 * @param otherwise the safe answer
 * @param check makes the answer of what the rule answered, or throws
 * @throws OptionError when the rule is not a function
 */
export function userRule<A extends readonly unknown[], R, S = R>(
  rule: (...args: A) => S,
  name: string,
  otherwise: R,
  check?: (answer: S) => R,
): (...args: A) => R {
  checkFunction(rule, name)
  return (...args) => {
    try {
      const answer = rule(...args)
      if (isThenable(answer)) refuse(answer, name)
      return check === undefined ? (answer as unknown as R) : check(answer)
    } catch (error) {
      reportListenerError(error, name)
      return otherwise
    }
  }
}

function refuse(answer: PromiseLike<unknown>, name: string): never {
  Promise.resolve(answer).catch(() => {})
  throw new OptionError(name, 'must answer at once, not by a promise', answer)
}
