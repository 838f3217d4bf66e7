/** The traps as a table, and why each is failed. */
import type { TrapResults, TrapVerdict } from './traps.ts'

const MARKS: Readonly<Record<TrapVerdict['verdict'], string>> = { passes: '✓', fails: '✗', 'does not apply': '·' }

export function trapSection({ libraries, traps, machine }: TrapResults): string {
  const numbers = Object.keys(traps).map(Number)
  const find = (verdicts: readonly TrapVerdict[], trap: number) => verdicts.find((one) => one.trap === trap)
  const mark = (verdict: TrapVerdict | undefined): string =>
    verdict === undefined ? '·' : `${MARKS[verdict.verdict]}${verdict.note === undefined ? '' : '\\*'}`
  const count = (verdicts: readonly TrapVerdict[], verdict: string): number =>
    verdicts.filter((one) => one.verdict === verdict).length
  const head = ['', 'trap', ...libraries.map(({ name, version }) => `${name} ${version}`)]
  const rows = numbers.map((trap) => [String(trap), traps[trap], ...libraries.map(({ verdicts }) => mark(find(verdicts, trap)))])
  const totals = [
    '',
    'passed / applies',
    ...libraries.map(({ verdicts }) => `${count(verdicts, 'passes')} / ${count(verdicts, 'passes') + count(verdicts, 'fails')}`),
  ]
  return [
    '## Who steps into which trap',
    '',
    `The scenarios of [\`src/testing/conformance\`](../src/testing/conformance/index.ts), played on each library through a thin adapter that uses it as its documentation does, with the option that serves it best ([\`bench/traps\`](traps)). ✓ passes, ✗ fails, · does not apply: the library has no such part. A star has a note below. On Node ${machine.node}; the verdicts are the same with real timers (\`node bench/traps.ts --real\`).`,
    '',
    table(head, [...rows, totals]),
    '',
    '### Why',
    '',
    ...libraries.flatMap(({ name, version, verdicts }) => reasons(name, version, verdicts)),
  ]
    .join('\n')
    .trimEnd()
}

function reasons(name: string, version: string, verdicts: readonly TrapVerdict[]): string[] {
  const said = verdicts.filter(({ verdict, note }) => verdict === 'fails' || (verdict === 'passes' && note !== undefined))
  if (said.length === 0) return []
  const lines = said.map(({ trap, verdict, reason, note, evidence }) => {
    const where = evidence === undefined ? '' : ` ([${evidence}](${publishedFile(name, version, evidence)}))`
    const first = verdict === 'fails' ? `${plain(reason ?? '')}${where}` : 'passes'
    return `* ${trap} ${MARKS[verdict]} ${first}${note === undefined ? '' : ` — ${plain(note)}`}`
  })
  return [`**${name} ${version}**`, '', ...lines, '']
}

function publishedFile(name: string, version: string, evidence: string): string {
  return `https://cdn.jsdelivr.net/npm/${name}@${version}/${evidence.replace(/:\d+$/, '')}`
}

function plain(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}

function table(head: readonly string[], rows: readonly (readonly (string | undefined)[])[]): string {
  const line = (cells: readonly (string | undefined)[]): string => `| ${cells.map((cell) => cell ?? '').join(' | ')} |`
  return [line(head), `|${head.map((_, index) => (index < 2 ? '---|' : ':-:|')).join('')}`, ...rows.map(line)].join('\n')
}
