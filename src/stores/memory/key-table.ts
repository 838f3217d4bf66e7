/**
 * Idempotency keys of a memory store: which job each one answers with, and until when.
 */
import type { Enqueued, Job, JobState, NewJob } from '../../work/job.ts'
import { keyMismatch } from '../rules/key-mismatch.ts'

interface Key {
  readonly jobId: string
  readonly fingerprint: string
  readonly expiresAt: number
  /** Where the job stood when it was pruned. */
  lastState: JobState | undefined
}

interface Answer extends Enqueued {
  /** True when this job is new and must be added. */
  readonly stored: boolean
}

export class KeyTable {
  /** By kind and key. */
  readonly #keys = new Map<string, Key>()

  /** Decides a whole batch, and keeps its keys. @throws HoldfastError before anything is kept */
  answer(jobs: readonly NewJob[], now: number, find: (id: string) => Job | undefined): readonly Answer[] {
    const fresh = new Map<string, Key>()
    const added = new Map<string, JobState>()
    const stateOf = (id: string): JobState | undefined => added.get(id) ?? find(id)?.state
    const answers = jobs.map((job, index): Answer => {
      const name = nameOf(job.kind, job.idempotencyKey)
      const key = name === undefined ? undefined : (fresh.get(name) ?? this.#live(name, now))
      if (key !== undefined && key.fingerprint !== job.fingerprint) throw keyMismatch(job, index, key.jobId)
      if (key !== undefined && key.jobId !== job.id)
        return { id: key.jobId, state: stateOf(key.jobId) ?? key.lastState ?? 'succeeded', duplicate: true, stored: false }
      // The same id again is the same request, repeated because its answer was lost.
      const known = stateOf(job.id)
      if (known !== undefined) return { id: job.id, state: known, duplicate: false, stored: false }
      const state = job.runAt !== undefined && Math.trunc(job.runAt) > now ? 'scheduled' : 'available'
      added.set(job.id, state)
      if (name !== undefined)
        fresh.set(name, {
          jobId: job.id,
          fingerprint: job.fingerprint,
          expiresAt: now + job.idempotencyWindowMs,
          lastState: undefined,
        })
      return { id: job.id, state, duplicate: false, stored: true }
    })
    for (const [name, key] of fresh) {
      this.#keys.delete(name)
      this.#keys.set(name, key)
    }
    return answers
  }

  jobGone(job: Job): void {
    const name = nameOf(job.kind, job.idempotencyKey)
    const key = name === undefined ? undefined : this.#keys.get(name)
    if (key?.jobId === job.id) key.lastState = job.state
  }

  /** Drops keys whose window is over; answers how many. */
  expire(now: number, limit: number): number {
    let count = 0
    for (const [name, key] of this.#keys) {
      if (count >= limit) break
      if (key.expiresAt > now) continue
      this.#keys.delete(name)
      count++
    }
    return count
  }

  #live(name: string, now: number): Key | undefined {
    const key = this.#keys.get(name)
    return key !== undefined && key.expiresAt > now ? key : undefined
  }
}

function nameOf(kind: string, key: string | undefined): string | undefined {
  return key === undefined ? undefined : JSON.stringify([kind, key])
}
