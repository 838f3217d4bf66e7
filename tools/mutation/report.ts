/** The results as a page: a row for each file, and what survived. */
import type { Found } from './court.ts'
import type { Mutant } from './instrument.ts'

export interface Tried {
  readonly file: string
  readonly mutants: readonly Mutant[]
  readonly found: readonly (Found | undefined)[]
}

interface Row {
  readonly file: string
  readonly noticed: number
  readonly total: number
  readonly survivors: readonly string[]
  readonly excused: readonly string[]
}

export interface Report {
  readonly page: string
  readonly survivors: string
  readonly summary: string
  readonly score: number
}

export function renderReport(tried: readonly Tried[]): Report {
  const rows = tried.map(rowOf).filter(({ total }) => total > 0)
  const whole = sum('all', rows)
  const areas = [...new Set(rows.map(({ file }) => areaOf(file)))].map((area) =>
    sum(
      area,
      rows.filter(({ file }) => areaOf(file) === area),
    ),
  )
  const score = percent(whole)
  const survivors = rows.flatMap(({ survivors: alive }) => alive).join('\n')
  const page = [
    '# Mutation report',
    '',
    'Written by `npm run mutation`: the code of `core/` and of what decides in `policies/` is changed in small ways, and a test must',
    'notice.',
    '',
    `**${score.toFixed(1)} %** of ${whole.total} mutants were noticed.`,
    '',
    ...tableOf('area', areas),
    '',
    ...tableOf('file', rows),
    '',
    '## Survivors',
    '',
    survivors,
    '',
    '## Excused in the code',
    '',
    rows.flatMap(({ excused }) => excused).join('\n'),
    '',
  ].join('\n')
  return {
    page,
    survivors,
    score,
    summary: `${score.toFixed(1)} % of ${whole.total} mutants were noticed, ${whole.total - whole.noticed} survived`,
  }
}

function rowOf({ file, mutants, found }: Tried): Row {
  const judged = mutants.map((mutant, index) => ({ mutant, found: found[index] }))
  const tried = judged.filter((one) => one.found !== undefined)
  const alive = tried.filter((one) => one.found!.status === 'Survived' || one.found!.status === 'NoCoverage')
  return {
    file,
    noticed: tried.length - alive.length,
    total: tried.length,
    survivors: alive.map((one) => `- ${describe(one.mutant)}${one.found!.status === 'NoCoverage' ? ' (no test runs it)' : ''}`),
    excused: mutants
      .filter(({ status }) => status === 'Ignored')
      .map((mutant) => `- ${describe(mutant)}: ${mutant.statusReason}`),
  }
}

function areaOf(file: string): string {
  return /^src\/(core|policies\/[^/]+)/.exec(file)![1]!
}

function sum(file: string, rows: readonly Row[]): Row {
  const add = (of: (row: Row) => number): number => rows.reduce((all, row) => all + of(row), 0)
  return { file, noticed: add((row) => row.noticed), total: add((row) => row.total), survivors: [], excused: [] }
}

function tableOf(head: string, rows: readonly Row[]): string[] {
  return [
    `| ${head} | score | noticed | mutants |`,
    '|---|---:|---:|---:|',
    ...rows.map((row) => `| ${row.file} | ${percent(row).toFixed(1)} | ${row.noticed} | ${row.total} |`),
  ]
}

function describe({ fileName, location, mutatorName, replacement }: Mutant): string {
  const change = replacement.replace(/\s+/g, ' ').replaceAll('`', "'").slice(0, 70)
  return `\`${fileName}:${location.start.line + 1}:${location.start.column}\` ${mutatorName}${change === '' ? '' : ` → \`${change}\``}`
}

function percent({ noticed, total }: { readonly noticed: number; readonly total: number }): number {
  return total === 0 ? 100 : (100 * noticed) / total
}
