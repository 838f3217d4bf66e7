/**
 * A job with the answer to «why is it not running?»: what its target would say if it were claimed now, and whether as many
 * with its concurrency key run as may.
 */
import type { JobView } from '../ops/source.ts'
import type { TargetRegistry } from '../targets/registry.ts'
import type { Job } from '../work/job.ts'
import type { KeyHold } from '../work/key-holds.ts'

export function viewJob(job: Job, targets: TargetRegistry, keyHold?: KeyHold): JobView {
  if (job.state === 'scheduled') return { ...job, nextRunAt: job.runAt }
  if (job.state !== 'available') return job
  const admission = targets.find(job.target)?.admit()
  if (admission === undefined || admission.admitted)
    return keyHold === undefined ? { ...job, nextRunAt: job.runAt } : heldByKey(job, keyHold)
  const { heldBy, heldUntil, reason } = admission
  return {
    ...job,
    heldBy,
    heldReason: reason,
    ...(heldUntil === undefined ? {} : { heldUntil, nextRunAt: Math.max(heldUntil, job.runAt) }),
  }
}

/** Until when, nobody knows. */
function heldByKey(job: Job, { key, running, limit }: KeyHold): JobView {
  const reason =
    limit === 1 ? `a job with the key '${key}' runs` : `${running} jobs with the key '${key}' run, of ${limit} that may`
  return { ...job, heldBy: 'concurrency', heldKey: key, heldReason: reason }
}
