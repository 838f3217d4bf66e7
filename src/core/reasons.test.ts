import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { reasonOf } from './reasons.ts'

const busy = { name: 'Error', message: 'busy' }

describe('the reason of a decision', () => {
  for (const [type, verdict, numbers, options, expected] of [
    [
      'retry',
      'scheduled',
      { attempt: 2, delayMs: 1500 },
      { maxAttempts: 3 },
      'attempt 2 of 3 failed: busy; the next begins in 1.5s',
    ],
    ['retry', 'scheduled', { attempt: 2, delayMs: 5 }, {}, 'attempt 2 failed: busy; the next begins in 5ms'],
    [
      'retry',
      'gave-up',
      { attempt: 3, reason: 'attempts' },
      { maxAttempts: 3 },
      'no attempt after number 3 of 3: busy: all attempts are used up',
    ],
    ['retry', 'gave-up', { attempt: 1, reason: 'deadline' }, {}, 'no attempt after number 1: busy: it would not be done in time'],
    [
      'retry',
      'gave-up',
      { attempt: 1, reason: 'not-retryable' },
      {},
      'no attempt after number 1: busy: another try would not help',
    ],
    ['retry', 'gave-up', { attempt: 1, reason: 'elapsed' }, {}, 'no attempt after number 1: busy: it would begin too late'],
    [
      'retry',
      'gave-up',
      { attempt: 1, reason: 'retry-after' },
      {},
      'no attempt after number 1: busy: the target asks for more patience than allowed',
    ],
    [
      'retry',
      'gave-up',
      { attempt: 1, reason: 'budget' },
      {},
      'no attempt after number 1: busy: the budget for extra calls is used up',
    ],
    ['retry', 'gave-up', { attempt: 1, reason: 'new' }, {}, 'no attempt after number 1: busy: new'],
    ['timeout', 'armed', { limitMs: 5000 }, {}, 'may take 5s'],
    ['timeout', 'expired', { limitMs: 5000 }, {}, 'its 5s are over'],
    ['timeout', 'abandoned', { limitMs: 5000 }, {}, 'the work goes on although its 5s are over'],
    ['timeout', 'settled', { limitMs: 5000, running: 2 }, {}, 'the abandoned work has ended; 2 of its kind still go on'],
    ['circuit-breaker', 'would-change', { from: 'closed', to: 'open', reason: 'x' }, {}, 'would go from closed to open: x'],
    ['rate-limiter', 'delayed', { delayMs: 20 }, {}, 'its turn is in 20ms'],
    ['rate-limiter', 'would-delay', { delayMs: 20 }, {}, 'would have waited 20ms, and only watches'],
    ['rate-limiter', 'blocked', { retryAfterMs: 2000, by: 'server' }, {}, 'nothing goes for 2s: the server said so'],
    ['rate-limiter', 'blocked', { retryAfterMs: 2000, by: 'hand' }, {}, 'nothing goes for 2s: somebody said so'],
    ['rate-limiter', 'degraded', { processes: 3 }, {}, 'the shared count is lost: busy; keeps to its share, one of 3'],
    ['rate-limiter', 'restored', {}, {}, 'the shared count is back'],
    ['bulkhead', 'queued', { inFlight: 2, queued: 1 }, {}, 'waits for a place: 2 run, 1 wait'],
    ['bulkhead', 'resized', { from: 2, to: 1 }, {}, 'its limit goes from 2 to 1'],
    ['hedge', 'abandoned', { hedge: 1, running: 1 }, {}, 'call 2 goes on although it was told to stop'],
    ['coalesce', 'cancelled', {}, {}, 'every caller has left: the call was told to stop'],
    ['coalesce', 'store-failed', { during: 'get' }, {}, 'went on without its store, lost during get: busy'],
    ['adaptive-limiter', 'changed', { from: 9, to: 7, reason: 'loss' }, {}, 'its limit goes from 9 to 7: loss'],
    ['adaptive-limiter', 'queued', { inFlight: 2, queued: 1 }, {}, 'waits for a place: 2 run, 1 wait'],
    ['chaos', 'stopped', { reason: 'enough seen', injected: 3 }, {}, 'disturbs nothing any more: enough seen'],
    ['throttle', 'would-reject', {}, {}, 'would have refused, and only watches'],
    ['circuit-breaker', 'changed', { from: 'open', to: 'closed', reason: 'x' }, {}, 'from open to closed: x'],
    ['circuit-breaker', 'stale', {}, {}, 'the result belongs to an earlier state: it is not counted'],
    ['fallback', 'used', {}, {}, 'replaced the outcome: busy'],
    ['fallback', 'failed', {}, {}, 'the replacement failed too: busy'],
    ['hedge', 'started', { hedge: 1, elapsedMs: 10, reason: 'failure' }, {}, 'call 2 begins after 10ms: the one before failed'],
    ['hedge', 'denied', { hedge: 2, reason: 'budget' }, {}, 'no call 3: the budget for extra calls is used up'],
    ['hedge', 'denied', { hedge: 2, reason: 'deadline' }, {}, 'no call 3: it would not be done in time'],
    ['hedge', 'won', { hedge: 0, started: 2 }, {}, 'call 1 of 2 answered first'],
    ['hedge', 'cancelled', { hedge: 1 }, {}, 'call 2 was told to stop'],
    ['coalesce', 'joined', { callers: 2 }, {}, 'waits with 1 other caller for one that runs already'],
    ['coalesce', 'joined', { callers: 3 }, {}, 'waits with 2 other callers for one that runs already'],
    ['coalesce', 'hit', { ageMs: 50 }, {}, 'kept since 50ms'],
    ['coalesce', 'hit', {}, {}, 'kept in the store'],
    ['chaos', 'injected', { kind: 'fault' }, {}, 'disturbed on purpose: fault'],
    ['budget', 'exhausted', { calls: 9, extras: 3, allowed: 2 }, {}, '3 extra calls beside 9: 2 are allowed'],
    ['bulkhead', 'admitted', {}, {}, 'may go'],
    ['bulkhead', 'admitted', { waitedMs: 20 }, {}, 'may go, after 20ms'],
    ['bulkhead', 'waiting', {}, {}, 'waits for its turn'],
    ['rate-limiter', 'waiting', { delayMs: 20 }, {}, 'its turn is in 20ms'],
    ['bulkhead', 'rejected', {}, {}, 'refused: busy'],
    ['bulkhead', 'left', {}, {}, 'gave up waiting'],
    ['bulkhead', 'would-reject', {}, {}, 'would have refused, and only watches'],
    ['bulkhead', 'learnt', {}, {}, 'counted what came back'],
    ['own', 'passed', {}, {}, 'passed the call on as it is'],
    ['own', 'answered', {}, {}, 'answered without calling further in'],
    ['own', 'repeated', { calls: 3 }, {}, 'called further in 3 times'],
    ['own', 'replaced', {}, {}, 'changed the outcome'],
    ['operation', 'returned', { tookMs: 7 }, {}, 'returned after 7ms'],
    ['operation', 'failed', { tookMs: 7 }, {}, 'failed after 7ms: busy'],
    ['operation', 'failed', {}, {}, 'failed after some time: busy'],
    ['own', 'still-new', {}, {}, 'still new'],
  ] as const)
    it(`${type} ${verdict}: ${expected}`, () => expect(reasonOf(type, verdict, numbers, options, busy)).toBe(expected))

  it('names an error that says nothing, and none where there is none', () => {
    expect(reasonOf('own', 'rejected', {}, {}, { name: 'OwnError', message: '' })).toBe('refused: OwnError')
    expect(reasonOf('own', 'rejected', {}, {}, undefined)).toBe('refused')
  })
})

describe('the sentences', () => {
  it('exist for every event that a policy tells, and say more than its name', async () => {
    const source = await readFile(new URL('events.ts', import.meta.url), 'utf8')
    const policies = source.slice(source.indexOf('export type PolicyEvent'), source.indexOf('export type WorkEvent'))
    const types = [...policies.matchAll(/'([a-z-]+)\.([a-z-]+)'/g)].filter(([, type]) => type !== 'execution')
    expect(types.length).toBeGreaterThan(40)
    for (const [name, type, verdict] of types)
      expect(reasonOf(type!, verdict!, {}, {}, busy), name).not.toBe(verdict!.replaceAll('-', ' '))
    expect(reasonOf('toString', 'constructor', {}, {}, busy)).toBe('constructor')
  })
})
