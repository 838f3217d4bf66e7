/**
 * Finds mistakes in a stack of policies before a call does. Reads descriptions; runs nothing and changes nothing.
 */
import { describePolicy } from '../description.ts'
import { type Duration, parseDuration } from '../duration.ts'
import type { Policy } from '../policy.ts'
import { checkInteger, checkKnown } from '../validate.ts'
import { ORDER_RULES } from './order-rules.ts'
import { REPETITION_RULES } from './repetition-rules.ts'
import type { Rule, Severity, Surroundings } from './rule.ts'
import { operationsOf, stackOf } from './stack.ts'
import { TIME_RULES } from './time-rules.ts'

const RULES = { ...TIME_RULES, ...REPETITION_RULES, ...ORDER_RULES }

export type LintCode = keyof typeof RULES | 'same-policy-twice'

/** Every code there is. */
export const LINT_CODES = [...Object.keys(RULES), 'same-policy-twice'] as readonly LintCode[]

export interface Finding {
  /** Stable; explained in docs/guides/lint.md. */
  readonly code: LintCode
  readonly severity: Severity
  readonly message: string
  /** What to do about it. */
  readonly hint: string
  /** Where, such as `parts[1] (circuit-breaker)`; `whole` when it is the stack. */
  readonly path: string
  /** The operation for which it is so, where policies tell operations apart and it is not so for all of them. */
  readonly operation?: string
}

export interface LintOptions {
  /** The time within which every call must be done, such as the `within` that callers pass. */
  readonly deadline?: Duration
  /** False: running the operation twice does harm. Default: not known. */
  readonly idempotent?: boolean
  /** One call may become so many calls of the target. Default 5. */
  readonly amplificationMax?: number
  /** Whose policies are meant, where `keyed` has one for each key. Default: none, and what it makes is not looked into. */
  readonly key?: string
  /** Codes that are not looked for, since somebody knows better. */
  readonly ignore?: readonly LintCode[]
}

const RANKS: Readonly<Record<Severity, number>> = { error: 0, warning: 1, info: 2 }

/**
 * Every finding once, the severest first. An empty answer says that no known mistake is in it, and no more.
 *
 * Policies of your own are not looked into; a policy that `when` can switch off is taken as on.
 *
 * @throws OptionError for an unknown option or a value out of bounds
 * @example run
 * const [finding] = lint(compose(retry(), circuitBreaker()), { idempotent: false })
 * // finding.code 'not-idempotent', finding.path 'parts[0] (retry)'
 */
export function lint(policy: Policy, options: LintOptions = {}): readonly Finding[] {
  checkKnown(options, ['deadline', 'idempotent', 'amplificationMax', 'key', 'ignore'], 'lint')
  const surroundings: Surroundings = {
    deadlineMs: options.deadline === undefined ? Number.POSITIVE_INFINITY : parseDuration(options.deadline, 'lint.deadline'),
    idempotent: options.idempotent,
    amplificationMax: checkInteger(options.amplificationMax ?? 5, 'lint.amplificationMax', 1),
  }
  const parts = policy.parts.map((part) => describePolicy(part, options.key))
  const findings = new Map<string, Finding>()
  const add = (finding: Finding): void => {
    const key = `${finding.code} ${finding.path}`
    if (!findings.has(key) && !options.ignore?.includes(finding.code)) findings.set(key, finding)
  }
  for (const operation of operationsOf(parts)) {
    const stack = stackOf(parts, operation)
    for (const [code, rule] of Object.entries(RULES) as [LintCode, Rule][])
      for (const { message, hint, at, severity = rule.severity } of rule.find(stack, surroundings)) {
        const path = at === undefined ? 'whole' : `${at.path} (${at.description.name})`
        add({ code, severity, message, hint, path, ...(operation === undefined ? {} : { operation }) })
      }
  }
  for (const finding of twice(policy)) add(finding)
  return [...findings.values()].sort((a, b) => RANKS[a.severity] - RANKS[b.severity])
}

/** One object in two places of a stack: a bulkhead of one place waits for itself. */
function twice({ parts }: Policy): readonly Finding[] {
  return parts.flatMap((part, index) => {
    if (parts.indexOf(part) === index) return []
    return [
      {
        code: 'same-policy-twice' as const,
        severity: 'warning' as const,
        message: `the same policy '${part.name}' stands at parts[${parts.indexOf(part)}] too: each call counts twice, and may wait for itself`,
        hint: 'Make a policy of its own for each place, or remove one.',
        path: `parts[${index}] (${part.name})`,
      },
    ]
  })
}
