import { HoldfastError } from '../../core/errors.ts'

/** The job is not the caller's any more: whatever the caller's transaction holds must be rolled back. */
export function leaseLost(id: string): HoldfastError {
  return new HoldfastError(`job ${id} cannot be completed: its lease is lost, or it was completed already`, {
    code: 'ERR_LEASE_LOST',
    hint: 'Roll the transaction back: another worker has the job, or will have it.',
    details: { id },
  })
}
