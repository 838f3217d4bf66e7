/**
 * The port through which the worker asks a target before it claims: what would be refused is not taken.
 * Asking changes nothing: it uses up no probe and no token.
 */

export type HoldReason = 'breaker' | 'limit' | 'pause' | 'concurrency'

export type Admission =
  /** Up to `slots` jobs may start now; 1 while a half-open breaker wants a probe. */
  | { readonly admitted: true; readonly slots: number }
  /** `heldUntil` is epoch ms, absent when nobody knows. */
  | { readonly admitted: false; readonly heldBy: HoldReason; readonly heldUntil?: number; readonly reason: string }

export interface AdmissionPort {
  /** `waiting`: there is work for it now. Otherwise somebody only asks how it stands, and no probe is due to them. */
  admit(target: string, waiting?: boolean): Admission
}

/** Admits everything; for work whose targets have no policies. */
export const admitAll: AdmissionPort = { admit: () => ({ admitted: true, slots: Number.MAX_SAFE_INTEGER }) }
