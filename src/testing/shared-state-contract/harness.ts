/**
 * What every case of the contract works with: a shared state of its own, others on the same data, and a few words to ask.
 */
import type { BeginAnswer, BeginRequest, SharedState, TakeAnswer, TakeRequest } from '../../core/shared-state.ts'
import { truthy } from '../store-contract/harness.ts'

export { rejects, same, truthy } from '../store-contract/harness.ts'

/** One fresh, open shared state, and the clock that it goes by. */
export interface SharedStateHarness {
  readonly state: SharedState
  /** Another one on the same data, open, with connections of its own as another process has them. The harness closes it. */
  another(): Promise<SharedState>
  /** Moves the store's clock; real time may pass as well, but must not be seen. */
  readonly clock: {
    advance(ms: number): void | Promise<void>
    /** Sets it, forth or back, as NTP or a person would. */
    stepWall(ms: number): void
  }
  /** Takes what they are on away, and gives it back; absent where it cannot go. */
  readonly outage?: { begin(): Promise<void>; end(): Promise<void> }
  /** Closes the state and opens another on the same data; absent when data does not outlive it. */
  reopen?(): Promise<SharedState>
  /** Closes all of them, and removes what they left. */
  close(): Promise<void>
}

export type SharedScenario = readonly [name: string, play: (harness: SharedStateHarness) => Promise<void>]

let made = 0

/** A take from a bucket of 5 that fills by one each 100 ms, under a request id of its own. */
export function take(state: SharedState, over: Partial<TakeRequest> = {}): Promise<TakeAnswer> {
  return state.take({ name: 'api', intervalMs: 100, burst: 5, cost: 1, requestId: `request-${++made}`, ...over })
}

/** What of an answer can be told before. */
export function told({ granted, remaining, waitMs }: TakeAnswer): readonly [granted: number, remaining: number, waitMs: number] {
  return [granted, remaining, waitMs]
}

export function begin(state: SharedState, over: Partial<BeginRequest> = {}): Promise<BeginAnswer> {
  return state.begin({ name: 'charge', owner: 'one', fingerprint: 'f', leaseMs: 1000, ...over })
}

/** Begins work that nobody is at, and answers its token. */
export async function started(state: SharedState, over: Partial<BeginRequest> = {}): Promise<string> {
  const answer = await begin(state, over)
  truthy(answer.state === 'started', `begun work is one's own, not ${answer.state}`)
  return (answer as { readonly token: string }).token
}

/** `count` others on the same data. */
export function others(harness: SharedStateHarness, count: number): Promise<SharedState[]> {
  return Promise.all(Array.from({ length: count }, () => harness.another()))
}
