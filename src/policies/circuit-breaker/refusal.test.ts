import { describe, expect, it } from 'vitest'
import type { BreakerStateName } from '../../core/events.ts'
import { refusalOf } from './refusal.ts'

describe('what a call hears that the breaker refuses', () => {
  it.each<[BreakerStateName, number | undefined, code: string, hint: string]>([
    [
      'open',
      600,
      'ERR_CIRCUIT_OPEN',
      'The next probe may go in 600ms; until then calls fail fast. Check whether the target is up.',
    ],
    ['closed', 5000, 'ERR_CIRCUIT_OPEN', 'The target has just come back and gets a growing share of the calls; try again in 5s.'],
    [
      'isolated',
      undefined,
      'ERR_CIRCUIT_ISOLATED',
      'Somebody took this target out of use; reset the breaker to admit calls again.',
    ],
    [
      'isolated',
      50_000,
      'ERR_CIRCUIT_ISOLATED',
      'Somebody took this target out of use for another 50s; reset the breaker to admit calls earlier.',
    ],
  ])('that is %s, for %s ms: %s', (state, retryAfterMs, code, hint) => {
    const cause = new Error('down')
    const rejection = { rejected: true, reason: 'why', ...(retryAfterMs === undefined ? {} : { retryAfterMs }) } as const
    expect(refusalOf('vterm', state, rejection, cause)).toMatchObject({
      code,
      policy: 'vterm',
      retryAfterMs,
      message: `circuit is ${state}: why`,
      cause,
      hint,
    })
  })
})
