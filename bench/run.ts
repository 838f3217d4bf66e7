/**
 * Holdfast beside its peers: installs them, measures, and writes bench/README.md with its charts.
 *
 *     npm run bench -- [--only SUITE[,SUITE]] [--fresh] [--rounds N] [--quick] [--no-traps] [--list]
 *
 * A suite that has been measured on this kind of machine, of this code, is not measured again unless `--fresh` asks for it, so
 * a run that was broken off goes on where it was.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { machineFacts } from './machine.ts'
import type { Memory, Timing } from './measure.ts'
import { here, installPeers, versionOf } from './peers.ts'
import { render } from './render.ts'
import { fingerprintOf, type Result, read, write } from './results.ts'
import { median, medianDeviation } from './statistics.ts'
import { type Entry, type Suite, suites } from './suites.ts'

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    fresh: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    'no-traps': { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
})
const mostRounds = Number(options.rounds ?? (options.quick ? 1 : 5))
if (!Number.isInteger(mostRounds) || mostRounds < 1) fail(`--rounds must be a whole number from 1, got '${options.rounds}'`)
const samples = options.quick ? 7 : 15
const sampleMs = options.quick ? 8 : 12
const asked = options.only?.flatMap((list) => list.split(','))
const unknown = asked?.filter((id) => id !== 'traps' && !suites.some((suite) => suite.id === id)) ?? []
if (options.list || unknown.length > 0) {
  if (unknown.length > 0) console.error(`there is no suite ${unknown.join(', ')}`)
  for (const { id, title } of suites) console.log(`${id.padEnd(18)}${title}`)
  console.log(`${'traps'.padEnd(18)}Who steps into which trap`)
  process.exit(unknown.length > 0 ? 2 : 0)
}

installPeers()
mkdirSync(join(here, 'results'), { recursive: true })
const started = performance.now()
// Every contender begins in a new process: what is compiled once need not be compiled three hundred times.
const compiled = mkdtempSync(join(tmpdir(), 'holdfast-bench-'))
process.once('exit', () => rmSync(compiled, { recursive: true, force: true }))
const chosen = suites.filter(({ id }) => asked === undefined || asked.includes(id))
for (const [index, suite] of chosen.entries()) await measureSuite(suite, `${index + 1}/${chosen.length}`)
if (!options['no-traps'] && (asked === undefined || asked.includes('traps'))) await traps()
render()
say(`Done in ${Math.round((performance.now() - started) / 1000)} s: bench/README.md`)

async function measureSuite(suite: Suite, place: string): Promise<void> {
  const fingerprint = fingerprintOf(suite)
  const rounds = Math.min(mostRounds, suite.rounds ?? mostRounds)
  const known = read(suite.id)
  if (!options.fresh && known?.fingerprint === fingerprint && known.rounds >= rounds)
    return say(`${place} ${suite.id}: measured before`)
  const machine = machineFacts()
  const timings = new Map<Entry, Timing[]>(suite.entries.map((entry) => [entry, []]))
  for (let round = 0; round < rounds; round++) {
    // Everybody is first, second, … in turn, so that a disturbance of the machine meets all alike.
    for (let turn = 0; turn < suite.entries.length; turn++) {
      const entry = suite.entries[(turn + round) % suite.entries.length]!
      progress(`${place} ${suite.id}: round ${round + 1} of ${rounds}, ${entry.name}`)
      timings.get(entry)!.push(await child<Timing>('time', suite, entry))
    }
  }
  const results: Result[] = []
  for (const entry of suite.entries) {
    progress(`${place} ${suite.id}: memory, ${entry.name}`)
    results.push(resultOf(entry, timings.get(entry)!, await child<Memory>('memory', suite, entry)))
  }
  write({ suite: suite.id, fingerprint, rounds, samples, sampleMs, machine, results })
  say(
    `${place} ${suite.id}: ${results.map(({ name, ns, timesBare }) => `${name} ${text(ns)} (${timesBare.toFixed(1)}×)`).join(', ')}`,
  )
}

function resultOf(entry: Entry, timings: readonly Timing[], memory: Memory): Result {
  const ns = timings.flatMap((timing) => timing.ns)
  const timesBare = timings.map((timing) => median(timing.ns) / median(timing.bareNs))
  const round = (value: number, digits = 1): number => Number(value.toFixed(digits))
  return {
    name: entry.name,
    version: versions(entry),
    ...(entry.note === undefined ? {} : { note: entry.note }),
    ...(entry.lesser ? { lesser: true } : {}),
    ns: round(median(ns)),
    nsDeviation: round(medianDeviation(ns)),
    timesBare: round(median(timesBare), 2),
    timesBareDeviation: round(medianDeviation(timesBare), 2),
    bytesPerCall: round(memory.bytesPerCall, 0),
    ...(memory.bytesPerKey === undefined ? {} : { bytesPerKey: round(memory.bytesPerKey, 0) }),
    ...(memory.firstNs === undefined ? {} : { firstNs: round(memory.firstNs, 0) }),
    collections: round(median(timings.map(({ collections }) => collections)), 2),
    collectionMs: round(median(timings.map(({ collectionMs }) => collectionMs))),
  }
}

function versions({ name, file }: Entry): string {
  if (file !== 'p-family') return versionOf(file)
  return name
    .split(' + ')
    .map((library) => versionOf(library))
    .join(' + ')
}

/** One contender in a process of its own. */
function child<T>(mode: 'time' | 'memory', suite: Suite, entry: Entry): Promise<T> {
  // A nursery that holds a whole run lets what a call leaves behind be counted.
  const flags = mode === 'memory' ? ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64'] : []
  const what = [mode, suite.id, entry.file, ...(entry.variant === undefined ? [] : [entry.variant])]
  const args = [...flags, join(here, 'measure.ts'), ...what, '--samples', String(samples), '--sample-ms', String(sampleMs)]
  return new Promise((resolve, reject) => {
    const running = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_COMPILE_CACHE: compiled },
      timeout: 120_000,
    })
    let output = ''
    running.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk
    })
    running.once('error', reject)
    running.once('close', (code) => {
      if (code !== 0) return reject(new Error(`measuring ${what.join(' ')} ended with ${code}`))
      resolve(JSON.parse(output) as T)
    })
  })
}

function traps(): Promise<void> {
  progress('the traps')
  return new Promise((resolve, reject) => {
    const running = spawn(process.execPath, [join(here, 'traps.ts'), '--quiet'], { stdio: 'inherit', timeout: 300_000 })
    running.once('error', reject)
    running.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`the traps ended with ${code}`))))
  })
}

function text(ns: number): string {
  return ns < 1000 ? `${Math.round(ns)} ns` : ns < 1e6 ? `${(ns / 1000).toFixed(1)} µs` : `${(ns / 1e6).toFixed(1)} ms`
}

function progress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`)
}

function say(line: string): void {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  console.error(line)
}

function fail(problem: string): never {
  console.error(problem)
  process.exit(2)
}
