/** Jobs of the kind `http` at scripted targets, sent to a running Holdfast and looked at over its API. */
import { expect } from 'vitest'
import type { UserConfig } from '../../src/config/user-config.ts'
import type { JobAnswer, Sent, TargetAnswer } from './answers.ts'
import { HoldfastProcess, temporaryFolder } from './holdfast-process.ts'
import type { ScriptedTarget } from './scripted-target.ts'
import { eventually } from './waiting.ts'

const BACKOFF = { initial: '200ms', max: '1s' } as const

/** A running Holdfast with a breaker and a backoff that a test can wait for. */
export async function start(config: UserConfig = {}): Promise<{ readonly folder: string; readonly holdfast: HoldfastProcess }> {
  const folder = await temporaryFolder()
  const { http, breaker, ...rest } = config
  const holdfast = await HoldfastProcess.in(folder, {
    http: { allow: ['loopback'], timeout: '1s', backoff: BACKOFF, ...http },
    breaker: { failures: 3, openFor: '1s', openForMax: '1500ms', ...breaker },
    worker: { concurrency: 5 },
    audit: { path: './audit.jsonl' },
    log: { level: 'silent' },
    ...rest,
  })
  await holdfast.start()
  return { folder, holdfast }
}

/** Sends so many jobs with keys of their own in one batch, and answers their ids. */
export async function send(holdfast: HoldfastProcess, target: ScriptedTarget, count: number, name = 'k', more: object = {}) {
  const jobs = Array.from({ length: count }, (_, n) => ({
    kind: 'http',
    payload: { url: `${target.origin}/${name}`, method: 'POST', body: { n } },
    idempotencyKey: `${name}-${n}-${target.port}`,
    ...more,
  }))
  const { status, body } = await holdfast.post<{ jobs: Sent[] }>('/v1/jobs/batch', jobs)
  expect(status).toBe(202)
  return body.jobs.map(({ id }) => id)
}

export const jobsOf = async (holdfast: HoldfastProcess, target: ScriptedTarget): Promise<readonly JobAnswer[]> =>
  (await holdfast.get<{ jobs: JobAnswer[] }>(`/v1/jobs?limit=1000&target=${encodeURIComponent(target.origin)}`)).jobs
export const all =
  (state: string) =>
  (jobs: readonly JobAnswer[]): boolean =>
    jobs.length > 0 && jobs.every((job) => job.state === state)
export const attempts = (jobs: readonly JobAnswer[]): number => jobs.reduce((sum, job) => sum + job.attempts, 0)

export async function targetOf(holdfast: HoldfastProcess, target: ScriptedTarget): Promise<TargetAnswer | undefined> {
  const { targets } = await holdfast.get<{ targets: TargetAnswer[] }>('/v1/targets')
  return targets.find(({ name }) => name === target.origin)
}
export const untilBreaker = (holdfast: HoldfastProcess, target: ScriptedTarget, state: string) =>
  eventually(
    () => targetOf(holdfast, target),
    (answer) => answer?.breaker?.state === state,
  )
