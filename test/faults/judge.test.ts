import { describe, expect, it } from 'vitest'
import type { Evidence } from './judge.ts'
import { judge } from './judge.ts'
import type { Entry } from './ledger.ts'

const run = (token: number, begin: number, effect?: number, acked?: number): Entry[] => [
  { event: 'begin', id: 'a', token, at: begin },
  ...(effect === undefined ? [] : [{ event: 'effect' as const, id: 'a', token, at: effect }]),
  ...(acked === undefined ? [] : [{ event: 'acked' as const, id: 'a', token, at: acked }]),
]
const jobs = (state: string, token: number) => new Map([['a', { state, token, lostLeases: 0 }]])
const evidence = (more: Partial<Evidence> = {}): Evidence => ({
  leaseMs: 1000,
  accepted: new Set(['a']),
  trail: { claims: ['a 1'], successes: [{ id: 'a', token: 1 }], jobs: jobs('succeeded', 1) },
  books: [{ member: 'w', entries: run(1, 10, 20, 25) }],
  faults: [],
  spells: [],
  ...more,
})
const twice = (more: Partial<Evidence> = {}): Evidence =>
  evidence({
    trail: { claims: ['a 1', 'a 2'], successes: [{ id: 'a', token: 2 }], jobs: jobs('succeeded', 2) },
    books: [
      { member: 'w', entries: run(1, 10, 20) },
      { member: 'v', entries: run(2, 2000, 2010, 2015) },
    ],
    ...more,
  })

describe('the judge', () => {
  it('has nothing against a job that was done once', () => {
    expect(judge(evidence())).toMatchObject({ lost: 0, completedTwice: 0, duplicates: 0, executions: 1, offences: [] })
  })

  it.each<[string, Partial<Evidence>, string]>([
    ['is gone', { trail: { claims: [], successes: [], jobs: new Map() } }, 'a is gone, with 0 successes'],
    ['waits', { trail: { claims: ['a 1'], successes: [], jobs: jobs('available', 1) } }, 'a is available, with 0 successes'],
    [
      'succeeded twice',
      {
        trail: {
          claims: ['a 1'],
          successes: [
            { id: 'a', token: 1 },
            { id: 'a', token: 1 },
          ],
          jobs: jobs('succeeded', 1),
        },
      },
      'a succeeded under tokens 1, 1',
    ],
    ['succeeded before its handler ended', { books: [{ member: 'w', entries: run(1, 10) }] }, 'whose handler had not ended'],
    [
      'was acknowledged to another fence',
      { books: [{ member: 'w', entries: [...run(1, 5, 6), ...run(2, 7, 8, 9)] }] },
      'under 2, not 1',
    ],
    [
      'began twice under one token',
      { books: [{ member: 'w', entries: [...run(1, 5), ...run(1, 6, 7)] }] },
      'began twice under 1',
    ],
    ['was never asked for', { accepted: new Set() }, 'a was stored, and nobody was told so'],
    [
      'was claimed twice with one token',
      { trail: { claims: ['a 1', 'a 1'], successes: [{ id: 'a', token: 1 }], jobs: jobs('succeeded', 1) } },
      'a token was given twice',
    ],
  ])('sees that a job %s', (_, more, offence) => {
    expect(judge(evidence(more)).offences.join('\n')).toContain(offence)
  })

  it('holds a second effect against a worker that nothing had happened to', () => {
    expect(judge(twice()).offences).toEqual([expect.stringContaining('which nothing had happened to')])
    const elsewhere = { kind: 'kill', member: 'v', from: 22, to: 23 } as const
    const before = { kind: 'kill', member: 'w', from: 1, to: 2 } as const
    const after = { kind: 'kill', member: 'w', from: 2500, to: 2501 } as const
    expect(judge(twice({ faults: [elsewhere, before, after] })).offences).toHaveLength(1)
  })

  it('does not when its worker was killed on the way to the store, and says how late that was', () => {
    const judgement = judge(twice({ faults: [{ kind: 'kill', member: 'w', from: 24.5, to: 26 }] }))
    expect(judgement).toMatchObject({ duplicates: 1, explained: 1, late: 0, widestWindowMs: 4.5, offences: [] })
  })

  it('does not when the store was away meanwhile, or the worker had no time to renew', () => {
    expect(judge(twice({ spells: [{ what: 'restarted', from: 15, to: 30 }] }))).toMatchObject({ explained: 1, offences: [] })
    const renewed = (asked: number, at: number): Entry => ({ event: 'renewed', id: String(asked), token: 0, at })
    const book = (next: number) => ({ member: 'w', entries: [renewed(5, 6), ...run(1, 10, 20), renewed(next - 1, next)] })
    const late = twice()
    expect(judge({ ...late, books: [book(1005), late.books[1]!] })).toMatchObject({ explained: 0, late: 1, offences: [] })
    expect(judge({ ...late, books: [book(1004), late.books[1]!] }).offences).toHaveLength(1)
    // The claim's own lease runs from the time when it was asked for.
    const claimed: Entry = { event: 'claimed', id: '3', token: 0, at: 9 }
    const claim = { member: 'w', entries: [claimed, ...book(1003).entries] }
    expect(judge({ ...late, books: [claim, late.books[1]!] })).toMatchObject({ late: 1, offences: [] })
  })
})
