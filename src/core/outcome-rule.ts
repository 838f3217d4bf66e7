/**
 * What a call teaches, by a rule that a user gave. A rule that throws is reported, and the call teaches nothing: its own result
 * is what counts.
 */
import type { Outcome } from './outcome.ts'
import { userRule } from './user-rule.ts'

/**
 * @param speaksAgainst true makes a `failure`, false makes `otherwise`
 * @param name the option's name, for the report
 * @throws OptionError when the rule is not a function
 */
export function outcomeRule<S>(
  speaksAgainst: (subject: S) => boolean,
  name: string,
  otherwise: Outcome,
): (subject: S) => Outcome {
  return userRule(speaksAgainst, name, 'neutral' as Outcome, (against) => (against ? 'failure' : otherwise))
}
