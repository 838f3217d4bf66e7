/** Mistakes about order: what hides from whom, and who holds what for how long; and what should not go live as it is. */
import { each, is, isRepeating, isRetry, isTimeout, nameOf, type Rule } from './rule.ts'

export const ORDER_RULES = {
  'breaker-outside-retry': {
    severity: 'info',
    find: (stack) =>
      each(stack, is('circuit-breaker'), (_entry, _outside, inside) =>
        inside.some(isRetry)
          ? {
              message: 'it stands outside of a retry, so it counts calls and not attempts, and stops no retry that has begun',
              hint: 'Put the breaker inside of the retry, unless a call counts only when all its attempts have failed.',
            }
          : undefined,
      ),
  },

  'place-freed-early': {
    severity: 'warning',
    find: (stack) =>
      each(stack, is('bulkhead'), (_entry, _outside, inside) =>
        inside.some(isTimeout)
          ? {
              message:
                'its place is free again when the timeout inside is over, though the work may still run: more than the limit may be in flight',
              hint: 'Put the bulkhead inside of the timeout, where its place is held until the work has really ended.',
            }
          : undefined,
      ),
  },

  'place-held-while-waiting': {
    severity: 'info',
    find: (stack) =>
      each(stack, is('bulkhead', 'adaptive-limiter'), (_entry, _outside, inside) =>
        inside.some(isRetry)
          ? {
              message: 'a call keeps its place while the retry inside waits for its next attempt',
              hint: 'Put it inside of the retry, so that a place is taken only while something runs.',
            }
          : undefined,
      ),
  },

  'fallback-inside-retry': {
    severity: 'warning',
    find: (stack) =>
      each(stack, is('fallback'), ({ description: { options } }, outside) =>
        outside.some(isRetry) && options.replacesErrors === 'all'
          ? {
              message: 'it replaces every failure, so the retry around it never sees one',
              hint: 'Put the fallback outside of the retry, or say with `handle` which errors it replaces.',
            }
          : undefined,
      ),
  },

  'coalesce-inside-retry': {
    severity: 'warning',
    find: (stack) =>
      each(stack, is('coalesce'), (_entry, outside) =>
        outside.some(isRepeating)
          ? {
              message: 'callers share one call and then each repeats it alone',
              hint: 'Put coalesce outside of what repeats.',
            }
          : undefined,
      ),
  },

  'refusals-converted-early': {
    severity: 'warning',
    find: (stack) =>
      each(stack, is('refusals-as'), (_entry, outside) =>
        outside.length === 0
          ? undefined
          : {
              message: 'policies around it no longer recognise a refusal, and take it for a failure of the target',
              hint: 'Put `refusalsAs` outermost.',
            },
      ),
  },

  'chaos-without-guard': {
    severity: 'warning',
    find: (stack) =>
      each(stack, is('chaos'), ({ description: { options } }) =>
        options.guarded === true
          ? undefined
          : {
              message: 'nothing stops it when it does harm',
              hint: 'Give it `stopWhen`, or at least `maxInjected`.',
            },
      ),
  },

  'chaos-not-innermost': {
    severity: 'info',
    find: (stack) =>
      each(stack, is('chaos'), (_entry, _outside, inside) =>
        inside.length === 0
          ? undefined
          : {
              message: `what it does never reaches ${inside.map(nameOf).join(', ')} inside of it`,
              hint: 'Put chaos innermost, where real trouble comes from.',
            },
      ),
  },

  'shadow-mode': {
    severity: 'info',
    find: (stack) =>
      each(
        stack,
        () => true,
        ({ description: { options } }) =>
          options.mode === 'shadow'
            ? { message: 'it only watches, and refuses nothing', hint: "Set `mode: 'enforce'` once its numbers are right." }
            : undefined,
      ),
  },
} as const satisfies Readonly<Record<string, Rule>>
