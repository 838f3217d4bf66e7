/** Asks a kind whether an attempt took effect, when nobody knows. Never throws: no answer is `unknown`. */
import type { Clock } from '../core/clock.ts'
import type { Job } from './job.ts'
import type { Kind, VerifyAnswer } from './kind.ts'

const ANSWERS: ReadonlySet<unknown> = new Set<VerifyAnswer>(['done', 'notDone', 'unknown'])

/** Bounded by the kind's timeout. */
export async function askVerify(kind: Kind, job: Job, clock: Clock): Promise<VerifyAnswer> {
  const { verify } = kind
  if (verify === undefined) return 'unknown'
  const aborter = new AbortController()
  let cancel = (): void => {}
  const timeUp = new Promise<VerifyAnswer>((resolve) => {
    cancel = clock.setTimer(kind.timeoutMs, () => {
      aborter.abort()
      resolve('unknown')
    })
  })
  const ask = async (): Promise<VerifyAnswer> =>
    verify(job.payload, { id: job.id, idempotencyKey: job.idempotencyKey ?? job.id, job, signal: aborter.signal })
  try {
    const answer = await Promise.race([ask(), timeUp])
    return ANSWERS.has(answer) ? answer : 'unknown'
  } catch {
    return 'unknown'
  } finally {
    cancel()
  }
}
