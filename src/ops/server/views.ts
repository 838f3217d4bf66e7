/** What leaves the process of jobs, dead letters and targets: without the fence, without secrets. */
import type { DeadLetter } from '../../work/job.ts'
import { redact } from '../redact.ts'
import type { JobView } from '../source.ts'

/** A whole job, with its story. */
export function showJob({ token: _fence, ...job }: JobView): unknown {
  return redact(job)
}

/** A job in a list: without payload, result and story. */
export function showJobLine({ token: _fence, payload: _payload, result: _result, history: _history, ...job }: JobView): unknown {
  return redact(job)
}

export function showDeadLetter(letter: DeadLetter): unknown {
  return redact(letter)
}
