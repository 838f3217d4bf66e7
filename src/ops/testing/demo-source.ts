/**
 * A scripted `OpsSource`: a shop window with realistic states, for tests of the windows and for looking at the dashboard.
 * Every call is noted; answers can be replaced. Nothing runs behind it.
 */
import { EventBus } from '../../core/events.ts'
import type { DeadLetter, JobState } from '../../work/job.ts'
import { JOB_STATES } from '../../work/job.ts'
import type { JobView, LatencySummary, OpsSource, Status, TargetStatus } from '../source.ts'

const MINUTE = 60_000
const NO_LETTERS = { pending: 0, retrying: 0, exhausted: 0, resolved: 0, discarded: 0 }

export interface DemoState {
  now: number
  jobs: JobView[]
  letters: DeadLetter[]
  targets: TargetStatus[]
  status: Status
}

export interface DemoSource extends OpsSource {
  readonly bus: EventBus
  readonly state: DemoState
  /** Every call, as `name` and arguments. */
  readonly calls: readonly (readonly [string, ...unknown[]])[]
}

/** `overrides` replace single answers: `demoSource(now, { status: async () => { throw … } })`. */
export function demoSource(now: number, overrides: Partial<OpsSource> = {}, state: DemoState = stormy(now)): DemoSource {
  const bus = new EventBus()
  const calls: [string, ...unknown[]][] = []
  const target = (name: string): TargetStatus | undefined => state.targets.find((known) => known.name === name)
  const keys = new Map<string, string>()
  let sequence = 0

  const answers: OpsSource = {
    observe: (listener) => bus.observe(listener),
    enqueue: async (requests) =>
      requests.map(({ idempotencyKey }) => {
        const known = idempotencyKey === undefined ? undefined : keys.get(idempotencyKey)
        const id = known ?? `job-new-${++sequence}`
        if (idempotencyKey !== undefined) keys.set(idempotencyKey, id)
        return { id, state: 'available' as const, duplicate: known !== undefined }
      }),
    enqueueBatch: async ({ id = 'batch-new', jobs }) => ({
      id,
      duplicate: false,
      jobs: jobs.map(() => ({ id: `job-new-${++sequence}`, state: 'available' as const, duplicate: false })),
    }),
    batch: async (id) => state.status.batches.find((known) => known.id === id),
    batches: async ({ state: wanted }) => ({
      items: state.status.batches.filter(({ pending }) => wanted === undefined || (wanted === 'open') === pending > 0),
    }),
    job: async (id) => state.jobs.find((job) => job.id === id),
    jobs: async (filter) => ({
      items: state.jobs.filter(
        (job) =>
          (filter.state === undefined || job.state === filter.state) &&
          (filter.kind === undefined || job.kind === filter.kind) &&
          (filter.target === undefined || job.target === filter.target),
      ),
      ...(state.jobs.length > 8 && filter.cursor === undefined ? { nextCursor: 'older' } : {}),
    }),
    cancel: async (id) => state.jobs.find((job) => job.id === id),
    retry: async (id) => state.jobs.find((job) => job.id === id),
    deadLetters: async ({ status }) => ({
      items: state.letters.filter((letter) => status === undefined || letter.status === status),
    }),
    deadLetterStats: async () => ({
      deadLetters: state.status.deadLetters,
      groups: state.letters.map(({ target, kind, status }) => ({ target, kind, ...NO_LETTERS, [status]: 1 })),
      ...(state.letters.length > 0 && { oldestAt: Math.min(...state.letters.map(({ createdAt }) => createdAt)) }),
      causes: Object.fromEntries(state.letters.map(({ cause }) => [cause, 1])),
    }),
    redrive: async ({ ids }) => state.letters.map(({ id }) => id).filter((id) => ids === undefined || ids.includes(id)),
    discard: async (id) => {
      const letter = state.letters.find((known) => known.id === id)
      return letter === undefined ? undefined : { ...letter, status: 'discarded' }
    },
    targets: async () => state.targets,
    isolate: async (name) => target(name),
    reset: async (name) => target(name),
    pause: async (name) => target(name),
    resume: async (name) => target(name),
    schedules: async () => state.status.schedules,
    pauseSchedule: async (name) => state.status.schedules.find((known) => known.name === name),
    resumeSchedule: async (name) => state.status.schedules.find((known) => known.name === name),
    runSchedule: async (name) =>
      state.status.schedules.some((known) => known.name === name)
        ? { id: `job-new-${++sequence}`, state: 'available' as const, duplicate: false }
        : undefined,
    status: async () => ({ ...state.status, targets: state.targets }),
    ready: async () => ({ ok: true, message: 'ready' }),
    ...overrides,
  }
  const noted = Object.fromEntries(
    Object.entries(answers).map(([name, answer]) => [
      name,
      (...args: unknown[]) => {
        if (name !== 'observe') calls.push([name, ...args])
        return (answer as (...args: unknown[]) => unknown)(...args)
      },
    ]),
  ) as unknown as OpsSource
  return { ...noted, bus, state, calls }
}

/** Nothing has happened yet. */
export function empty(now: number): DemoState {
  return { now, jobs: [], letters: [], targets: [], status: statusOf(now, [], {}) }
}

/** All is well. */
export function calm(now: number): DemoState {
  const targets = [
    targetOf('https://api.example.com', 48, { successes: 128_402, failures: 311, jobs: { running: 3 } }),
    targetOf('ai_service', 1240, { successes: 4021, failures: 19, bulkhead: { inFlight: 2, limit: 4, queued: 0 } }),
    targetOf('database', 1.4, { successes: 990_122, failures: 2 }),
  ]
  const jobs = [
    job(now, 'k1', 'http', 'https://api.example.com', 'running', { attempts: 1, startedAt: now - 800 }),
    job(now, 'k2', 'summary', 'ai_service', 'succeeded', { attempts: 1, finishedAt: now - 4000 }),
    job(now, 'k3', 'http', 'https://api.example.com', 'succeeded', { attempts: 2, finishedAt: now - 61_000 }),
  ]
  return {
    now,
    jobs,
    letters: [],
    targets,
    status: statusOf(now, [], { running: 3, available: 12, succeeded: 81_233, scheduled: 4 }),
  }
}

/** One target down, one probed, one paused, one at its limit, dead letters. */
export function stormy(now: number): DemoState {
  const api = 'https://api.example.com'
  const reset = { name: 'NetworkError', message: 'connect ECONNREFUSED 93.184.216.34:443', at: now - 18_000 }
  const targets: TargetStatus[] = [
    targetOf(api, 212, {
      breaker: {
        state: 'open',
        since: now - 23 * MINUTE,
        failures: 5,
        calls: 5,
        probeAt: now + 12_000,
        reason: '5 failures in a row',
        openedBy: { processes: 2, of: 3 },
      },
      heldBy: 'breaker',
      heldUntil: now + 12_000,
      heldReason: 'its breaker is open',
      successes: 18_204,
      failures: 912,
      held: 412,
      lastError: reset,
    }),
    targetOf('ai_service', 1840, {
      breaker: { state: 'half-open', since: now - 6000, failures: 3, calls: 3 },
      successes: 3921,
      failures: 88,
      held: 9,
      bulkhead: { inFlight: 1, limit: 4, queued: 0 },
    }),
    targetOf('twitter_api', 320, {
      limiter: { available: 0, capacity: 20, nextAt: now + 140_000 },
      heldBy: 'limit',
      heldUntil: now + 140_000,
      heldReason: 'the rate limit is used up',
      held: 31,
      successes: 1210,
      failures: 4,
    }),
    targetOf('peer:ab12', 18, { paused: { until: now + 40 * MINUTE }, held: 2, successes: 88, failures: 0 }),
    targetOf('database', 1.4, { successes: 990_122, failures: 2, bulkhead: { inFlight: 7, limit: 20, queued: 0 } }),
    targetOf('https://uploads.example.org', 640, { successes: 7712, failures: 41, limiter: { available: 61, capacity: 100 } }),
  ]
  const held = { heldBy: 'breaker', heldUntil: now + 12_000, heldReason: 'its breaker is open', nextRunAt: now + 12_000 } as const
  const refused = { name: 'NetworkError', message: 'connect ECONNREFUSED 93.184.216.34:443', code: 'ECONNREFUSED' }
  const jobs = [
    job(now, 'a1', 'http', api, 'available', { ...held, lastError: refused, attempts: 2, history: storyOf(now, refused) }),
    job(now, 'a2', 'http', api, 'available', held),
    job(now, 'a3', 'reply', 'twitter_api', 'available', { heldBy: 'limit', heldUntil: now + 140_000, nextRunAt: now + 140_000 }),
    job(now, 'a4', 'summary', 'ai_service', 'running', { attempts: 3, startedAt: now - 4000, worker: 'reef/4120/9f3c' }),
    job(now, 'a5', 'upload', 'https://uploads.example.org', 'scheduled', {
      attempts: 2,
      runAt: now + 95_000,
      nextRunAt: now + 95_000,
      lastError: { name: 'HttpError', message: '503 Service Unavailable', status: 503 },
    }),
    job(now, 'a6', 'payment', 'https://pay.example.net', 'parked', { attempts: 1 }),
    job(now, 'a7', 'http', api, 'dead', { attempts: 3, lastError: { name: 'HttpError', message: '404 Not Found', status: 404 } }),
    job(now, 'a8', 'upload', 'https://uploads.example.org', 'succeeded', { attempts: 1, finishedAt: now - 12_000 }),
    job(now, 'a9', 'reply', 'twitter_api', 'cancelled', { finishedAt: now - 90_000 }),
  ]
  const letters: DeadLetter[] = [
    letterOf(now, 'a7', 'http', api, {
      cause: 'rejected',
      status: 'exhausted',
      error: { name: 'HttpError', message: '404 Not Found', status: 404 },
    }),
    letterOf(now, 'd2', 'summary', 'ai_service', {
      cause: 'attempts',
      targetDown: true,
      error: { name: 'TimeoutError', message: 'timed out after 30000 ms' },
    }),
    letterOf(now, 'd3', 'render', 'browser', {
      cause: 'poison',
      status: 'exhausted',
      error: { name: 'LostLease', message: 'its worker vanished 3 times' },
    }),
  ]
  const reasons: Status['reasons'] = [
    { check: `target:${api}`, status: 'degraded', message: `${api} is not answering, 412 jobs held`, since: now - 23 * MINUTE },
    { check: 'target:ai_service', status: 'degraded', message: 'ai_service is being probed', since: now - 6000 },
    { check: 'dead-letters', status: 'degraded', message: '3 dead letters', since: now - 95 * MINUTE },
  ]
  const counts = { available: 466, running: 8, scheduled: 37, succeeded: 118_204, dead: 3, parked: 1, cancelled: 2 }
  const status = { ...statusOf(now, reasons, counts), held: 454, oldestWaitingMs: 22 * MINUTE }
  return { now, jobs, letters, targets, status: { ...status, deadLetters: { ...status.deadLetters, pending: 1, exhausted: 2 } } }
}

function storyOf(now: number, error: { name: string; message: string }): JobView['history'] {
  return [
    { at: now - 24 * MINUTE, event: 'failed', attempt: 1, error, worker: 'reef/4120/9f3c', nextRunAt: now - 24 * MINUTE + 1200 },
    { at: now - 23 * MINUTE, event: 'failed', attempt: 2, error, worker: 'reef/4120/9f3c' },
    { at: now - 22 * MINUTE, event: 'returned', attempt: 2, reason: 'the breaker of its target is open' },
  ]
}

function latencyOf(median: number): LatencySummary {
  return { count: 900, minMs: median / 3, avgMs: median * 1.2, p50Ms: median, p95Ms: median * 3.1, p99Ms: median * 7 }
}

function targetOf(name: string, median: number, more: Partial<TargetStatus>): TargetStatus {
  const breaker = { state: 'closed' as const, since: 0, failures: 0, calls: 0 }
  return { name, breaker, latency: latencyOf(median), successes: 0, failures: 0, jobs: {}, held: 0, ...more }
}

function job(now: number, id: string, kind: string, target: string, state: JobState, more: Partial<JobView> = {}): JobView {
  return {
    id: `01JD8Z6Q4T9M7W3X5${id.toUpperCase()}`,
    kind,
    target,
    payload: { url: `${target}/v2/orders/18`, method: 'POST', headers: { authorization: 'Bearer sk-live-123456' } },
    state,
    priority: 0,
    attempts: 0,
    createdAt: now - 25 * MINUTE,
    runAt: now - 22 * MINUTE,
    token: 3,
    lostLeases: 0,
    generation: 0,
    cancelRequested: false,
    history: [],
    ...more,
  }
}

function letterOf(now: number, id: string, kind: string, target: string, more: Partial<DeadLetter>): DeadLetter {
  return {
    id: `01JD8Z6Q4T9M7W3X5${id.toUpperCase()}`,
    kind,
    target,
    cause: 'attempts',
    error: { name: 'Error', message: 'failed' },
    attempts: 3,
    generation: 0,
    status: 'pending',
    targetDown: false,
    createdAt: now - 95 * MINUTE,
    nextRetryAt: now + 9 * MINUTE,
    ...more,
  }
}

function schedulesOf(now: number): Status['schedules'] {
  const times = {
    missed: 'latest',
    paused: false,
    lastAt: now - 20_000,
    lastJob: '01JD8Z6Q4T9M7W3X5A8',
    nextAt: now + 10_000,
  } as const
  return [
    { name: 'feed', kind: 'http', everyMs: 30_000, timezone: 'UTC', ...times },
    {
      name: 'report',
      kind: 'summary',
      cron: '0 3 * * *',
      timezone: 'Europe/Berlin',
      missed: 'skip',
      paused: true,
      pausedAt: now - MINUTE,
    },
  ]
}

function batchesOf(now: number): Status['batches'] {
  const none = { succeeded: 0, dead: 0, cancelled: 0 }
  return [
    {
      ...none,
      id: 'import-2026-11',
      total: 5000,
      pending: 3120,
      succeeded: 1862,
      dead: 18,
      createdAt: now - 21 * MINUTE,
      callback: 'job-new-9',
      callbackKind: 'report',
    },
    { ...none, id: 'batch-new', total: 3, pending: 1, parked: 1, succeeded: 2, createdAt: now - MINUTE },
    {
      ...none,
      id: '01JD8Z6Q4T9M7W3X5C3',
      total: 240,
      pending: 0,
      succeeded: 238,
      cancelled: 2,
      createdAt: now - 3 * 60 * MINUTE,
      completedAt: now - 2 * 60 * MINUTE,
      callback: '01JD8Z6Q4T9M7W3X5A8',
      callbackKind: 'publish',
    },
  ]
}

function statusOf(now: number, reasons: Status['reasons'], counts: Partial<Record<JobState, number>>): Status {
  const jobs = Object.fromEntries(JOB_STATES.map((state) => [state, counts[state] ?? 0])) as Record<JobState, number>
  const quick = { operation: 'job:http', ...latencyOf(61), retries: 212, failures: 3 }
  return {
    status: reasons.length === 0 ? 'healthy' : 'degraded',
    reasons,
    version: '0.1.0',
    startedAt: now - 7 * 3_600_000,
    now,
    store: { name: 'sqlite', description: 'sqlite:./var/holdfast.db', ok: true },
    shared: { name: 'sqlite', description: 'sqlite:./var/holdfast.db', ok: true, processes: 3 },
    worker: { id: 'reef/4120/9f3c', running: jobs.running, concurrency: 16, state: 'running', skewMs: 0 },
    schedules: schedulesOf(now),
    batches: batchesOf(now),
    jobs,
    held: 0,
    oldestWaitingMs: 0,
    deadLetters: { pending: 0, retrying: 0, exhausted: 0, resolved: 0, discarded: 0 },
    targets: [],
    operations: jobs.succeeded === 0 ? [] : [quick, { ...quick, operation: 'goto', ...latencyOf(810), retries: 14 }],
  }
}
