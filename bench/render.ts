/** Writes bench/README.md and bench/charts/*.svg out of bench/results/*.json. Measures nothing. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { barChart } from './chart.ts'
import { here } from './peers.ts'
import { type Result, read, type SuiteResult } from './results.ts'
import { type Suite, suites } from './suites.ts'
import { trapSection } from './trap-table.ts'
import type { TrapResults } from './traps.ts'

export function render(): void {
  mkdirSync(join(here, 'charts'), { recursive: true })
  const measured = suites.flatMap((suite) => {
    const result = read(suite.id)
    return result === undefined ? [] : [{ suite, result }]
  })
  for (const { suite, result } of measured) writeFileSync(join(here, 'charts', `${suite.id}.svg`), chartOf(suite, result))
  const trapFile = join(here, 'results/traps.json')
  const traps = existsSync(trapFile) ? (JSON.parse(readFileSync(trapFile, 'utf8')) as TrapResults) : undefined
  const parts = [
    HEAD,
    measured.length === 0 ? '' : summary(measured),
    measured.length === 0 ? '' : method(measured),
    ...measured.map(({ suite, result }) => section(suite, result)),
    traps === undefined ? '' : trapSection(traps),
  ]
  writeFileSync(join(here, 'README.md'), `${parts.filter((part) => part !== '').join('\n\n')}\n`)
}

const HEAD = `# Holdfast beside its peers

<!-- Written by bench/render.ts out of bench/results/*.json; changes belong there. -->

What a call costs, and who steps into which trap. The peers are installed in this folder alone and never reach users of Holdfast.

\`\`\`sh
npm run bench                          # everything that is not measured yet, then this page
npm run bench -- --only composed       # one suite; --list names them
npm run bench -- --fresh               # measure again what is measured
npm run bench -- --quick --fresh       # a look, in a minute or two: one short round
node bench/profile.ts composed         # where the time of one suite goes, by function
node bench/traps.ts --real             # the traps on real timers
\`\`\``

type Measured = readonly { readonly suite: Suite; readonly result: SuiteResult }[]

function summary(measured: Measured): string {
  const rows = measured.map(({ suite, result }) => {
    const [ours, ...others] = result.results as [Result, ...Result[]]
    const best = peerOf(result.results)
    const lesser = fastest(others.filter((one) => one.lesser && best !== undefined && one.timesBare < best.timesBare))
    const ratio = [best, lesser].flatMap((one) =>
      one === undefined ? [] : [`${times(slower(one, ours))} (${one.name}${one.lesser ? ', which does less' : ''})`],
    )
    return `| [${suite.title}](#${anchor(suite.title)}) | ${times(ours.timesBare)} ± ${ours.timesBareDeviation.toFixed(1)} | ${ratio.join('; ')} | ${time(ours.ns)} ± ${time(ours.nsDeviation)} | ${bytes(ours.bytesPerCall)} | ${barOf(suite, ours, best)} |`
  })
  return [
    '## In short',
    '',
    'Holdfast, by suite: how many times a bare `await` a call costs, and how many times faster it is than the fastest peer.',
    '',
    '| | × bare await | × the fastest peer | per call | garbage | the bar |',
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n')
}

/** What the design asks of a suite, and whether it is so. */
function barOf({ atMostBare, atLeastPeer, atMostNs }: Suite, ours: Result, best: Result | undefined): string {
  const bars: string[] = []
  const say = (reached: boolean, text: string): void => {
    bars.push(`${text}: ${reached ? 'reached' : '**not reached**'}`)
  }
  if (atMostBare !== undefined) say(ours.timesBare <= atMostBare, `at most ${atMostBare} × bare`)
  if (atMostNs !== undefined) say(ours.ns <= atMostNs, `at most ${time(atMostNs)}`)
  if (atLeastPeer !== undefined && best !== undefined)
    say(slower(best, ours) >= atLeastPeer, atLeastPeer === 1 ? 'as fast as any' : `at least ${atLeastPeer} × a peer`)
  return bars.join('; ')
}

function method(measured: Measured): string {
  const { machine, rounds, samples, sampleMs } = measured.reduce((latest, one) =>
    one.result.machine.measuredAt > latest.result.machine.measuredAt ? one : latest,
  ).result
  const loads = measured.map(({ result }) => result.machine.load)
  return `## How it is measured

* ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.system}, Node ${machine.node} (V8 ${machine.v8}), ${machine.measuredAt} UTC; load average when the suites began ${Math.min(...loads)} to ${Math.max(...loads)}${Math.max(...loads) > machine.cores ? ', which is **more than the cores**: read the ratios, not the figures' : ''}.
* Each contender runs in a process of its own that loads nothing else, so that call sites that one library has made polymorphic are not held against another. In each process a bare \`await answer()\` is sampled between the contender's samples, in a loop of its own: the ratio to it is of the same process and the same moment. How much faster one contender is than another is the ratio of those ratios.
* ${rounds === 1 ? 'One round' : `${rounds} rounds`}; in a round every contender has its turn, beginning with another one each time. A process warms up until its calls have settled, then takes ${samples} samples of about ${sampleMs} ms.
* Figures are medians; ± is the median deviation from the median. *Garbage* is the heap that one call leaves to the collector, less that of the bare await, counted in a nursery that is large enough not to be collected meanwhile. *Collections* are those of a million calls with Node's usual heap.
* Each library is used as its documentation does, with the option that serves it best; what an entry lacks or does beside is said under its table.`
}

function section(suite: Suite, { results }: SuiteResult): string {
  const ours = results[0]!
  const keyed = suite.keys !== undefined
  const head = [
    '',
    '× bare await',
    '× Holdfast',
    'per call',
    'garbage per call',
    'collections',
    ...(keyed ? ['first call of a key', 'bytes per key'] : []),
  ]
  const rows = results.map((one) => {
    const cells = [
      `${one.name} ${one.version}`,
      `${times(one.timesBare)} ± ${one.timesBareDeviation.toFixed(1)}`,
      one === ours ? '' : times(slower(one, ours)),
      `${time(one.ns)} ± ${time(one.nsDeviation)}`,
      bytes(one.bytesPerCall),
      `${one.collections.toFixed(1)} (${one.collectionMs.toFixed(1)} ms)`,
      ...(keyed ? [time(one.firstNs ?? 0), bytes(one.bytesPerKey ?? 0)] : []),
    ]
    return `| ${cells.join(' | ')} |`
  })
  const notes = results.flatMap(({ name, note }) => (note === undefined ? [] : [`* ${name}: ${note}.`]))
  return [
    `## ${suite.title}`,
    '',
    suite.about,
    '',
    `![${suite.title}: time per call](charts/${suite.id}.svg)`,
    '',
    `| ${head.join(' | ')} |`,
    `|${head.map(() => '---|').join('')}`,
    ...rows,
    ...(notes.length === 0 ? [] : ['', ...notes]),
    ...(suite.missed !== undefined && barOf(suite, ours, peerOf(results)).includes('not reached')
      ? ['', `**Where the bar is missed.** ${suite.missed}`]
      : []),
  ].join('\n')
}

function chartOf(suite: Suite, { results }: SuiteResult): string {
  const bars = results.map(({ name, ns, timesBare }, index) => ({
    label: name,
    value: ns,
    text: `${time(ns)} · ${times(timesBare)}`,
    ours: index === 0 || name.startsWith('Holdfast'),
  }))
  return barChart(`${suite.title}: time per call · × bare await`, bars)
}

/** The fastest of those that do as much. */
function peerOf(results: readonly Result[]): Result | undefined {
  return fastest(results.slice(1).filter(({ lesser }) => !lesser))
}

function fastest(results: readonly Result[]): Result | undefined {
  const peers = results.filter(({ name }) => !name.startsWith('Holdfast'))
  return peers.length === 0 ? undefined : peers.reduce((best, one) => (one.timesBare < best.timesBare ? one : best))
}

/** Both are measured against a bare await of their own process and moment, so a machine that is busy in turns moves neither. */
function slower(one: Result, ours: Result): number {
  return one.timesBare / ours.timesBare
}

function time(ns: number): string {
  if (ns < 1000) return `${Math.round(ns)} ns`
  return ns < 1e6 ? `${(ns / 1000).toFixed(ns < 1e4 ? 2 : 1)} µs` : `${(ns / 1e6).toFixed(2)} ms`
}

function times(ratio: number): string {
  return `${ratio < 10 ? ratio.toFixed(1) : Math.round(ratio)} ×`
}

function bytes(count: number): string {
  return count < 10_000 ? `${Math.round(count)} B` : `${(count / 1024).toFixed(1)} kB`
}

/** As GitHub makes it. */
function anchor(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^a-z0-9 -]/g, '')
    .replaceAll(' ', '-')
}

if (import.meta.main) render()
