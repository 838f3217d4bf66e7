/** What is measured, and who takes part. */

export interface Entry {
  /** What the table calls it. */
  readonly name: string
  /** The file in contenders/. */
  readonly file: string
  /** After a slash of the suite's id in that file, when it takes part twice. */
  readonly variant?: string
  /** What to know of it. */
  readonly note?: string
  /** It does less than what it is measured beside, so the bar is not measured against it; the table shows it all the same. */
  readonly lesser?: boolean
}

export interface Suite {
  readonly id: string
  readonly title: string
  /** A sentence that says what one call is. */
  readonly about: string
  readonly entries: readonly Entry[]
  /** Keys that are in use; each call is for one of them. */
  readonly keys?: number
  /** Fewer rounds, for one that takes long. */
  readonly rounds?: number
  /** The bar of the design: at most so many times a bare await. */
  readonly atMostBare?: number
  /** At least so many times faster than the fastest peer. */
  readonly atLeastPeer?: number
  /** At most so many ns. */
  readonly atMostNs?: number
  /** What the profile says of the time, and what would have to change: told while a bar is missed. */
  readonly missed?: string
}

const holdfast: Entry = { name: 'Holdfast', file: 'holdfast' }
const cockatiel: Entry = { name: 'cockatiel', file: 'cockatiel' }
const opossum: Entry = { name: 'opossum', file: 'opossum' }
const pRetry: Entry = { name: 'p-retry', file: 'p-family' }
const pTimeout: Entry = { name: 'p-timeout', file: 'p-family' }
const bottleneck: Entry = { name: 'bottleneck', file: 'bottleneck', note: 'every job waits for a timer of the platform' }
const rateLimiterFlexible: Entry = { name: 'rate-limiter-flexible', file: 'rate-limiter-flexible' }

export const suites: readonly Suite[] = [
  {
    id: 'composed',
    title: 'Five policies, composed',
    about: 'A call that succeeds through retry, circuit breaker, timeout, bulkhead and rate limiter; nobody reads the signal.',
    entries: [
      holdfast,
      { ...cockatiel, note: '`wrap(retry, breaker, timeout, bulkhead)`: four policies, it has no rate limiter' },
      {
        name: 'p-retry + opossum + p-limit',
        file: 'p-family',
        note: 'put together by hand, opossum for breaker and timeout: the operation gets no signal, nothing cancels, no rate limiter',
        lesser: true,
      },
    ],
    atMostBare: 6,
    atLeastPeer: 20,
    missed:
      "By `node bench/profile.ts composed`: a fifth is making the attempt and the caller's promise, without which a timeout could not release a caller from work that goes on; an eighth is the one reading of the clock (70 to 96 ns on this machine, more than a whole bare await); a tenth is linking and unlinking the timeout, most of it the collector's bookkeeping of a young entry in an old list; a twelfth is garbage, 1.1 kB a call. Making the attempt its own timer entry, and keeping permits in fields, were tried and moved nothing. What is left would be a clock that is read once per turn of the event loop, which makes every limit and timeout wrong by as much as a turn takes, or an attempt without a promise of its own, which gives up the release of the caller.",
  },
  {
    id: 'composed-linked',
    title: 'Composed, with a caller that may cancel',
    about: "The same, with a caller's own long-lived signal, and an operation that reads the signal it is given.",
    entries: [holdfast, { ...cockatiel, note: 'four policies' }],
    atLeastPeer: 1,
  },
  {
    id: 'composed-failure',
    title: 'Composed, and the operation fails',
    about: 'A call that fails and is not retried, through retry, circuit breaker, timeout and bulkhead.',
    entries: [holdfast, cockatiel],
    atLeastPeer: 1,
  },
  {
    id: 'retry',
    title: 'Retry',
    about: 'A call that succeeds at once.',
    entries: [holdfast, cockatiel, pRetry],
    atLeastPeer: 1,
  },
  {
    id: 'breaker',
    title: 'Circuit breaker',
    about: 'A call that succeeds through a closed breaker that counts failures in a row.',
    entries: [holdfast, cockatiel, { ...opossum, note: 'it knows rates alone' }],
    atLeastPeer: 1,
  },
  {
    id: 'breaker-rate',
    title: 'Circuit breaker with a failure rate',
    about: 'A call that succeeds through a closed breaker that counts over ten seconds.',
    entries: [holdfast, cockatiel, opossum],
    atLeastPeer: 1,
  },
  {
    id: 'timeout',
    title: 'Timeout, signal unread',
    about: 'A call that succeeds within its second; the operation does not look at its signal.',
    entries: [
      holdfast,
      cockatiel,
      { ...cockatiel, name: 'cockatiel, cooperative', variant: 'cooperative', note: 'waits for work that ignores its signal' },
      pTimeout,
      { ...opossum, note: 'one signal for all calls' },
    ],
    atLeastPeer: 1,
  },
  {
    id: 'timeout-read',
    title: 'Timeout, signal read',
    about: 'The operation reads its signal, as fetch does.',
    entries: [
      holdfast,
      cockatiel,
      { ...opossum, note: 'one signal for all calls, and one timeout aborts them all', lesser: true },
    ],
    atLeastPeer: 1,
  },
  {
    id: 'timeout-linked',
    title: "Timeout, signal read, linked to the caller's",
    about: "The operation reads its signal, which aborts with the caller's own long-lived one too.",
    entries: [
      holdfast,
      cockatiel,
      { ...pTimeout, note: "the operation gets the caller's signal, which does not abort when the time is up", lesser: true },
      {
        ...opossum,
        note: "takes no signal: the operation gets the caller's, which does not abort when the time is up",
        lesser: true,
      },
    ],
    atLeastPeer: 1,
  },
  {
    id: 'bulkhead',
    title: 'Bulkhead',
    about: 'A call that succeeds, with nine places free.',
    entries: [
      holdfast,
      cockatiel,
      { name: 'p-limit', file: 'p-family' },
      { name: 'p-queue', file: 'p-family', variant: 'queue' },
      opossum,
      bottleneck,
    ],
    atLeastPeer: 1,
  },
  {
    id: 'limiter',
    title: 'Rate limiter',
    about: 'A call that succeeds, with one limit for all that is never reached.',
    entries: [holdfast, rateLimiterFlexible, { name: 'p-queue', file: 'p-family' }, bottleneck],
    atLeastPeer: 1,
  },
  {
    id: 'hedge',
    title: 'Hedge',
    about: 'A call that succeeds before its hedge would start. No peer hedges.',
    entries: [holdfast],
  },
  {
    id: 'refused-breaker',
    title: 'Refused by an open breaker',
    about: 'A call that is refused at once, and the refusal caught.',
    entries: [holdfast, cockatiel, opossum],
    atMostNs: 1000,
    atLeastPeer: 1,
    missed:
      'Awaiting a promise that rejects, and catching it, costs more than the bar on this machine by itself (the bare await of this suite is one): the refusal adds a fifth to that, most of it the error with its message and hint, which carries no stack. A refusal that costs less is one that is not thrown: `breaker.peek()` and `limiter.decide()` answer without a promise and without an error.',
  },
  {
    id: 'refused-limiter',
    title: 'Refused by a spent limit',
    about: 'A call that is refused at once, and the refusal caught.',
    entries: [holdfast, { ...rateLimiterFlexible, note: 'what it rejects with is no Error: neither stack nor message' }],
  },
  {
    id: 'refused-bulkhead',
    title: 'Refused by a full bulkhead',
    about: 'A call that is refused at once, and the refusal caught.',
    entries: [holdfast, cockatiel, opossum],
    atLeastPeer: 1,
  },
  {
    id: 'keys-thousand',
    title: 'A limit per key, a thousand keys',
    about: 'One decision for one of a thousand keys in use.',
    keys: 1000,
    rounds: 3,
    entries: [
      { ...holdfast, note: '`consume(key)`, which answers without a promise' },
      { ...holdfast, name: 'Holdfast, as a policy', variant: 'policy', note: 'runs the call too' },
      rateLimiterFlexible,
      { ...bottleneck, note: 'a Group; runs the call too, which waits for a timer of the platform' },
    ],
    atLeastPeer: 1,
  },
  {
    id: 'keys-million',
    title: 'A limit per key, a million keys',
    about: 'One decision for one of a million keys in use.',
    keys: 1_000_000,
    rounds: 2,
    entries: [
      { ...holdfast, note: '`consume(key)`, which answers without a promise' },
      { ...holdfast, name: 'Holdfast, as a policy', variant: 'policy', note: 'runs the call too' },
      { ...rateLimiterFlexible, note: 'a timer per key' },
    ],
    atLeastPeer: 1,
  },
]
