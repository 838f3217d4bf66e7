/** What a random command is, and what all of them use. */
import * as fc from 'fast-check'
import type { VirtualClock } from '../../../src/testing/virtual-clock.ts'
import type { NewJob } from '../../../src/work/job.ts'
import type { JobStore } from '../../../src/work/store.ts'
import type { NaiveJob, NaiveRequest, NaiveStore } from './naive-store.ts'

/** The store under test, and its clock. */
export interface Real {
  readonly store: JobStore
  readonly clock: VirtualClock
}

export type Step = (model: NaiveStore, real: Real) => Promise<void>

/** Something to do to a store; it is played on the store and on the naive one, and the answers are compared. */
export interface Command {
  readonly verb: string
  readonly step: Step
}

/** fast-check prints it by its name. */
export function command(verb: string, details: string, step: Step): Command {
  return Object.defineProperty({ verb, step }, fc.toStringMethod, { value: () => `${verb} ${details}`.trimEnd() })
}

export const TARGETS = ['a', 'b', 'c']
export const KINDS = ['x', 'y']
export const WORKERS = ['w1', 'w2']
export const LEASE_MS = 60
/** Before the name of a target: the state that says that it is paused. */
export const PAUSE = 'pause:'

export const index: fc.Arbitrary<number> = fc.nat(40)
export const delay: fc.Arbitrary<number> = fc.constantFrom(0, 0, 10, 50)
export const kind: fc.Arbitrary<string> = fc.constantFrom(...KINDS)
export const target: fc.Arbitrary<string> = fc.constantFrom(...TARGETS)
export const rarely: fc.Arbitrary<boolean> = fc.constantFrom(false, false, false, true)
export const batchId: fc.Arbitrary<string> = fc.nat(6).map((n) => `b${n}`)

/** The nth of all jobs that exist, counted around; or one that never was. */
export function pick(model: NaiveStore, at: number): string {
  return model.jobs[at % (model.jobs.length + 1)]?.id ?? 'nobody'
}

export function pickRunning(model: NaiveStore, at: number): NaiveJob | undefined {
  const jobs = model.jobs.filter(({ state }) => state === 'running')
  return jobs[at % Math.max(jobs.length, 1)]
}

let made = 0

/** Ids sort by creation. */
export function nextId(): string {
  return `j${String(++made).padStart(9, '0')}`
}

/** What jobs are, before they have an id. */
export const requests = fc.array(
  fc.record({
    kind,
    target,
    priority: fc.integer({ min: -1, max: 2 }),
    delay,
    key: fc.option(fc.constantFrom('k', 'l'), { nil: undefined }),
    print: fc.constantFrom('p', 'p', 'p', 'q'),
    concurrencyKey: fc.constantFrom(undefined, undefined, '', 'a', 'a', 'b'),
  }),
  { maxLength: 6 },
)
type Requests = typeof requests extends fc.Arbitrary<infer T> ? T : never

/** The same jobs for the model and for the store. */
export function jobsOf(model: NaiveStore, list: Requests): { readonly asked: NaiveRequest[]; readonly jobs: NewJob[] } {
  const asked = list.map(({ key, concurrencyKey, ...over }) => ({
    id: nextId(),
    ...over,
    ...(key === undefined ? {} : { key }),
    ...(concurrencyKey === undefined ? {} : { concurrencyKey }),
  }))
  const jobs = asked.map(({ key, print, delay: wait, ...job }) => ({
    ...job,
    payload: { of: job.id },
    runAt: model.now + wait,
    idempotencyKey: key,
    fingerprint: print,
    idempotencyWindowMs: 100,
  }))
  return { asked, jobs }
}
