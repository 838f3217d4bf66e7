import { describe, expect, it } from 'vitest'
import type { PruneRule } from '../../work/store.ts'
import { due, type Finished, longestAge } from './due.ts'

const NOW = 1_000_000
const YEAR: PruneRule = { olderThanMs: 900_000, keep: 1e9 }

/** So many of each kind, one a ms up to now; how many rows were read of each. */
function finished(counts: Readonly<Record<string, number>>) {
  const read = new Map<string, number>()
  const oldestOf = (kind: string, before: number, limit: number): readonly Finished[] => {
    const count = counts[kind] ?? 0
    const rows = Array.from({ length: count }, (_, n) => ({ seq: n, settledAt: NOW - count + n, kind }))
      .filter(({ settledAt }) => settledAt < before)
      .slice(0, limit)
    read.set(kind, rows.length)
    return rows
  }
  return { settled: new Map(Object.entries(counts)), oldestOf, read }
}

describe('what of the finished jobs is due', () => {
  it('is all that is read: a kind that is kept for a year costs nothing beside one that is not', () => {
    const { settled, oldestOf, read } = finished({ invoice: 50_000, ping: 400, mail: 3 })
    const kinds = new Map([
      ['invoice', YEAR],
      ['ping', { olderThanMs: 100, keep: 1e9 }],
    ])
    const rows = due({ ...YEAR, kinds, limit: 500 }, NOW, settled, oldestOf)
    expect(rows).toHaveLength(300)
    expect(Object.fromEntries(read)).toEqual({ invoice: 0, ping: 300, mail: 0 })
  })

  it('is read as far as a call goes, however much of it there is', () => {
    const { settled, oldestOf, read } = finished({ invoice: 50_000, ping: 40_000, mail: 30_000 })
    const kinds = new Map([['ping', { olderThanMs: 900_000, keep: 0 }]])
    const rows = due({ olderThanMs: 0, keep: 1e9, kinds, limit: 500 }, NOW, settled, oldestOf)
    expect(rows.map(({ settledAt }) => settledAt)).toEqual(Array.from({ length: 500 }, (_, n) => NOW - 50_000 + n))
    expect(Object.fromEntries(read)).toEqual({ invoice: 500, ping: 500, mail: 500 })
  })

  it('is nothing where nothing is asked for, or is there', () => {
    const { settled, oldestOf } = finished({ mail: 5 })
    expect(due({ olderThanMs: 0, keep: 0, limit: -1 }, NOW, settled, oldestOf)).toEqual([])
    expect(due({ olderThanMs: 0, keep: 0, limit: 5 }, NOW, new Map(), oldestOf)).toEqual([])
  })

  it('leaves batches as long as the kind that stays longest', () => {
    expect(longestAge({ olderThanMs: 5, keep: 0, limit: 1 })).toBe(5)
    expect(longestAge({ olderThanMs: 5, keep: 0, limit: 1, kinds: new Map([['invoice', YEAR]]) })).toBe(900_000)
  })
})
