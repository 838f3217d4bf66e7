import { describe, expect, it } from 'vitest'
import { HoldfastError, RejectedError, TimeoutError } from '../core/errors.ts'
import type { Circumstances, Outcome } from './decide.ts'
import { deadLetterDelay, decide, wantsVerify } from './decide.ts'
import type { Job } from './job.ts'
import { defineKind } from './kind.ts'
import { DeadError, park, pauseTarget, retryAfter, snooze } from './steering.ts'

const options = { name: 'k', target: 't', handler: () => {}, maxAttempts: 3 }
const exact = { backoff: { jitter: 'none' as const }, deadLetter: { jitter: 'none' as const } }
const kind = defineKind({ ...options, ...exact })
const parking = defineKind({ ...options, ...exact, onUnknown: 'park' })
const verifying = defineKind({ ...options, ...exact, onUnknown: 'verify', verify: () => 'done' })

const job = (attempts = 1, more: Partial<Job> = {}): Job => ({
  id: 'j1',
  kind: 'k',
  target: 't',
  payload: {},
  state: 'running',
  priority: 0,
  attempts,
  createdAt: 0,
  runAt: 0,
  token: 7,
  lostLeases: 0,
  generation: 0,
  cancelRequested: false,
  history: [],
  ...more,
})
const well: Circumstances = { targetDown: false, shuttingDown: false, random: () => 0.5 }
const down: Circumstances = { ...well, targetDown: true }
const failed = (error: unknown, started = true): Outcome => ({ type: 'failed', error, started })
const boom = new Error('boom')
const refused = (retryAfterMs?: number): RejectedError => new RejectedError('open', { code: 'ERR_CIRCUIT_OPEN', retryAfterMs })
const told = (retryAfterMs: number): Error => Object.assign(new Error('429'), { retryAfterMs })
const timeout = new TimeoutError(1000)
const summary = { name: 'Error', message: 'boom' }

interface Row {
  readonly what: string
  readonly outcome: Outcome
  readonly expected: object
  readonly on?: Job
  readonly circumstances?: Circumstances
  readonly of?: typeof kind
}

const table: readonly Row[] = [
  { what: 'success', outcome: { type: 'returned', value: undefined }, expected: { type: 'succeeded' } },
  { what: 'a result', outcome: { type: 'returned', value: { a: 1 } }, expected: { type: 'succeeded', result: { a: 1 } } },
  { what: 'a first failure', outcome: failed(boom), expected: { type: 'retry', delayMs: 1000, error: summary } },
  { what: 'a second failure', outcome: failed(boom), on: job(2), expected: { type: 'retry', delayMs: 2000, error: summary } },
  {
    what: 'the last failure',
    outcome: failed(boom),
    on: job(3),
    expected: { type: 'dead', cause: 'attempts', error: summary, targetDown: false, retryInMs: 300_000 },
  },
  {
    what: 'the last failure by the job’s own count',
    outcome: failed(boom),
    on: job(1, { maxAttempts: 1 }),
    expected: { type: 'dead', cause: 'attempts' },
  },
  { what: 'a told wait', outcome: failed(told(7000)), expected: { type: 'retry', delayMs: 7000 } },
  { what: 'a told wait of a year', outcome: failed(told(3.15e10)), expected: { type: 'retry', delayMs: 3_600_000 } },
  {
    what: 'an error that says it is final',
    outcome: failed(Object.assign(new Error('404'), { retryable: false })),
    expected: { type: 'dead', cause: 'rejected' },
  },
  { what: 'a DeadError', outcome: failed(new DeadError('expired', 'too late')), expected: { type: 'dead', cause: 'expired' } },
  {
    what: 'a forbidden address',
    outcome: failed(new HoldfastError('no', { code: 'ERR_ADDRESS_FORBIDDEN' })),
    expected: { type: 'dead', cause: 'forbidden' },
  },
  {
    what: 'a refusal that says when',
    outcome: failed(refused(5000), false),
    on: job(3),
    expected: { type: 'returned', delayMs: 5000, reason: 'refused: open' },
  },
  { what: 'a refusal that does not', outcome: failed(refused(), false), expected: { type: 'returned', delayMs: 750 } },
  { what: 'a refusal for no time', outcome: failed(refused(0), false), expected: { type: 'returned', delayMs: 50 } },
  {
    what: 'a deadline that passed before it began',
    outcome: failed(new RejectedError('late', { code: 'ERR_DEADLINE_EXCEEDED' }), false),
    expected: { type: 'returned' },
  },
  {
    what: 'a deadline that passed after it began',
    outcome: failed(new RejectedError('late', { code: 'ERR_DEADLINE_EXCEEDED' })),
    expected: { type: 'retry' },
  },
  {
    what: 'an outage',
    outcome: failed(boom),
    on: job(3),
    circumstances: down,
    expected: { type: 'returned', delayMs: 1000, reason: 'the target is down', error: summary },
  },
  { what: 'a timeout in an outage', outcome: failed(timeout), circumstances: down, expected: { type: 'returned' } },
  {
    what: 'a final error in an outage',
    outcome: failed(new DeadError('rejected', 'no')),
    circumstances: down,
    expected: { type: 'dead', cause: 'rejected', targetDown: true, retryInMs: 300_000 },
  },
  { what: 'a shutdown', outcome: { type: 'aborted', by: 'shutdown' }, on: job(3), expected: { type: 'returned', delayMs: 0 } },
  {
    what: 'a shutdown seen by the handler',
    outcome: failed(new RejectedError('bye', { code: 'ERR_SHUT_DOWN' })),
    circumstances: { ...well, shuttingDown: true },
    expected: { type: 'returned', delayMs: 0 },
  },
  { what: 'a cancel', outcome: { type: 'aborted', by: 'cancelled' }, expected: { type: 'cancelled' } },
  { what: 'a timeout, rerun', outcome: failed(timeout), expected: { type: 'retry', delayMs: 1000 } },
  { what: 'a timeout, park', of: parking, outcome: failed(timeout), expected: { type: 'parked' } },
  { what: 'a timeout before it began, park', of: parking, outcome: failed(timeout, false), expected: { type: 'retry' } },
  { what: 'a plain failure, park', of: parking, outcome: failed(boom), expected: { type: 'retry' } },
  {
    what: 'verified as done',
    of: verifying,
    outcome: { type: 'verified', answer: 'done', error: timeout },
    expected: { type: 'succeeded' },
  },
  {
    what: 'verified as not done',
    of: verifying,
    outcome: { type: 'verified', answer: 'notDone', error: timeout },
    expected: { type: 'retry' },
  },
  {
    what: 'verified as not done, for the last time',
    of: verifying,
    outcome: { type: 'verified', answer: 'notDone', error: timeout },
    on: job(3),
    expected: { type: 'dead', cause: 'attempts' },
  },
  {
    what: 'verified in vain',
    of: verifying,
    outcome: { type: 'verified', answer: 'unknown', error: timeout },
    expected: { type: 'parked' },
  },
  {
    what: 'retryAfter',
    outcome: { type: 'returned', value: retryAfter('90s', 'not ready') },
    expected: { type: 'retry', delayMs: 90_000, error: { name: 'RetryAfter', message: 'not ready' } },
  },
  { what: 'retryAfter, the last', outcome: failed(retryAfter(1)), on: job(3), expected: { type: 'dead', cause: 'attempts' } },
  {
    what: 'snooze',
    outcome: { type: 'returned', value: snooze('1h') },
    on: job(3),
    expected: { type: 'returned', delayMs: 3_600_000 },
  },
  { what: 'park', outcome: failed(park('look at it')), expected: { type: 'parked', reason: 'look at it' } },
  { what: 'pauseTarget', outcome: { type: 'returned', value: pauseTarget({ for: '1m' }) }, expected: { type: 'returned' } },
]

describe('decide', () => {
  // W: 5, 7
  it.each(table.map((row) => [row.what, row] as const))('%s', (_what, row) => {
    const settlement = decide(row.on ?? job(), row.outcome, row.of ?? kind, row.circumstances ?? well)
    expect(settlement).toMatchObject({ id: 'j1', token: 7, ...row.expected })
  })

  it('leaves who may retry a final death to people', () => {
    const poisonous = decide(job(), failed(new DeadError('poison', 'x')), kind, well)
    expect(poisonous).not.toHaveProperty('retryInMs')
    expect(decide(job(), failed(new DeadError('rejected', 'x')), kind, well)).not.toHaveProperty('retryInMs')
  })

  // R: R4
  // W: 18
  it('lets dead letters come back after growing waits, five times', () => {
    const delays = [0, 1, 2, 3, 4, 5].map((generation) => deadLetterDelay('attempts', generation, kind, false, () => 0.5))
    expect(delays).toEqual([300_000, 900_000, 2_700_000, 8_100_000, 21_600_000, undefined])
  })

  // T: 10
  it('keeps jitter at the cap', () => {
    const jittery = defineKind({ ...options, maxAttempts: 1000, backoff: { max: '10s', jitter: 'full' } })
    const delay = (random: number): unknown =>
      (decide(job(50), failed(boom), jittery, { ...well, random: () => random }) as { delayMs: number }).delayMs
    expect([0, 0.5, 0.99].map(delay)).toEqual([0, 5000, 9900])
  })

  it('spreads told waits a little, never below what was told', () => {
    const jittery = defineKind(options)
    const delay = (random: number): number =>
      (decide(job(), failed(told(10_000)), jittery, { ...well, random: () => random }) as { delayMs: number }).delayMs
    expect([delay(0), delay(1)]).toEqual([10_000, 11_000])
  })

  it('keeps no result that is not JSON, and says so', () => {
    const value: Record<string, unknown> = {}
    value.self = value
    expect(decide(job(), { type: 'returned', value }, kind, well)).toMatchObject({
      type: 'succeeded',
      result: { resultNotKept: expect.stringMatching(/circular/) },
    })
    expect(decide(job(), { type: 'returned', value: 'x'.repeat(70_000) }, kind, well)).toMatchObject({
      result: { resultNotKept: expect.stringMatching(/larger/) },
    })
  })

  it('asks to verify only what nobody knows', () => {
    expect(wantsVerify(failed(timeout), verifying)).toBe(true)
    expect(wantsVerify(failed(timeout, false), verifying)).toBe(false)
    expect(wantsVerify(failed(boom), verifying)).toBe(false)
    expect(wantsVerify(failed(timeout), kind)).toBe(false)
  })
})
