/**
 * What every case of the contract works with: a store of its own, and a few words to ask it.
 */
import type { ErrorSummary } from '../../core/errors.ts'
import { isHoldfastError } from '../../core/errors.ts'
import type { Job, NewJob } from '../../work/job.ts'
import type { JobStore, Settlement, WorkerRow } from '../../work/store.ts'

/** One fresh, open store, and the clock that it goes by. */
export interface StoreHarness {
  readonly store: JobStore
  /** Moves the store's clock. */
  readonly clock: { advance(ms: number): void | Promise<void> }
  /** Closes the store and opens another on the same data; absent when data does not outlive the store. */
  reopen?(): Promise<JobStore>
  /** Closes the store, and removes what it left. */
  close(): Promise<void>
}

export type Scenario = readonly [name: string, play: (harness: StoreHarness) => Promise<void>]

/** Fails unless both are the same JSON; the order of properties does not count, undefined ones are absent. */
export function same(actual: unknown, expected: unknown, what: string): void {
  const [got, wanted] = [canonical(actual), canonical(expected)]
  if (got !== wanted) throw new Error(`${what}\n  expected ${wanted}\n  got      ${got}`)
}

export function truthy(value: unknown, what: string): void {
  if (!value) throw new Error(what)
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}

/** Fails unless the promise rejects with this code; answers the error's details. */
export async function rejects(promise: Promise<unknown>, code: string, what: string): Promise<Readonly<Record<string, unknown>>> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason ?? new Error('nothing'),
  )
  if (!isHoldfastError(error) || error.code !== code) throw new Error(`${what}: expected ${code}, got ${String(error)}`)
  return error.details ?? {}
}

let made = 0

/** A job with an id that sorts by creation. */
export function newJob(over: Partial<NewJob> = {}): NewJob {
  const number = ++made
  return {
    id: `job-${String(number).padStart(8, '0')}`,
    kind: 'mail',
    target: 'smtp',
    payload: { number },
    priority: 0,
    fingerprint: `print-${number}`,
    idempotencyWindowMs: 1000,
    ...over,
  }
}

export async function add(store: JobStore, ...overs: Partial<NewJob>[]): Promise<readonly NewJob[]> {
  const jobs = overs.map(newJob)
  await store.enqueue(jobs)
  return jobs
}

export function take(
  store: JobStore,
  limit = 1,
  over: { worker?: string; leaseMs?: number; kind?: string; target?: string } = {},
) {
  const { worker = 'w1', leaseMs = 10_000, kind = 'mail', target = 'smtp' } = over
  return store.claim({ worker, leaseMs, lanes: [{ kind, target, limit }] })
}

/** Adds a job and claims it. */
export async function running(store: JobStore, over: Partial<NewJob> = {}): Promise<Job> {
  const [added] = await add(store, over)
  const [job] = await take(store, 1, { kind: added?.kind as string, target: added?.target as string })
  truthy(job?.id === added?.id, 'a new job in an empty lane is the one that is claimed')
  return job as Job
}

export const oops: ErrorSummary = { name: 'Error', message: 'oops', code: 'E_OOPS', status: 500 }

type Bare = Settlement extends infer One ? (One extends Settlement ? Omit<One, 'id' | 'token'> : never) : never

/** A settlement of this claim. */
export function outcome(job: Job, settlement: Bare): Settlement {
  return { id: job.id, token: job.token, ...settlement } as Settlement
}

export async function settle(store: JobStore, job: Job, settlement: Bare): Promise<void> {
  same(await store.settle([outcome(job, settlement)]), [], `a ${settlement.type} under its fence is carried out`)
}

/** A job that died, with its dead letter. */
export async function dead(store: JobStore, over: Partial<NewJob> = {}, retryInMs?: number, targetDown = false): Promise<Job> {
  const job = await running(store, over)
  await settle(store, job, {
    type: 'dead',
    cause: 'attempts',
    error: oops,
    targetDown,
    ...(retryInMs === undefined ? {} : { retryInMs }),
  })
  return job
}

export async function get(store: JobStore, id: string): Promise<Job> {
  const job = await store.get(id)
  if (job === undefined) throw new Error(`job ${id} is gone`)
  return job
}

export function worker(id: string): WorkerRow {
  return { id, host: 'here', pid: 1, bootId: `boot-${id}`, startedAt: 0, seenAt: 0 }
}
