/** The report of a soak: a page, its figures, and its charts. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lineChart } from '../reports/line-chart.ts'
import type { MachineFacts } from '../reports/machine-facts.ts'
import { factsLine } from '../reports/machine-facts.ts'
import type { Sample, SoakResult } from './soak-run.ts'
import type { Verdict } from './verdicts.ts'

export interface SoakReport {
  readonly version: string
  readonly machine: MachineFacts
  readonly store: string
  readonly minutes: number
  readonly rate: number
  readonly retention: { readonly olderThan: string; readonly keep: number; readonly every: string }
  readonly seed: number
  /** A sentence about the run, or nothing. */
  readonly note: string
  readonly verdicts: readonly Verdict[]
  readonly totals: SoakResult['totals']
  readonly samples: readonly Sample[]
}

const MIB = 1024 * 1024

export const SOAKS = { soak: 'SQLite', 'soak-postgres': 'PostgreSQL' } as const
export type SoakName = keyof typeof SOAKS

/** Writes `NAME.md`, `NAME.json` and `NAME-*.svg`. What was seen on the other store, if anything, is summed up at the end. */
export function writeSoakReport(folder: string, name: SoakName, report: SoakReport): void {
  mkdirSync(folder, { recursive: true })
  const charts = chartsOf(report.samples)
  for (const { file, svg } of charts) writeFileSync(join(folder, `${name}-${file}.svg`), svg)
  writeFileSync(join(folder, `${name}.json`), jsonOf(report))
  const images = charts.map(({ file, title }) => `![${title}](${name}-${file}.svg)`)
  writeFileSync(join(folder, `${name}.md`), page(report, images) + besides(folder, name === 'soak' ? 'soak-postgres' : 'soak'))
}

function besides(folder: string, other: SoakName): string {
  const file = join(folder, `${other}.json`)
  if (!existsSync(file)) return ''
  const { minutes, rate, verdicts, samples, totals, machine } = JSON.parse(readFileSync(file, 'utf8')) as SoakReport
  const failed = verdicts.filter(({ holds }) => !holds).map(({ what }) => what)
  return `
## The same on ${SOAKS[other]}

${minutes} minutes, ${rate} jobs a second, ${totals.accepted.toLocaleString('en-US')} jobs accepted; ${failed.length === 0 ? 'everything held' : `not held: ${failed.join('; ')}`}. From enqueue to start: ${latencyOf(samples)}
(load average ${loadsOf(samples)}, begun ${machine.began}). [Its page](${other}.md).

![From enqueue to start](${other}-latency.svg)
`
}

function latencyOf(samples: readonly Sample[]): string {
  const [p50, p99] = [samples.map((sample) => sample.p50), samples.map((sample) => sample.p99)]
  return `p50 ${median(p50).toFixed(1)} ms, p99 ${median(p99).toFixed(1)} ms (medians over the samples); worst p99 of a sample ${Math.max(...p99).toFixed(0)} ms`
}

function loadsOf(samples: readonly Sample[]): string {
  const loads = samples.map(({ load }) => load)
  return `${Math.min(...loads)} to ${Math.max(...loads)}`
}

/** A line for each sample: a diff shows what changed. */
function jsonOf({ samples, ...rest }: SoakReport): string {
  const lines = samples.map((sample) => `    ${JSON.stringify(sample)}`).join(',\n')
  return `${JSON.stringify(rest, undefined, 2).replace(/\n\}$/, '')},\n  "samples": [\n${lines}\n  ]\n}\n`
}

function chartsOf(samples: readonly Sample[]) {
  const times = samples.map(({ seconds }) => seconds / 60)
  const line = (name: string, of: (sample: Sample) => number | undefined) => ({ name, values: samples.map(of) })
  const chart = (file: string, title: string, unit: string, ...series: ReturnType<typeof line>[]) => ({
    file,
    title,
    svg: lineChart({ title, times, unit, series }),
  })
  const hasWal = samples.some(({ walBytes }) => walBytes !== undefined)
  return [
    chart(
      'memory',
      'Memory',
      'MiB',
      line('resident', ({ rssBytes }) => rssBytes / MIB),
      line('heap in use', ({ heapBytes }) => heapBytes / MIB),
    ),
    chart(
      'store',
      'Size of the store',
      'MiB',
      line('tables', ({ bytes }) => bytes / MIB),
      ...(hasWal ? [line('write-ahead log', ({ walBytes }) => (walBytes ?? 0) / MIB)] : []),
    ),
    chart(
      'rows',
      'Rows',
      'thousands',
      line('jobs', ({ jobs }) => jobs / 1000),
      line('keys', ({ keys }) => keys / 1000),
      line('dead letters', ({ letters }) => letters / 1000),
    ),
    chart(
      'latency',
      'From enqueue to start',
      'ms',
      line('p50', ({ p50 }) => p50),
      line('p99', ({ p99 }) => p99),
    ),
  ]
}

function page(report: SoakReport, images: readonly string[]): string {
  const { minutes, rate, retention, store, totals, samples, verdicts, seed, note, version, machine } = report
  const cpu = samples.reduce((sum, sample) => sum + sample.cpu, 0) / Math.max(1, samples.length)
  return `# ${minutes} minutes of steady work, on ${store}

<!-- Written by \`npm run soak\` (test/soak); changes belong there. -->

A whole Holdfast (worker, API, audit, metrics) took ${rate} jobs a second for ${minutes} minutes: most succeed, some fail and come
back, some die and are redriven or given up, some wait for their time, some are asked for twice by their key, and one target is
down for 15 s in every two minutes. Finished jobs are kept for ${retention.olderThan}, at most ${retention.keep.toLocaleString('en-US')} of them. Every ${samples[0]?.seconds ?? 0} s the process, the
file and the tables were looked at, and metrics, status and dashboard were fetched.

${verdicts.some(({ holds }) => !holds) ? '**Not everything held.**' : 'Everything held.'}

| | | |
|---|---|---|
${verdicts.map(({ what, holds, figures }) => `| ${holds ? 'yes' : '**no**'} | ${what} | ${figures} |`).join('\n')}

${images.join('\n\n')}

| | |
|---|---|
| jobs | ${totals.accepted.toLocaleString('en-US')} accepted, ${totals.duplicates.toLocaleString('en-US')} recognised as duplicates, ${totals.retries.toLocaleString('en-US')} retries, ${totals.died.toLocaleString('en-US')} deaths |
| from enqueue to start | ${latencyOf(samples)} |
| processor | ${(cpu * 100).toFixed(0)} % of one core |
| machine | ${factsLine(machine)}; during the run ${loadsOf(samples)}, other work included |
| run | Holdfast ${version}, seed ${seed}; all samples are in the JSON file beside this page${note === '' ? '' : `. ${note}`} |

Latency is that of jobs that may start at once. A machine that others work on shows in it; memory, file and rows do not depend on that.
`
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
