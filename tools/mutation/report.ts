/** The mutation report as a page: a row for each file, and what survived. */

export interface MutationReport {
  readonly files: Readonly<Record<string, { readonly mutants: readonly Mutant[] }>>
}

interface Mutant {
  readonly mutatorName: string
  readonly replacement?: string
  readonly status: 'Killed' | 'Survived' | 'NoCoverage' | 'Timeout' | 'CompileError' | 'RuntimeError' | 'Ignored' | 'Pending'
  readonly location: { readonly start: { readonly line: number } }
}

interface Row {
  readonly file: string
  readonly killed: number
  readonly total: number
  readonly survivors: readonly Mutant[]
}

export function renderReport({ files }: MutationReport): {
  readonly page: string
  readonly summary: string
  readonly score: number
} {
  const rows = Object.entries(files)
    .map(([file, { mutants }]) => rowOf(file, mutants))
    .filter(({ total }) => total > 0)
    .sort((a, b) => (a.file < b.file ? -1 : 1))
  const killed = rows.reduce((sum, row) => sum + row.killed, 0)
  const total = rows.reduce((sum, row) => sum + row.total, 0)
  const score = percent(killed, total)
  const table = rows.map((row) => `| ${row.file} | ${percent(row.killed, row.total).toFixed(1)} | ${row.killed} | ${row.total} |`)
  const survivors = rows.flatMap(({ file, survivors: alive }) => alive.map((mutant) => `- \`${file}:${describe(mutant)}`))
  const page = [
    '# Mutation report',
    '',
    'Written by `npm run mutation`: the code of `core/` and of every machine is changed in small ways, and a test must notice.',
    '',
    `**${score.toFixed(1)} %** of ${total} mutants were noticed.`,
    '',
    '| file | score | noticed | mutants |',
    '|---|---:|---:|---:|',
    ...table,
    '',
    '## Survivors',
    '',
    ...survivors,
    '',
  ].join('\n')
  return { page, summary: `${score.toFixed(1)} % of ${total} mutants were noticed, ${total - killed} survived`, score }
}

function rowOf(file: string, mutants: readonly Mutant[]): Row {
  const tried = mutants.filter(({ status }) => ['Killed', 'Timeout', 'Survived', 'NoCoverage'].includes(status))
  const survivors = tried.filter(({ status }) => status === 'Survived' || status === 'NoCoverage')
  return { file, killed: tried.length - survivors.length, total: tried.length, survivors }
}

function describe({ location, mutatorName, replacement = '', status }: Mutant): string {
  const change = replacement.replace(/\s+/g, ' ').replaceAll('`', "'").slice(0, 60)
  return `${location.start.line}\` ${mutatorName}${change === '' ? '' : ` → \`${change}\``}${status === 'NoCoverage' ? ' (no test runs it)' : ''}`
}

function percent(part: number, whole: number): number {
  return whole === 0 ? 100 : (100 * part) / whole
}
