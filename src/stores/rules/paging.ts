/**
 * Pages, newest first. A cursor is the number of the last row shown; rows get growing numbers, so new ones never shift a page.
 */
import { OptionError } from '../../core/errors.ts'
import type { Page } from '../../work/store.ts'

export const DEFAULT_PAGE = 50
export const LARGEST_PAGE = 1000

export function pageLimit(limit: number | undefined): number {
  return Math.min(Math.max(Math.trunc(limit ?? DEFAULT_PAGE) || 1, 1), LARGEST_PAGE)
}

/** Rows below this number are still to be shown. @throws OptionError for a cursor that no page gave */
export function readCursor(cursor: string | undefined): number {
  if (cursor === undefined) return Number.MAX_SAFE_INTEGER
  if (!/^[0-9a-z]{1,11}$/.test(cursor)) throw new OptionError('cursor', "must be the 'nextCursor' of the last page", cursor)
  return Number.parseInt(cursor, 36)
}

/** Makes a page of rows that were read one beyond `limit`. */
export function toPage<Row, T>(
  rows: readonly Row[],
  limit: number,
  number: (row: Row) => number,
  show: (row: Row) => T,
): Page<T> {
  const items = rows.slice(0, limit).map(show)
  const last = rows[limit - 1]
  return rows.length > limit && last !== undefined ? { items, nextCursor: number(last).toString(36) } : { items }
}
