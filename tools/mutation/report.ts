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

export interface Circumstances {
  /** ISO date. */
  readonly date: string
  /** Of the instrumenter, and of Node. */
  readonly versions: string
  /** How many tests judged. */
  readonly judges: number
}

export function renderReport(tried: readonly Tried[], { date, versions, judges }: Circumstances): Report {
  const rows = tried.map(rowOf).filter(({ total }) => total > 0)
  const whole = sum('all', rows)
  const areas = [...new Set(rows.map(({ file }) => areaOf(file)))].map((area) =>
    sum(
      area,
      rows.filter(({ file }) => areaOf(file) === area),
    ),
  )
  const score = percent(whole)
  const open = tried.reduce(
    (all, { mutants, found }) => all + mutants.filter(({ status }, at) => !status && !found[at]).length,
    0,
  )
  const survivors = rows.flatMap(({ survivors: alive }) => alive).join('\n')
  const excused = rows.flatMap((row) => row.excused)
  const page = [
    '# Mutation report',
    '',
    'The code of `core/` and of what decides in `policies/` (each machine, and the files that it asks) is changed in small ways, and',
    'a test must notice.',
    '',
    `Written by \`npm run mutation\` on ${date} with ${versions}; ${judges} tests judged.`,
    '',
    `**${score.toFixed(1)} %** of ${whole.total} mutants were noticed; ${whole.total - whole.noticed} survived.`,
    ...(open === 0 ? [] : ['', `${open} more were not tried in this run.`]),
    '',
    ...HOW_TO_READ,
    '',
    '## By area',
    '',
    ...tableOf('area', areas),
    '',
    '## By file',
    '',
    ...tableOf('file', rows),
    '',
    '## Survivors',
    '',
    ...(survivors === '' ? ['None.'] : [...SURVIVORS, '', survivors]),
    '',
    '## Excused in the code',
    '',
    'Changes that no test can see, with the reason that stands beside the code. They count neither as noticed nor as survivors.',
    '',
    excused.join('\n'),
    '',
  ].join('\n')
  return {
    page,
    survivors,
    score,
    summary: `${score.toFixed(1)} % of ${whole.total} mutants were noticed, ${whole.total - whole.noticed} survived`,
  }
}

const HOW_TO_READ = [
  'A mutant counts as noticed when a test fails, or does not end, with it and not without it; when an error appears that nobody',
  'handles; or when the modules cannot be loaded. Each mutant is judged by the tests that run its code: those beside the file',
  'first, then those that see most of it, up to 0.6 s of processor time in all. Properties run with 60 examples here instead of',
  'hundreds, and tests of more than a tenth of a second judge their own folder only, so that some survivors would not outlive',
  '`npm test`. What runs while modules load is judged in a process of its own, by the nearest four files of tests.',
]

const SURVIVORS = [
  'Line and column, what was changed, and into what. Of those that no test can notice, the kinds that recur:',
  '',
  '- a boundary (`>` and `>=`) of two times that count as the same when they are a thousandth of a millisecond apart',
  '- a counter that may as well count down, since only its being another number counts: marks and generations',
  '- `{ once: true }` on a listener that is taken off by hand as well, or whose signal fires once',
  '- a short cut before the general way, such as the bucket and the clock that were used last: without it all is as before, slower',
  '- `?.` and `typeof` before something that would end in the same `catch`, or in the same answer',
  '',
  'The others are details without a test of their own.',
]

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
