/** From an outcome to a settlement: asks what the pure decision needs to know, and carries out what it cannot. */
import type { Clock } from '../core/clock.ts'
import type { Random } from '../core/random.ts'
import type { AdmissionPort } from './admission.ts'
import type { Outcome } from './decide.ts'
import { decide, wantsVerify } from './decide.ts'
import type { Job } from './job.ts'
import type { Kind } from './kind.ts'
import { isSteering } from './steering.ts'
import type { Settlement } from './store.ts'
import { askVerify } from './verify.ts'

export interface ConclusionPorts {
  readonly clock: Clock
  readonly random: Random
  readonly admission: AdmissionPort
  readonly isTargetDown: (target: string, job: string) => boolean
  /** Carries out a handler's `pauseTarget`. `until` is epoch ms. */
  readonly pauseTarget?: ((target: string, until: number) => void) | undefined
  readonly isShuttingDown: () => boolean
}

/** Asks `verify` when the kind wants it. Never rejects: a port that throws knows nothing. */
export async function conclude(job: Job, kind: Kind, outcome: Outcome, ports: ConclusionPorts): Promise<Settlement> {
  if (!wantsVerify(outcome, kind)) return settle(job, kind, outcome, ports)
  const answer = await askVerify(kind, job, ports.clock)
  return settle(job, kind, { type: 'verified', answer, error: (outcome as { error: unknown }).error }, ports)
}

function settle(job: Job, kind: Kind, outcome: Outcome, ports: ConclusionPorts): Settlement {
  carryOutPause(job, outcome, ports)
  const { random } = ports
  if (outcome.type === 'returned' || outcome.type === 'aborted')
    return decide(job, outcome, kind, { targetDown: false, shuttingDown: false, random })
  const admission = known(() => ports.admission.admit(job.target), undefined)
  return decide(job, outcome, kind, {
    targetDown: known(() => ports.isTargetDown(job.target, job.id), false),
    breakerOpen: admission?.admitted === false && admission.heldBy === 'breaker',
    shuttingDown: ports.isShuttingDown(),
    random,
  })
}

function carryOutPause(job: Job, outcome: Outcome, ports: ConclusionPorts): void {
  const steering = outcome.type === 'returned' ? outcome.value : outcome.type === 'failed' ? outcome.error : undefined
  if (!isSteering(steering) || steering.type !== 'pause-target') return
  const until = steering.until ?? ports.clock.wallNow() + (steering.forMs ?? 0)
  known(() => ports.pauseTarget?.(job.target, until), undefined)
}

function known<T>(ask: () => T, otherwise: T): T {
  try {
    return ask()
  } catch {
    return otherwise
  }
}
