import { breakerScenarios } from './breaker.ts'
import { loadScenarios } from './load.ts'
import { queueScenarios } from './queues.ts'
import { retryScenarios } from './retry.ts'
import type { Scenario } from './scenario.ts'
import { surroundingScenarios } from './surroundings.ts'
import { timeoutScenarios } from './timeout.ts'

/** The traps, by number: what goes wrong, in a line. */
export const TRAPS: Readonly<Record<number, string>> = {
  1: 'a call that began while closed comes back in half-open, and moves the breaker',
  2: 'the probe hangs: half-open for ever',
  3: 'a cancelled probe closes or opens the breaker',
  4: 'permits released twice, or above the quota',
  5: 'callers parked in half-open all run at once on close',
  6: 'a time window keeps old data after idling',
  7: 'the failure rate counts rejections, cache hits, or calls in flight',
  8: 'the wall clock steps back or forward',
  9: 'a wait above 2³¹−1 ms fires at once',
  10: 'jitter vanishes at the cap of the delay',
  11: 'an option is silently ignored',
  12: 'an abort during the backoff waits on, or calls once more',
  13: 'an attempt that ignores the signal keeps the caller waiting',
  14: "a caller's cancel is reported as a timeout, or the reverse",
  15: "one timeout aborts other calls' signals",
  16: 'work that timed out still runs, and its place is given away',
  17: 'an aborted call keeps its place in the queue',
  18: 'a newcomer takes the place that was freed for the head of the queue',
  19: 'a listener that throws breaks the call',
  20: "an options object is written into, or shared: one returns another's data",
  21: 'after a restart the open time counts anew, or an isolated breaker stays so for good',
  22: 'a shutdown that is not final',
  23: 'an asynchronous store is treated as a synchronous one',
  24: 'events that never fire in compositions',
  25: 'hedging: a fast error wins, or the winner waits for the losers',
  26: 'the budget is taken after the wait; its refusal hides the real error',
  27: 'Retry-After trusted blindly, or read in seconds alone',
  28: 'client-side throttling counts requests only when they end',
  29: 'an adaptive limit drifts up when idle, or ignores drops',
  30: 'cost grows with failures, or a turn of the event loop per job',
  31: 'keyed state grows for ever',
  32: 'operations that are synchronous, void, throw at once, throw a non-Error, or return a thenable',
  33: '`maxAttempts` that means retries',
}

/** All scenarios, by the number of their trap. */
export const conformanceScenarios: readonly Scenario[] = [
  ...breakerScenarios,
  ...retryScenarios,
  ...timeoutScenarios,
  ...queueScenarios,
  ...surroundingScenarios,
  ...loadScenarios,
].toSorted((a, b) => a.trap - b.trap)
