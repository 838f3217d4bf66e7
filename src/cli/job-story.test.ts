import { describe, expect, it } from 'vitest'
import type { JobView } from '../ops/source.ts'
import { errorText, jobStory } from './job-story.ts'

const NOW = Date.UTC(2030, 0, 1)

const story = (job: Partial<JobView>): string =>
  jobStory(
    {
      id: 'j1',
      kind: 'mail',
      target: 'smtp',
      payload: {},
      state: 'available',
      priority: 0,
      attempts: 0,
      createdAt: NOW,
      runAt: NOW - 5000,
      token: 0,
      lostLeases: 0,
      generation: 0,
      cancelRequested: false,
      history: [],
      ...job,
    },
    NOW,
  ).join(' ')

const error = { name: 'Error', message: 'connection reset' }

describe('the story of a job', () => {
  const cases: readonly (readonly [name: string, job: Partial<JobView>, told: string])[] = [
    ['waits', {}, 'It is due since 5 s and waits for a free place in a worker.'],
    [
      'is held by a limit',
      { heldBy: 'limit', heldUntil: NOW + 3000 },
      'the rate limit of smtp is used up. The next place is free in 3 s.',
    ],
    ['is held by a pause', { heldBy: 'pause' }, 'smtp is paused. It goes on with: npx holdfast targets resume smtp.'],
    ['is held by concurrency', { heldBy: 'concurrency' }, 'as many calls to smtp run as may run at a time.'],
    [
      'waits for its concurrency key',
      { heldBy: 'concurrency', heldKey: 'a', heldReason: "a job with the key 'a' runs" },
      "as many jobs of kind mail with the same key run as may run at a time (a job with the key 'a' runs).",
    ],
    ['is held by isolation', { heldBy: 'breaker' }, 'The breaker stays open until somebody resets it.'],
    [
      'is scheduled',
      { state: 'scheduled', nextRunAt: NOW + 60_000 },
      'It is scheduled: it runs in 1 min (2030-01-01T00:01:00Z).',
    ],
    [
      'failed',
      { state: 'scheduled', attempts: 2, nextRunAt: NOW + 9000, lastError: error },
      'Attempt 2 failed with connection reset; it runs again in 9 s',
    ],
    [
      'was handed back',
      {
        state: 'scheduled',
        attempts: 1,
        runAt: NOW + 9000,
        history: [{ at: NOW, event: 'returned', attempt: 1, reason: 'shutdown' }],
      },
      'It was handed back without using up an attempt: shutdown, and runs in 9 s',
    ],
    [
      'runs',
      { state: 'running', attempts: 3, startedAt: NOW - 2000, worker: 'w1' },
      'It runs since 2 s, attempt 3, in worker w1.',
    ],
    ['is to be cancelled', { state: 'running', cancelRequested: true }, 'Somebody asked to cancel it'],
    [
      'lost its worker',
      { state: 'running', leaseUntil: NOW - 4000 },
      'Its lease ended 4 s ago: if the worker is gone, another takes the job up.',
    ],
    ['succeeded', { state: 'succeeded', attempts: 1, finishedAt: NOW - 60_000 }, 'It succeeded 1 min ago, after 1 attempt.'],
    [
      'died',
      { state: 'dead', attempts: 10, finishedAt: NOW - 60_000, lastError: error },
      'It failed for good 1 min ago, after 10 attempts with connection reset. Bring it back with: npx holdfast dlq redrive j1.',
    ],
    [
      'is parked',
      { state: 'parked', history: [{ at: NOW, event: 'parked', attempt: 1, reason: 'outcome unknown' }] },
      'It is set aside for a person to decide: outcome unknown.',
    ],
    [
      'was cancelled',
      { state: 'cancelled', finishedAt: NOW - 1000 },
      'It was cancelled 1 s ago. Run it after all with: npx holdfast jobs retry j1.',
    ],
    [
      'came back',
      { lostLeases: 2, generation: 1 },
      'Its worker vanished 2 times while it ran. It came back from the dead letters once.',
    ],
  ]

  for (const [name, job, told] of cases)
    it(`of one that ${name}`, () => {
      expect(story(job)).toContain(told)
    })

  it('shows errors without repeating themselves', () => {
    expect(errorText({ name: 'TypeError', message: 'TypeError: x' })).toBe('TypeError: x')
    expect(errorText({ name: 'HttpStatusError', message: 'answered', status: 503 })).toBe(
      'HttpStatusError: answered (status 503)',
    )
    expect(errorText({ name: 'Error', message: '' })).toBe('Error')
  })
})
