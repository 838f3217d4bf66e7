/** Runs jobs under the policies of their targets: the place where calls and work meet. */
import type { TargetRegistry } from '../targets/registry.ts'
import type { JobRunner } from '../work/runner.ts'

export function jobRunner(targets: TargetRegistry): JobRunner {
  return (job, operation, signal) =>
    targets
      .get(job.target)
      .executeAttempt(({ signal: attempt, deadline }) => operation(attempt, Number.isFinite(deadline) ? deadline : undefined), {
        signal,
        caller: job.id,
        operation: job.kind,
        id: job.id,
      })
}
