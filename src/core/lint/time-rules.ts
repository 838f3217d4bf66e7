/** Mistakes about time: what may hang, what never fires, what does not fit. */
import { formatDuration } from '../duration.ts'
import { each, is, isRetry, isTimeout, nameOf, type Rule } from './rule.ts'
import { numberOr, worstCaseOf } from './worst-case.ts'

export const TIME_RULES = {
  'exceeds-deadline': {
    severity: 'error',
    find(stack, { deadlineMs }) {
      const { durationMs } = worstCaseOf(stack)
      if (durationMs <= deadlineMs || deadlineMs === Number.POSITIVE_INFINITY) return []
      const worst = durationMs === Number.POSITIVE_INFINITY ? 'without end' : formatDuration(durationMs)
      const message = `the call may take ${worst}, and must be done within ${formatDuration(deadlineMs)}`
      return [{ message, hint: 'Shorten the attempt timeout, make fewer attempts, or put a timeout around the whole.' }]
    },
  },

  'no-timeout': {
    severity: 'warning',
    find: (stack, { deadlineMs }) =>
      stack.length === 0 || stack.some(isTimeout) || stack.some(isRetry)
        ? []
        : [
            {
              message: 'no timeout bounds the call: when the target hangs, its caller hangs with it',
              hint: 'Compose a `timeout`, or pass `within` with every call.',
              severity: deadlineMs === Number.POSITIVE_INFINITY ? 'warning' : 'info',
            },
          ],
  },

  'no-attempt-timeout': {
    severity: 'warning',
    find: (stack) =>
      each(stack, isRetry, (_entry, _outside, inside) =>
        inside.some(isTimeout)
          ? undefined
          : {
              message: 'no timeout bounds an attempt: one that hangs is never tried again',
              hint: 'Put a `timeout` inside of the retry.',
            },
      ),
  },

  'no-total-timeout': {
    severity: 'info',
    find: (stack, { deadlineMs }) =>
      deadlineMs !== Number.POSITIVE_INFINITY
        ? []
        : each(stack, isRetry, ({ description: { options } }, outside) =>
            outside.some(isTimeout) || outside.some(isRetry) || options.maxElapsedMs !== undefined
              ? undefined
              : {
                  message: 'no timeout bounds the whole call, attempts and waits together',
                  hint: 'Put a `timeout` outside of the retry, set `maxElapsed`, or pass `within` with every call.',
                },
          ),
  },

  'idle-timeout': {
    severity: 'warning',
    find: (stack) =>
      each(stack, isTimeout, (entry, outside) => {
        const limit = entry.description.options.limitMs
        const outer = outside.find(
          (one) => isTimeout(one) && numberOr(one.description.options.limitMs, Number.POSITIVE_INFINITY) <= numberOr(limit, 0),
        )
        if (outer === undefined) return undefined
        return {
          message: `${nameOf(entry)} never fires: ${nameOf(outer)} around it is over no later`,
          hint: 'Make the inner timeout shorter, or remove it.',
        }
      }),
  },

  'attempts-do-not-fit': {
    severity: 'info',
    find: (stack) =>
      each(stack, isTimeout, (entry, _outside, inside) => {
        const limitMs = numberOr(entry.description.options.limitMs, Number.POSITIVE_INFINITY)
        const { durationMs } = worstCaseOf(inside)
        if (!inside.some(isRetry) || durationMs <= limitMs || durationMs === Number.POSITIVE_INFINITY) return undefined
        return {
          message: `all attempts and waits may take ${formatDuration(durationMs)}, and only ${formatDuration(limitMs)} are given: the last ones may not happen`,
          hint: 'Shorten the attempt timeout or the waits, or give the whole more time.',
        }
      }),
  },

  'probe-lease-too-short': {
    severity: 'warning',
    find: (stack) =>
      each(stack, is('circuit-breaker'), ({ description: { options } }, _outside, inside) => {
        const lease = numberOr(options.probeLeaseMs, Number.POSITIVE_INFINITY)
        const slowest = worstCaseOf(inside).durationMs
        if (slowest === Number.POSITIVE_INFINITY || lease >= slowest) return undefined
        return {
          message: `a probe may take ${formatDuration(slowest)} and counts as failed after ${formatDuration(lease)}: a slow target that is back may not get in`,
          hint: 'Make `halfOpen.probeLease` longer than what a call inside of the breaker may take.',
        }
      }),
  },

  'breaker-blind-to-timeouts': {
    severity: 'warning',
    find: (stack) =>
      each(stack, is('circuit-breaker'), (_entry, outside, inside) =>
        !outside.some(isTimeout) || inside.some(isTimeout)
          ? undefined
          : {
              message: 'it stands inside of the timeout, so it learns nothing from a target that hangs',
              hint: 'Put a `timeout` inside of the breaker.',
            },
      ),
  },

  'endless-queue': {
    severity: 'warning',
    find: (stack, { deadlineMs }) =>
      each(stack, is('bulkhead', 'adaptive-limiter'), ({ description: { options } }, outside) =>
        numberOr(options.queue, 0) === 0 ||
        options.maxWaitMs !== undefined ||
        outside.some(isTimeout) ||
        deadlineMs !== Number.POSITIVE_INFINITY
          ? undefined
          : {
              message: 'nothing bounds how long a call waits in its queue',
              hint: 'Set `maxWait`, put a `timeout` outside, or pass `within` with every call.',
            },
      ),
  },
} as const satisfies Readonly<Record<string, Rule>>
