/** New jobs and batches, and the callbacks of batches that have ended. */
import type { BatchEnqueued, CompletedBatch, NewBatch } from '../../work/batch.ts'
import { withSummary } from '../../work/batch.ts'
import type { Enqueued, NewJob } from '../../work/job.ts'
import { newJob } from '../rules/job-changes.ts'
import type { Tables } from './tables.ts'

export function enqueue(tables: Tables, jobs: readonly NewJob[], now: number, batchId?: string): readonly Enqueued[] {
  // Before anything is kept: a payload that is not JSON throws here.
  const payloads = jobs.map((job) => JSON.stringify(job.payload) as string | undefined)
  const answers = tables.keys.answer(jobs, now, (id) => tables.jobs.byId(id)?.job)
  for (const [index, job] of jobs.entries())
    if (answers[index]?.stored) tables.jobs.add(newJob(job, now, batchId), payloads[index])
  return answers.map(({ id, state, duplicate }) => ({ id, state, duplicate }))
}

export function enqueueBatch(tables: Tables, batch: NewBatch, jobs: readonly NewJob[], now: number): BatchEnqueued {
  const { id } = batch
  if (tables.batches.has(id)) {
    const known = tables.jobs.ofBatch(id).map(({ job }) => ({ id: job.id, state: job.state, duplicate: true }))
    return { id, duplicate: true, jobs: known }
  }
  const answers = enqueue(tables, jobs, now, id)
  tables.batches.add(batch, answers.filter(({ duplicate }) => !duplicate).length, now)
  return { id, duplicate: false, jobs: answers }
}

export function completeBatches(tables: Tables, ids: readonly string[], now: number): readonly CompletedBatch[] {
  const completed = ids.map((id) => tables.batches.complete(id, now)).filter((batch) => batch !== undefined)
  for (const { callback, summary } of completed)
    if (callback !== undefined) enqueue(tables, [withSummary(callback, summary)], now)
  return completed
}
