import { HoldfastError } from '../../core/errors.ts'
import type { NewJob } from '../../work/job.ts'

/** The same idempotency key with another payload: `details.index` says which job of the batch, `details.id` names the first. */
export function keyMismatch(job: NewJob, index: number, firstId: string): HoldfastError {
  return new HoldfastError(
    `idempotency key ${JSON.stringify(job.idempotencyKey)} of kind '${job.kind}' was used with another payload`,
    {
      code: 'ERR_IDEMPOTENCY_MISMATCH',
      hint: 'Use a new key for new work, or send the same payload again.',
      details: {
        index,
        id: firstId,
        key: job.idempotencyKey,
        path: 'idempotencyKey',
        rule: 'must not be used again with another payload',
      },
    },
  )
}
