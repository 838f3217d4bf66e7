/**
 * Which job takes its worker down? When a worker vanishes, everything it held loses its lease, though one job at most is to
 * blame. So jobs that lost their worker repeatedly run one at a time in a worker: the one that is lost then is the poison,
 * and the bystanders are not.
 */
import type { Job } from './job.ts'
import type { Kind } from './kind.ts'

/** How long a suspect waits while another one runs, in ms. */
export const SUSPECT_WAIT_MS = 1000

/** True when the job has lost its worker so often that it must run as the only such job. */
export function isSuspect(job: Job, kind: Kind): boolean {
  return job.lostLeases >= Math.max(2, kind.maxLostLeases - 1)
}

/** True when losing its worker once more proves the job to be poison. `othersLost`: suspects lost with the same worker. */
export function isPoison(job: Job, kind: Kind, othersLost: number): boolean {
  return job.lostLeases + 1 >= kind.maxLostLeases && (kind.maxLostLeases <= 2 || othersLost === 0)
}
