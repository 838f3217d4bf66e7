import { describe, expect, it } from 'vitest'
import type { Mutant } from './instrument.ts'
import { renderReport } from './report.ts'

const mutant = (line: number, more: Partial<Mutant> = {}): Mutant => ({
  id: String(line),
  fileName: 'src/core/clock.ts',
  mutatorName: 'BooleanLiteral',
  replacement: 'false',
  location: { start: { line, column: 4 }, end: { line, column: 8 } },
  ...more,
})
const circumstances = { date: '2026-01-02', versions: 'this and that', judges: 7 }

describe('the mutation report', () => {
  const { page, score, summary } = renderReport(
    [
      {
        file: 'src/core/clock.ts',
        mutants: [
          mutant(0),
          mutant(1),
          mutant(2, { status: 'Ignored', statusReason: 'cheaper, no other' }),
          mutant(3),
          mutant(4),
        ],
        found: [
          { status: 'Killed', by: 'a' },
          { status: 'Survived' },
          undefined,
          { status: 'NoCoverage' },
          { status: 'Timeout' },
        ],
      },
      { file: 'src/policies/hedge/machine.ts', mutants: [mutant(0), mutant(1)], found: [{ status: 'Killed' }, undefined] },
      { file: 'src/core/outcome.ts', mutants: [], found: [] },
    ],
    circumstances,
  )

  it('counts what was tried: noticed or alive, by file and by area', () => {
    expect([score, summary]).toEqual([60, '60.0 % of 5 mutants were noticed, 2 survived'])
    expect(page).toContain('| src/core/clock.ts | 50.0 | 2 | 4 |')
    expect(page).toContain('| policies/hedge | 100.0 | 1 | 1 |')
    expect(page).not.toContain('outcome.ts')
    expect(page).toContain('1 more were not tried in this run.')
  })

  it('names what survived, and what the code excuses with its reason', () => {
    expect(page).toContain(
      '- `src/core/clock.ts:2:4` BooleanLiteral → `false`\n- `src/core/clock.ts:4:4` BooleanLiteral → `false` (no test runs it)',
    )
    expect(page).toContain('- `src/core/clock.ts:3:4` BooleanLiteral → `false`: cheaper, no other')
    expect(page).toContain('on 2026-01-02 with this and that; 7 tests judged')
  })
})
