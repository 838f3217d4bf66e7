/** What a call hears that the breaker refuses. */
import { formatDuration } from '../../core/duration.ts'
import { CircuitOpenError } from '../../core/errors.ts'
import type { BreakerStateName } from '../../core/events.ts'
import type { Rejection } from '../../core/permit.ts'

/** @param cause what opened it */
export function refusalOf(
  policy: string,
  state: BreakerStateName,
  { retryAfterMs, reason }: Rejection,
  cause: unknown,
): CircuitOpenError {
  return new CircuitOpenError(`circuit is ${state}: ${reason}`, {
    code: state === 'isolated' ? 'ERR_CIRCUIT_ISOLATED' : 'ERR_CIRCUIT_OPEN',
    policy,
    retryAfterMs,
    cause,
    hint: () => hintFor(state, retryAfterMs),
  })
}

function hintFor(state: BreakerStateName, retryAfterMs: number | undefined): string {
  const wait = retryAfterMs === undefined ? undefined : formatDuration(retryAfterMs)
  if (state === 'isolated')
    return wait === undefined
      ? 'Somebody took this target out of use; reset the breaker to admit calls again.'
      : `Somebody took this target out of use for another ${wait}; reset the breaker to admit calls earlier.`
  if (state === 'closed') return `The target has just come back and gets a growing share of the calls; try again in ${wait}.`
  return `The next probe may go in ${wait}; until then calls fail fast. Check whether the target is up.`
}
