/**
 * Pages of batches: those that have not ended first, by id downwards, then those that have, the last to end first. So each part
 * is read along an index of its own, and no batch that is added shifts a page of what has ended.
 */
import { OptionError } from '../../core/errors.ts'
import { checkOneOf } from '../../core/validate.ts'
import type { BatchFilter, Page } from '../../work/store.ts'
import { pageLimit } from './paging.ts'

/** What of each part is still to be shown. An id is printable ASCII and never empty. */
export interface BatchBounds {
  /** Open ones below this id; none are when it is empty. */
  readonly openBelow: string
  /** Ended ones before this moment, or at it and below this id. */
  readonly endedAt: number
  readonly endedBelow: string
  readonly limit: number
}

const ALL_OPEN = '\u007f'
const NO_OPEN = ''
const ALL_ENDED = { endedAt: Number.MAX_SAFE_INTEGER, endedBelow: '' }
const NONE_ENDED = { endedAt: -1, endedBelow: '' }

/** @throws OptionError for a cursor that no page gave, or a state that is none */
export function batchBounds({ state, limit, cursor }: BatchFilter): BatchBounds {
  if (state !== undefined) checkOneOf(state, 'state', ['open', 'ended'])
  const last = cursor === undefined ? undefined : readCursor(cursor)
  const openBelow = state === 'ended' || last?.endedAt !== undefined ? NO_OPEN : (last?.id ?? ALL_OPEN)
  const ended = last?.endedAt === undefined ? ALL_ENDED : { endedAt: last.endedAt, endedBelow: last.id }
  return { openBelow, ...(state === 'open' ? NONE_ENDED : ended), limit: pageLimit(limit) }
}

/** Makes a page of batches that were read one beyond `limit`. */
export function toBatchPage<T extends { readonly id: string; readonly completedAt?: number }>(
  found: readonly T[],
  limit: number,
): Page<T> {
  const items = found.slice(0, limit)
  const last = items.at(-1)
  if (found.length <= limit || last === undefined) return { items }
  return { items, nextCursor: Buffer.from(`${last.completedAt ?? ''} ${last.id}`).toString('base64url') }
}

function readCursor(cursor: string): { readonly endedAt: number | undefined; readonly id: string } {
  const [, at, id] = /^(\d{0,16}) ([\x21-\x7e]{1,255})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  if (id === undefined) throw new OptionError('cursor', "must be the 'nextCursor' of the last page", cursor)
  return { endedAt: at === '' ? undefined : Number(at), id }
}
