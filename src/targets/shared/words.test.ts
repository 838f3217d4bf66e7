/** What is said and heard of a target, and what a process makes of it. */
import { describe, expect, it } from 'vitest'
import { SaidBook } from './said-book.ts'
import { judge } from './verdict.ts'
import { type Heard, heardOf, isShareable, type TargetWord } from './word.ts'

const down = (reporter: string, at = 10): Heard => ({
  reporter,
  up: false,
  wants: false,
  down: { at, endAt: 100, openings: 1, several: true, reason: `${reporter} failed` },
})
const up = (reporter: string): Heard => ({ reporter, up: true, wants: false })
const nobody = { downAt: undefined, up: false, closedAt: 0 }

describe('the verdict', () => {
  it.each<[string, { downAt?: number; up?: boolean; closedAt?: number }, readonly Heard[], boolean]>([
    ['nobody says anything', {}, [], false],
    ['one who knows nothing hears one', {}, [down('a')], true],
    ['one who knows nothing hears a quarrel', {}, [down('a'), up('b')], false],
    ['one who was answered hears one', { up: true }, [down('a')], false],
    ['one who was answered hears two', { up: true }, [down('a'), down('b')], true],
    ['one who was answered hears two of four', { up: true }, [down('a'), down('b'), up('c')], false],
    ['one who has found it down stands alone', { downAt: 10 }, [up('a'), up('b')], false],
    ['what was found before the last close is over', { closedAt: 10 }, [down('a', 10), down('b', 9)], false],
    ['what was found after it is not', { closedAt: 9 }, [down('a', 10)], true],
  ])('%s', (_what, own, heard, isDown) => {
    expect(judge({ ...nobody, ...own }, heard).isDown).toBe(isDown)
  })

  it('goes by the newest finding of the others', () => {
    expect(judge(nobody, [down('a', 10), down('b', 12), down('c', 11)])).toMatchObject({
      downs: 3,
      newest: { reason: 'b failed' },
    })
  })
})

describe('a word', () => {
  const said = { name: 'target:x', reporter: 'a', saidAt: 1000 }

  it('is heard in the time of the hearer, whatever the clocks of both say', () => {
    const value: TargetWord = { version: 1, down: { at: 5, leftMs: 4000, openings: 2, several: true, reason: 'r' } }
    expect(heardOf({ ...said, value }, 1500, 50)?.down).toMatchObject({ at: 5, endAt: 50 + 3500, openings: 2 })
    expect(heardOf({ ...said, value }, 9000, 50)?.down?.endAt).toBe(50)
    // The store's clock was set back since.
    expect(heardOf({ ...said, value }, -3_600_000, 50)?.down?.endAt).toBe(50 + 4000)
  })

  // W: 22
  it.each([
    null,
    'down',
    {},
    { version: 2, down: { at: 1 } },
    { version: 1, down: 'yes', closed: 7, patience: null },
    { version: 1, down: { at: 'now', leftMs: Number.NaN, openings: -1, reason: 7 }, patience: { at: 1, leftMs: 1e300 } },
  ])('that is none of ours is nothing, or harmless: %j', (value) => {
    const heard = heardOf({ ...said, value }, 1000, 0)
    if (heard === undefined) return
    expect(heard).toMatchObject({ up: false, wants: false })
    expect(heard.closed).toBeUndefined()
    expect(heard.down?.endAt ?? 0).toBe(0)
    expect(heard.down?.openings ?? 0).toBe(0)
    expect(heard.patience?.endAt ?? 0).toBeLessThanOrEqual(7 * 86_400_000)
  })

  it('is about a target whose name every store takes', () => {
    expect([
      isShareable('https://api.example.com'),
      isShareable('x'.repeat(481)),
      isShareable('a\0b'),
      isShareable('\ud800'),
    ]).toEqual([true, false, false, false])
  })
})

describe('what was said', () => {
  const word = (leftMs: number, at = 1): TargetWord => ({
    version: 1,
    down: { at, leftMs, openings: 1, several: false, reason: 'r' },
  })

  it('is said again only when it means something else, and taken back once', () => {
    const book = new SaidBook()
    const say = (words: readonly [string, TargetWord][]) => {
      const news = book.unsaid(new Map(words))
      book.noted(news)
      return [...news.keys()]
    }
    expect(say([['x', word(5000)]])).toEqual(['x'])
    expect(say([['x', word(4000)]])).toEqual([])
    expect(say([['x', word(9000, 2)]])).toEqual(['x'])
    expect(say([])).toEqual(['x'])
    expect(say([])).toEqual([])
  })

  it('is said or taken back again when the store may not know it', () => {
    const book = new SaidBook()
    book.noted(new Map([['x', word(1)]]))
    book.doubt()
    expect(book.unsaid(new Map([['x', word(1)]])).size).toBe(1)
    book.doubt(['y'])
    expect(book.unsaid(new Map([['x', word(1)]])).get('y')).toBeUndefined()
    expect(book.unsaid(new Map()).has('y')).toBe(true)
  })
})
