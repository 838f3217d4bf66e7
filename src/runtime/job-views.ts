/** A job with the answer to «why is it not running?»: what its target would say if it were claimed now. */
import type { JobView } from '../ops/source.ts'
import type { TargetRegistry } from '../targets/registry.ts'
import type { Job } from '../work/job.ts'

export function viewJob(job: Job, targets: TargetRegistry): JobView {
  if (job.state === 'scheduled') return { ...job, nextRunAt: job.runAt }
  if (job.state !== 'available') return job
  const admission = targets.find(job.target)?.admit()
  if (admission === undefined || admission.admitted) return { ...job, nextRunAt: job.runAt }
  const { heldBy, heldUntil, reason } = admission
  return {
    ...job,
    heldBy,
    heldReason: reason,
    ...(heldUntil === undefined ? {} : { heldUntil, nextRunAt: Math.max(heldUntil, job.runAt) }),
  }
}
