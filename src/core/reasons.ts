/**
 * Why a policy decided as it did, in a sentence for people, from the numbers that it decided on.
 */
import type { PlainRecord } from './description.ts'
import { formatDuration } from './duration.ts'
import type { ErrorSummary } from './errors.ts'
import type { PolicyEvent } from './events.ts'

interface Known {
  /** The numbers of the decision. */
  readonly numbers: PlainRecord
  /** The policy's options. */
  readonly options: PlainRecord
  readonly failed: string
}

type Say = (known: Known) => string

/** What policies tell, but for refusals, which carry an error that says enough; and that a timeout begins, which only a trace sees. */
type Told =
  | Exclude<PolicyEvent['type'], `execution.${string}` | `${string}.rejected` | `${string}.would-reject`>
  | 'timeout.armed'

const REASONS: Readonly<Record<Told, Say>> = {
  'retry.scheduled': ({ numbers, options, failed }) =>
    `attempt ${numbers.attempt}${of(options.maxAttempts)} failed${failed}; the next begins in ${time(numbers.delayMs)}`,
  'retry.gave-up': ({ numbers, options, failed }) =>
    `no attempt after number ${numbers.attempt}${of(options.maxAttempts)}${failed}: ${WHY_NO_MORE[String(numbers.reason)] ?? numbers.reason}`,
  'timeout.armed': ({ numbers }) => `may take ${time(numbers.limitMs)}`,
  'timeout.expired': ({ numbers }) => `its ${time(numbers.limitMs)} are over`,
  'timeout.abandoned': ({ numbers }) => `the work goes on although its ${time(numbers.limitMs)} are over`,
  'circuit-breaker.changed': ({ numbers }) => `from ${numbers.from} to ${numbers.to}: ${numbers.reason}`,
  'timeout.settled': ({ numbers }) => `the abandoned work has ended; ${numbers.running} of its kind still go on`,
  'circuit-breaker.would-change': ({ numbers }) => `would go from ${numbers.from} to ${numbers.to}: ${numbers.reason}`,
  'circuit-breaker.stale': () => 'the result belongs to an earlier state: it is not counted',
  'rate-limiter.delayed': ({ numbers }) => `its turn is in ${time(numbers.delayMs)}`,
  'rate-limiter.would-delay': ({ numbers }) => `would have waited ${time(numbers.delayMs)}, and only watches`,
  'rate-limiter.blocked': ({ numbers }) =>
    `nothing goes for ${time(numbers.retryAfterMs)}: ${numbers.by === 'server' ? 'the server' : 'somebody'} said so`,
  'rate-limiter.degraded': ({ numbers, failed }) =>
    `the shared count is lost${failed}; keeps to its share, one of ${numbers.processes}`,
  'rate-limiter.restored': () => 'the shared count is back',
  'bulkhead.queued': ({ numbers }) => `waits for a place: ${numbers.inFlight} run, ${numbers.queued} wait`,
  'bulkhead.resized': ({ numbers }) => `its limit goes from ${numbers.from} to ${numbers.to}`,
  'fallback.used': ({ failed }) => `replaced the outcome${failed}`,
  'fallback.failed': ({ failed }) => `the replacement failed too${failed}`,
  'hedge.started': ({ numbers }) =>
    `call ${plus(numbers.hedge)} begins after ${time(numbers.elapsedMs)}: ${WHY_HEDGE[String(numbers.reason)]}`,
  'hedge.denied': ({ numbers }) => `no call ${plus(numbers.hedge)}: ${WHY_NO_HEDGE[String(numbers.reason)]}`,
  'hedge.won': ({ numbers }) => `call ${plus(numbers.hedge)} of ${numbers.started} answered first`,
  'hedge.cancelled': ({ numbers }) => `call ${plus(numbers.hedge)} was told to stop`,
  'hedge.abandoned': ({ numbers }) => `call ${plus(numbers.hedge)} goes on although it was told to stop`,
  'coalesce.joined': ({ numbers }) => `waits with ${count(numbers.callers, 'caller')} for one that runs already`,
  'coalesce.hit': ({ numbers }) => (numbers.ageMs === undefined ? 'kept in the store' : `kept since ${time(numbers.ageMs)}`),
  'coalesce.cancelled': () => 'every caller has left: the call was told to stop',
  'coalesce.store-failed': ({ numbers, failed }) => `went on without its store, lost during ${numbers.during}${failed}`,
  'adaptive-limiter.changed': ({ numbers }) => `its limit goes from ${numbers.from} to ${numbers.to}: ${numbers.reason}`,
  'adaptive-limiter.queued': ({ numbers }) => `waits for a place: ${numbers.inFlight} run, ${numbers.queued} wait`,
  'chaos.injected': ({ numbers }) => `disturbed on purpose: ${numbers.kind}`,
  'chaos.stopped': ({ numbers }) => `disturbs nothing any more: ${numbers.reason}`,
  'budget.exhausted': ({ numbers }) => `${numbers.extras} extra calls beside ${numbers.calls}: ${numbers.allowed} are allowed`,
}

const WHY_NO_MORE: Readonly<Record<string, string>> = {
  attempts: 'all attempts are used up',
  'not-retryable': 'another try would not help',
  elapsed: 'it would begin too late',
  deadline: 'it would not be done in time',
  'retry-after': 'the target asks for more patience than allowed',
  budget: 'the budget for extra calls is used up',
}
const WHY_HEDGE: Readonly<Record<string, string>> = { delay: 'no answer so far', failure: 'the one before failed' }
const WHY_NO_HEDGE: Readonly<Record<string, string>> = {
  budget: 'the budget for extra calls is used up',
  deadline: 'it would not be done in time',
}

const VERDICTS: Readonly<Record<string, Say>> = {
  admitted: ({ numbers }) => (numbers.waitedMs === undefined ? 'may go' : `may go, after ${time(numbers.waitedMs)}`),
  waiting: ({ numbers }) => (numbers.delayMs === undefined ? 'waits for its turn' : `its turn is in ${time(numbers.delayMs)}`),
  rejected: ({ failed }) => `refused${failed}`,
  left: () => 'gave up waiting',
  learnt: () => 'counted what came back',
  passed: () => 'passed the call on as it is',
  answered: () => 'answered without calling further in',
  repeated: ({ numbers }) => `called further in ${numbers.calls} times`,
  replaced: () => 'changed the outcome',
  returned: ({ numbers }) => `returned after ${time(numbers.tookMs)}`,
  failed: ({ numbers, failed }) => `failed after ${time(numbers.tookMs)}${failed}`,
  'would-reject': () => 'would have refused, and only watches',
}

export function reasonOf(
  type: string,
  verdict: string,
  numbers: PlainRecord,
  options: PlainRecord,
  error: ErrorSummary | undefined,
): string {
  const failed = error === undefined ? '' : `: ${error.message === '' ? error.name : error.message}`
  const say = find(REASONS, `${type}.${verdict}`) ?? find(VERDICTS, verdict)
  return say === undefined ? verdict.replaceAll('-', ' ') : say({ numbers, options, failed })
}

function find(table: Readonly<Record<string, Say>>, name: string): Say | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined
}

function time(ms: unknown): string {
  return typeof ms === 'number' ? formatDuration(Math.round(ms)) : 'some time'
}

function of(most: unknown): string {
  return typeof most === 'number' ? ` of ${most}` : ''
}

/** Hedges count the calls beside the first; people count calls. */
function plus(hedge: unknown): number {
  return Number(hedge) + 1
}

function count(many: unknown, thing: string): string {
  const others = Number(many) - 1
  return `${others} other ${thing}${others === 1 ? '' : 's'}`
}
