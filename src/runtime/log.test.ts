import { describe, expect, it } from 'vitest'
import type { HoldfastEvent } from '../core/events.ts'
import type { Level } from './log.ts'
import { logListener } from './log.ts'

const at = Date.UTC(2026, 0, 1)
const error = { name: 'Error', message: 'connect ECONNREFUSED', code: 'ECONNREFUSED' }
const job = { at, job: 'j1', kind: 'http', target: 'https://a' }

const EVENTS: readonly HoldfastEvent[] = [
  {
    type: 'circuit-breaker.changed',
    at,
    target: 'https://a',
    from: 'closed',
    to: 'open',
    reason: '3 in a row',
    retryAfterMs: 5000,
  },
  { type: 'circuit-breaker.changed', at, target: 'https://a', from: 'half-open', to: 'closed', reason: '1 probes succeeded' },
  { type: 'job.dead', ...job, attempt: 3, cause: 'attempts', error },
  { type: 'job.parked', ...job, reason: 'nobody knows' },
  { type: 'job.lost-lease', ...job, worker: 'w' },
  { type: 'job.retrying', ...job, attempt: 1, delayMs: 1500, error },
  { type: 'retry.scheduled', at, target: 'https://a', operation: 'upload', attempt: 1, elapsedMs: 2, delayMs: 200, error },
  { type: 'worker.recovered', at, worker: 'w', recovered: 2, requeued: 1, parked: 0, poison: 1, deadLetters: 3 },
  { type: 'worker.recovered', at, worker: 'w', recovered: 0, requeued: 0, parked: 0, poison: 0, deadLetters: 0 },
  { type: 'worker.recovered', at, worker: 'w', recovered: 0, requeued: 0, parked: 0, poison: 0, deadLetters: 0, error },
  { type: 'store.degraded', at, reason: 'disk full' },
  { type: 'store.recovered', at },
  { type: 'job.succeeded', ...job, attempt: 1, durationMs: 3 },
]

const OF_CLOCKS: readonly HoldfastEvent[] = [
  { type: 'store.clock-skewed', at, skewMs: -90_000, limitMs: 5000 },
  { type: 'store.clock-agrees', at, skewMs: 20 },
  { type: 'schedule.fired', at, schedule: 'feed', job: 'j1', dueAt: at, lateMs: 3 },
  { type: 'schedule.missed', at, schedule: 'feed', missed: 7 },
  { type: 'schedule.failed', at, schedule: 'feed', error },
  { type: 'schedule.paused', at, schedule: 'feed' },
  { type: 'schedule.resumed', at, schedule: 'feed' },
  { type: 'batch.ended', at, batch: 'import', total: 5, succeeded: 4, dead: 0, cancelled: 1 },
  { type: 'batch.ended', at, batch: 'import', total: 5, succeeded: 4, dead: 1, cancelled: 0, callback: 'j9' },
]

function linesOf(level: Level, format: 'text' | 'json' = 'text', events = EVENTS): string[] {
  const lines: string[] = []
  const listen = logListener({ level, format, write: (line) => lines.push(line) })
  for (const event of events) listen(event)
  return lines
}

describe('the log', () => {
  // R: U5, X4, R6
  it('tells what went wrong and what came back, a line each', () => {
    expect(linesOf('debug').map((line) => line.replace(/^2026-01-01T00:00:00\.000Z /, ''))).toEqual([
      'warn  https://a: circuit open (3 in a row, next probe in 5s)',
      'info  https://a: circuit closed (1 probes succeeded)',
      'error job j1 (http) died: attempts: connect ECONNREFUSED',
      'warn  job j1 (http) is set aside: nobody knows',
      'warn  job j1 (http) lost its lease; its result is dropped',
      'debug job j1 (http) attempt 1 failed, again in 1.5s: connect ECONNREFUSED',
      'debug upload: attempt 1 failed, again in 200ms: connect ECONNREFUSED',
      'info  recovered 2: 1 taken up again, 0 set aside, 1 poison; 3 dead letters',
      'error recovery failed, and is tried again: connect ECONNREFUSED',
      'error store trouble: disk full',
      'info  store trouble is over',
    ])
  })

  // W: 4
  it('tells of clocks that disagree, and of what was not done by the clock', () => {
    expect(linesOf('debug', 'text', OF_CLOCKS).map((line) => line.replace(/^2026-01-01T00:00:00\.000Z /, ''))).toEqual([
      "warn  the store's clock is 1m30s behind this host's: set the clocks, its own is what counts",
      "info  the store's clock and this host's agree again",
      'debug schedule feed: job j1 for 2026-01-01T00:00:00.000Z',
      'warn  schedule feed: 7 times passed undone',
      'error schedule feed: its job could not be made: connect ECONNREFUSED',
      'info  schedule feed is paused',
      'info  schedule feed goes on',
      'info  batch import has ended: 4 of 5 succeeded, 0 died, 1 cancelled',
      'warn  batch import has ended: 4 of 5 succeeded, 1 died, 0 cancelled',
    ])
  })

  it('leaves out what is below its level', () => {
    const count = (level: Level): number => linesOf(level).length
    expect([count('debug'), count('info'), count('warn'), count('error'), count('silent')]).toEqual([11, 9, 6, 3, 0])
  })

  it('can be JSON, a line each, with the event', () => {
    const lines = linesOf(
      'error',
      'json',
      EVENTS.filter(({ type }) => type !== 'worker.recovered'),
    ).map((line) => JSON.parse(line) as unknown)
    expect(lines).toEqual([
      {
        level: 'error',
        message: 'job j1 (http) died: attempts: connect ECONNREFUSED',
        type: 'job.dead',
        ...job,
        attempt: 3,
        cause: 'attempts',
        error,
      },
      { level: 'error', message: 'store trouble: disk full', type: 'store.degraded', at, reason: 'disk full' },
    ])
  })

  it('keeps secrets to itself, in either form', () => {
    const event: HoldfastEvent = { type: 'store.degraded', at, reason: 'postgres://u:hunter2@db refused ?token=hunter2' }
    for (const format of ['text', 'json'] as const) expect(linesOf('info', format, [event]).join()).not.toContain('hunter2')
  })

  it('writes one line for one event, whatever a message holds', () => {
    const event: HoldfastEvent = { type: 'store.degraded', at, reason: 'a\r\n2026 error forged\u001b[31m' }
    const [line] = linesOf('info', 'text', [event])
    expect(line).not.toMatch(/\p{Cc}/u)
  })
})
