/** Writes bench/durable/README.md and its charts out of bench/results/durable.json. Measures nothing. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { barChart } from '../chart.ts'
import type { MachineFacts } from '../machine.ts'
import type { Backlog, Measured, Scale } from './measure.ts'

export interface SystemResult {
  readonly id: string
  readonly name: string
  readonly version: string
  readonly note?: string
  readonly rounds: readonly Measured[]
  readonly median: Measured
}

export interface Results {
  readonly machine: MachineFacts
  readonly scale: Scale
  readonly systems: readonly SystemResult[]
  readonly backlog?: readonly Backlog[]
}

const here = import.meta.dirname

/** What was aimed at, and what the profile says of the rest. */
const BAR =
  'The aim was 50,000 no-op jobs a second on SQLite in one process: not reached here. By profile a job costs SQLite itself some 11 µs ' +
  '(3 to read it, 3.5 to take it, 1.5 to find it again, 3 to end it), of which dropping every index but one would save 2; the rest is the ' +
  'worker: policies, lease, timeout and events of a job, and the collector, 9 µs in a process that is warm and alone (48,000 to 52,000 jobs ' +
  'a second were seen there), twice that while others share its two cores. With no-op jobs PostgreSQL was to be ' +
  'ahead of the others, and is. With jobs of 5 ms graphile-worker is ahead where four processes hold 500 each in advance: it deletes what is done, one ' +
  'write less for each job, and keeps no history.'

export function render({ machine, scale, systems, backlog }: Results): void {
  mkdirSync(join(here, 'charts'), { recursive: true })
  for (const [name, title] of CHARTS) writeFileSync(join(here, 'charts', `${name}.svg`), chart(systems, name, title))
  const rows = (names: readonly (keyof Measured)[], text: (value: number | undefined) => string): string[] =>
    systems.map(({ name, version, median, rounds }) => {
      const cells = names.map((one) => `${text(median[one])}${spread(rounds, one, text)}`)
      return `| ${name} ${version} | ${cells.join(' | ')} |`
    })
  const page = [
    '# Durable work beside its peers',
    '',
    '<!-- Written by bench/durable/render.ts out of bench/results/durable.json; changes belong there. -->',
    '',
    'What one machine does with `npm run bench:durable`: producers, workers and servers share its cores, so read the ratios.',
    '',
    `* ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.system}, Node ${machine.node}, ${machine.measuredAt} UTC, load average at the start ${machine.load}. ${roundsOf(systems)}`,
    '* PostgreSQL with its defaults (fsync on), Redis with an append-only file synced each second, SQLite in a file; a fresh database for each measurement.',
    `* Throughput: ${scale.jobs.toLocaleString('en')} jobs that do nothing (500 at once in a process), ${scale.slowJobs.toLocaleString('en')} jobs that wait for 5 ms (100 at once), one and four worker processes; after a fifth as many to warm up, from the start of the first job that counts to the start of the last.`,
    '* Latency: from before a job is sent until its handler runs, one worker process; idle: 20 jobs a second, under load: 500 a second, each 5 ms.',
    ...systems.flatMap(({ name, note }) => (note === undefined ? [] : [`* ${name}: ${note}.`])),
    '',
    '## Processed, jobs a second',
    '',
    '![jobs a second, no-op, one process](charts/noop1.svg)',
    '',
    '| | no-op, 1 process | no-op, 4 processes | 5 ms, 1 process | 5 ms, 4 processes |',
    '|---|---|---|---|---|',
    ...rows(['noop1', 'noop4', 'slow1', 'slow4'], whole),
    '',
    BAR,
    '',
    '## Enqueued, jobs a second',
    '',
    '![jobs a second enqueued in batches](charts/enqueueMany.svg)',
    '',
    '| | batches of 500 | one after the other |',
    '|---|---|---|',
    ...rows(['enqueueMany', 'enqueueOne'], whole),
    '',
    '## From enqueue to start, ms',
    '',
    '| | idle, p50 | idle, p99 | under load, p50 | under load, p99 |',
    '|---|---|---|---|---|',
    ...rows(['idleP50', 'idleP99', 'loadP50', 'loadP99'], fine),
    ...(backlog === undefined ? [] : backlogSection(backlog)),
    '',
  ]
  writeFileSync(join(here, 'README.md'), page.join('\n'))
}

const CHARTS: readonly (readonly [keyof Measured, string])[] = [
  ['noop1', 'No-op jobs processed a second, one worker process'],
  ['enqueueMany', 'Jobs enqueued a second, in batches of 500'],
]

function chart(systems: readonly SystemResult[], name: keyof Measured, title: string): string {
  const bars = systems.map((one) => ({
    label: one.name,
    value: one.median[name] ?? 0,
    text: whole(one.median[name]),
    ours: one.id.startsWith('holdfast'),
  }))
  return barChart(title, bars)
}

function backlogSection(backlog: readonly Backlog[]): string[] {
  const sizes = backlog[0]?.rows.map(({ waiting }) => waiting) ?? []
  return [
    '',
    '## While many wait',
    '',
    'No-op jobs a second over 20,000 jobs, one worker process, with so many more waiting; measured apart, once.',
    '',
    `| | ${sizes.map((size) => size.toLocaleString('en')).join(' | ')} |`,
    `|---|${sizes.map(() => '---').join('|')}|`,
    ...backlog.map(({ name, rows }) => `| ${name} | ${rows.map(({ rate }) => whole(rate)).join(' | ')} |`),
  ]
}

function roundsOf(systems: readonly SystemResult[]): string {
  const rounds = Math.max(...systems.map((one) => one.rounds.length))
  return rounds === 1
    ? 'One round: read differences below a fifth as none.'
    : `${rounds} rounds, interleaved; medians, and in brackets the lowest and highest.`
}

function spread(rounds: readonly Measured[], name: keyof Measured, text: (value: number | undefined) => string): string {
  const values = rounds.flatMap((round) => round[name] ?? [])
  return values.length < 2 ? '' : ` (${text(Math.min(...values))}–${text(Math.max(...values))})`
}

function whole(value: number | undefined): string {
  if (value === undefined || value === null || Number.isNaN(value)) return 'did not finish'
  return Math.round(Number(value.toPrecision(3))).toLocaleString('en')
}

function fine(value: number | undefined): string {
  return value === undefined || value === null || Number.isNaN(value)
    ? 'did not finish'
    : value < 10
      ? value.toFixed(1)
      : value.toFixed(0)
}

if (import.meta.main) render(JSON.parse(readFileSync(join(here, '../results/durable.json'), 'utf8')) as Results)
