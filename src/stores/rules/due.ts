/**
 * Which of the finished jobs prune takes: those past their age, and those beyond the newest so many. A kind with a rule of its
 * own is looked at alone, all others together.
 */
import type { PruneRequest, PruneRule } from '../../work/store.ts'

export interface Finished {
  readonly seq: number
  readonly settledAt: number
}

/** The first so many of a kind, oldest first, of those that were settled before this time. */
export type OldestOf<Row extends Finished> = (kind: string, before: number, limit: number) => readonly Row[]

/**
 * Oldest first, at most `limit`. Of a kind of which nothing is due, nothing is read.
 *
 * @param settled how many of each kind are settled
 */
export function due<Row extends Finished>(
  request: PruneRequest,
  now: number,
  settled: ReadonlyMap<string, number>,
  oldestOf: OldestOf<Row>,
): readonly Row[] {
  const limit = Math.max(0, request.limit)
  const rows = keepings(request, settled).flatMap(({ kinds, olderThanMs, keep, count }) => {
    const cutoff = now - olderThanMs
    const surplus = count - keep
    const before = surplus > 0 ? Number.MAX_SAFE_INTEGER : cutoff
    const oldest = oldestFirst(kinds.flatMap((kind) => oldestOf(kind, before, limit)))
    return oldest.filter((row, index) => index < surplus || row.settledAt < cutoff)
  })
  return oldestFirst(rows).slice(0, limit)
}

/** Batches are of no kind: they stay as long as any of their jobs may. */
export function longestAge({ olderThanMs, kinds }: PruneRequest): number {
  return Math.max(olderThanMs, ...Array.from(kinds?.values() ?? [], (rule) => rule.olderThanMs))
}

/** Kinds that are counted together, and their rule. */
interface Keeping extends PruneRule {
  readonly kinds: readonly string[]
  readonly count: number
}

function keepings(request: PruneRequest, settled: ReadonlyMap<string, number>): readonly Keeping[] {
  const own = [...settled].flatMap(([kind, count]) => {
    const rule = request.kinds?.get(kind)
    return rule === undefined ? [] : [{ ...rule, kinds: [kind], count }]
  })
  const others = [...settled].filter(([kind]) => !request.kinds?.has(kind))
  const count = others.reduce((sum, [, n]) => sum + n, 0)
  return [...own, { olderThanMs: request.olderThanMs, keep: request.keep, kinds: others.map(([kind]) => kind), count }]
}

function oldestFirst<Row extends Finished>(rows: Row[]): Row[] {
  return rows.sort((a, b) => a.settledAt - b.settledAt || a.seq - b.seq)
}
