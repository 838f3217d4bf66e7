/**
 * What one process at a time does for all: bringing dead letters back. Where nobody shares anything it is always one's
 * turn; so it is when the shared state is lost, since all of this is safe to do twice, and worse not to do at all.
 */
import type { SharedState } from '../core/shared-state.ts'

export interface Turns {
  /** Is it this process's turn? Then it stays so for `ms`; asking again prolongs it. Never rejects. */
  mine(name: string, ms: number): Promise<boolean>
  /** The next one may go. Never rejects. */
  over(name: string): Promise<void>
}

/** For a process that works alone. */
export const alone: Turns = { mine: () => Promise.resolve(true), over: () => Promise.resolve() }

/** @param owner this process and no other: host, pid and a random part */
export function sharedTurns(shared: Pick<SharedState, 'acquire' | 'release'>, owner: string): Turns {
  return {
    mine: async (name, ms) => {
      try {
        return (await shared.acquire(name, owner, ms)).granted
      } catch {
        return true
      }
    },
    over: async (name) => {
      await shared.release(name, owner).catch(() => {})
    },
  }
}
