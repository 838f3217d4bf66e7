/**
 * One caller in the line of a limit: until its turn comes, it gives up, or its turn has moved beyond what it can wait for.
 * Whichever comes first ends it; no listener remains.
 */
import type { Key, Limits } from './limits.ts'
import type { Turn } from './turns.ts'

export interface Waiting {
  readonly key: Key
  readonly cost: number
  readonly now: number
  readonly maxWaitMs: number
  /** Monotonic ms. */
  readonly deadline?: number
  readonly signal: AbortSignal | undefined
}

/**
 * @param refused makes the error for whom waiting came to nothing
 * @returns what the server view had counted by then, if there is one
 */
export function takeTurn(limits: Limits, waiting: Waiting, refused: (waitMs: number) => Error): Promise<number | undefined> {
  const { key, cost, now, maxWaitMs, deadline = Number.POSITIVE_INFINITY, signal } = waiting
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error)
    const cancelled = (): void => {
      turns.leave(turn)
      reject(signal?.reason as Error)
    }
    const unlink = (): void => signal?.removeEventListener('abort', cancelled)
    const turn: Turn = {
      cost,
      latest: now + maxWaitMs,
      deadline,
      go: () => {
        unlink()
        resolve(sent)
      },
      refuse: (waitMs) => {
        unlink()
        reject(refused(waitMs))
      },
    }
    signal?.addEventListener('abort', cancelled, { once: true })
    const turns = limits.join(key, turn, now)
    const sent = limits.view(key)?.sent
  })
}
