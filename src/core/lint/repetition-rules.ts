/** Mistakes about calling more than once: too often, too soon, uncounted, or at all. */
import { each, hasNoWait, is, isRepeating, isRetry, nameOf, type Rule } from './rule.ts'
import { repeats, worstCaseOf } from './worst-case.ts'

export const REPETITION_RULES = {
  'not-idempotent': {
    severity: 'error',
    find: (stack, { idempotent }) =>
      idempotent !== false
        ? []
        : each(stack, isRepeating, (entry) => ({
            message: `${nameOf(entry)} may run an operation again that must not run twice`,
            hint: 'Leave it out for this operation, or pass an idempotency key on, so that the target recognises repeats.',
          })),
  },

  amplification: {
    severity: 'warning',
    find(stack, { amplificationMax }) {
      const { calls } = worstCaseOf(stack)
      if (calls <= amplificationMax || calls === Number.POSITIVE_INFINITY) return []
      const factors = stack.filter(isRepeating).map((entry) => `${nameOf(entry)} × ${repeats(entry.description)}`)
      const message = `one call may become ${calls} calls of the target: ${factors.join(', ')}`
      return [{ message, hint: 'Repeat in one place only, and give what repeats a budget.' }]
    },
  },

  'nested-retries': {
    severity: 'warning',
    find: (stack) =>
      each(stack, isRetry, (entry, outside) => {
        const outer = outside.findLast(isRetry)
        if (outer === undefined) return undefined
        return {
          message: `${nameOf(entry)} repeats inside of ${nameOf(outer)}, which repeats too`,
          hint: 'Retry in the layer that knows the error best, and only there.',
        }
      }),
  },

  'unlimited-retries': {
    severity: 'warning',
    find: (stack) =>
      each(stack, is('retry'), ({ description: { options } }) =>
        options.maxAttempts !== undefined || options.budget === true
          ? undefined
          : {
              message: 'nothing bounds how often it tries: in an outage every caller hammers the target until its time is over',
              hint: 'Set `maxAttempts`, or give it a `budget`.',
            },
      ),
  },

  'no-backoff': {
    severity: 'warning',
    find: (stack) =>
      each(stack, isRetry, ({ description }, _outside, inside) => {
        if (!hasNoWait(description)) return undefined
        const breaker = inside.find(is('circuit-breaker'))
        const message = 'it tries again at once, while what went wrong is still wrong'
        return {
          message: breaker === undefined ? message : `${message}; one call alone may open ${nameOf(breaker)} inside`,
          hint: 'Give it a `backoff` with jitter.',
        }
      }),
  },

  'no-jitter': {
    severity: 'info',
    find: (stack) =>
      each(stack, isRetry, ({ description }) =>
        description.options.jitter !== false || hasNoWait(description)
          ? undefined
          : {
              message: 'its waits have no jitter: callers that failed together try again together',
              hint: "Use `jitter: 'full'`, the default.",
            },
      ),
  },

  'limiter-outside-retry': {
    severity: 'warning',
    find: (stack) =>
      each(stack, is('rate-limiter'), (_entry, _outside, inside) =>
        inside.some(isRepeating)
          ? {
              message: 'what is repeated inside of it is not limited: the target gets more than the limit says',
              hint: 'Put the limiter inside of the retry or hedge, where every attempt asks it.',
            }
          : undefined,
      ),
  },

  'budget-not-composed': {
    severity: 'warning',
    find: (stack) =>
      each(stack, isRepeating, ({ description: { options } }, outside) =>
        options.budget !== true || outside.some(is('budget'))
          ? undefined
          : {
              message: 'its budget counts no calls, since it is not composed around it: only the minimum per second is granted',
              hint: 'Compose the same budget outside of it, or count with `noteCall`.',
            },
      ),
  },

  'budget-refuses-nothing': {
    severity: 'info',
    find: (stack) =>
      each(stack, is('budget'), (_entry, _outside, inside) =>
        inside.some(({ description }) => description.options.budget === true) || !inside.some(isRepeating)
          ? undefined
          : {
              message: 'what repeats inside of it does not ask it',
              hint: 'Give it to the retry or hedge as `budget` too.',
            },
      ),
  },
} as const satisfies Readonly<Record<string, Rule>>
