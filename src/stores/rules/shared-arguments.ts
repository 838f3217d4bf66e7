/**
 * What is asked of a shared state, checked and brought into bounds before any store sees it, so that all of them refuse and
 * round alike.
 */
import { OptionError } from '../../core/errors.ts'
import type { BeginRequest, Exchange, FinishRequest, SharedState, TakeRequest } from '../../core/shared-state.ts'
import { checkInteger, checkNumber } from '../../core/validate.ts'

/** 100 years: what lasts longer, for ever among it, lasts so long. Every store can add it to a time. */
export const LONGEST_MS = 100 * 365 * 86_400_000
/** Work whose outcome nobody knows is remembered for so long, unless the request says otherwise. */
export const UNKNOWN_KEEP_MS = 86_400_000
/** Request ids and dropped tokens are remembered for so long, in ms: far longer than any driver takes to send again. */
export const RESEND_MS = 30_000
const LONGEST_NAME = 512
const MOST_TOKENS = 1_000_000_000

export interface CheckedTake {
  readonly name: string
  readonly intervalMs: number
  readonly burst: number
  readonly cost: number
  readonly atLeast: number
  readonly maxWaitMs: number
  readonly requestId: string
}

export type GiveBackRequest = Parameters<SharedState['giveBack']>[0]

export type CheckedBegin = Required<BeginRequest>

/** A name that every store can keep in an index. */
export function checkShared(value: unknown, option: string): string {
  if (typeof value !== 'string' || value === '' || value.length > LONGEST_NAME)
    throw new OptionError(option, `must be a string of 1 to ${LONGEST_NAME} characters`, value)
  if (value.includes('\0') || !value.isWellFormed())
    throw new OptionError(option, 'must be well-formed text without the character NUL', value)
  return value
}

/** Whole ms from `min` to 100 years. What is shorter or longer is brought there; what is no length of time is refused. */
export function lasting(value: unknown, option: string, min = 1): number {
  if (typeof value !== 'number' || Number.isNaN(value) || value < 0)
    throw new OptionError(option, 'must be a number of milliseconds of at least 0', value)
  return Math.min(Math.max(Math.ceil(value), min), LONGEST_MS)
}

export function checkTake(request: TakeRequest): CheckedTake {
  const { name, intervalMs, burst } = checkBucket(request)
  const cost = checkInteger(request.cost, 'cost', 1, MOST_TOKENS)
  const atLeast = checkInteger(request.atLeast ?? cost, 'atLeast', 1, cost)
  const maxWaitMs = lasting(request.maxWaitMs ?? 0, 'maxWaitMs', 0)
  if ((atLeast - burst) * intervalMs > maxWaitMs)
    throw new OptionError(
      request.atLeast === undefined ? 'cost' : 'atLeast',
      `is more than a burst of ${burst} ever holds within a wait of ${maxWaitMs} ms`,
      atLeast,
      'Ask for less, or raise burst or maxWaitMs.',
    )
  return { name, intervalMs, burst, cost, atLeast, maxWaitMs, requestId: checkShared(request.requestId, 'requestId') }
}

export function checkGiveBack(request: GiveBackRequest): GiveBackRequest {
  const tokens = checkInteger(request.tokens, 'tokens', 0, MOST_TOKENS)
  return { ...checkBucket(request), tokens, requestId: checkShared(request.requestId, 'requestId') }
}

function checkBucket(request: Pick<TakeRequest, 'name' | 'intervalMs' | 'burst'>) {
  return {
    name: checkShared(request.name, 'name'),
    intervalMs: checkNumber(request.intervalMs, 'intervalMs', 0.000_001, LONGEST_MS),
    burst: checkInteger(request.burst, 'burst', 1, MOST_TOKENS),
  }
}

export function checkBegin(request: BeginRequest): CheckedBegin {
  return {
    name: checkShared(request.name, 'name'),
    owner: checkShared(request.owner, 'owner'),
    fingerprint: checkShared(request.fingerprint, 'fingerprint'),
    leaseMs: lasting(request.leaseMs, 'leaseMs'),
    takeOver: request.takeOver === true,
    keepMs: lasting(request.keepMs ?? UNKNOWN_KEEP_MS, 'keepMs'),
  }
}

/** The result as JSON text. @throws OptionError, or what JSON.stringify says of a cycle */
export function checkFinish(request: FinishRequest): FinishRequest & { readonly json: string } {
  return {
    name: checkShared(request.name, 'name'),
    token: checkShared(request.token, 'token'),
    result: request.result,
    json: toJson(request.result),
    keepMs: lasting(request.keepMs, 'keepMs'),
  }
}

export interface CheckedExchange {
  readonly reporter: string
  readonly ttlMs: number
  readonly said: readonly { readonly name: string; readonly json: string }[]
  readonly takenBack: readonly string[]
}

/** The last word on a name is the one that counts. */
export function checkExchange({ reporter, words, ttlMs }: Exchange): CheckedExchange {
  const last = new Map(words.map(({ name, value }) => [checkShared(name, 'words.name'), value]))
  const said = [...last].filter(([, value]) => value !== undefined).map(([name, value]) => ({ name, json: toJson(value) }))
  return {
    reporter: checkShared(reporter, 'reporter'),
    ttlMs: lasting(ttlMs, 'ttlMs'),
    said,
    takenBack: [...last].filter(([, value]) => value === undefined).map(([name]) => name),
  }
}

export function toJson(value: unknown): string {
  return (JSON.stringify(value) as string | undefined) ?? 'null'
}
