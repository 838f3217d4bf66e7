/**
 * Where the time of a contender goes: a table of the twenty functions with the most time of their own.
 *
 *     node bench/profile.ts SUITE [FILE] [VARIANT] [--ms 4000]        FILE is a contender's, by default holdfast
 *
 * Written to bench/profiles/ too, beside the profile itself, which browsers' developer tools open.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { here, installPeers, root } from './peers.ts'

const WARM_UP_MICROS = 500_000

interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

interface CallFrame {
  readonly functionName: string
  readonly url: string
  readonly lineNumber: number
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { ms: { type: 'string', default: '4000' } } })
const [suite, file = 'holdfast', variant] = positionals
if (suite === undefined) {
  console.error('Usage: node bench/profile.ts SUITE [FILE] [VARIANT]; npm run bench -- --list names the suites')
  process.exit(2)
}
if (file !== 'holdfast') installPeers()

const name = [suite, file, variant].filter((part) => part !== undefined).join('-')
const folder = mkdtempSync(join(tmpdir(), 'holdfast-profile-'))
try {
  const what = ['spin', suite, file, ...(variant === undefined ? [] : [variant]), '--ms', values.ms]
  const flags = ['--cpu-prof', '--cpu-prof-interval=100', `--cpu-prof-dir=${folder}`]
  const { status } = spawnSync(process.execPath, [...flags, join(here, 'measure.ts'), ...what], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (status !== 0) process.exit(status ?? 1)
  const written = join(folder, readdirSync(folder)[0]!)
  const table = selfTimes(JSON.parse(readFileSync(written, 'utf8')) as Profile)
  mkdirSync(join(here, 'profiles'), { recursive: true })
  renameOver(written, join(here, 'profiles', `${name}.cpuprofile`))
  writeFileSync(join(here, 'profiles', `${name}.txt`), table)
  console.log(table)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function selfTimes({ nodes, samples, timeDeltas }: Profile): string {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]))
  const times = new Map<string, number>()
  let total = 0
  // What came before the first call is the process starting up, and the engine is not settled for a while after it.
  let warmUp = Number.POSITIVE_INFINITY
  for (const [index, id] of samples.entries()) {
    const frame = frames.get(id)!
    if (warmUp > 0) {
      if (warmUp !== Number.POSITIVE_INFINITY) warmUp -= timeDeltas[index] ?? 0
      else if (frame.functionName === 'contender') warmUp = WARM_UP_MICROS
      continue
    }
    if (frame.functionName === '(idle)' || frame.functionName === '(program)') continue
    const key = nameOf(frame)
    const micros = timeDeltas[index] ?? 0
    times.set(key, (times.get(key) ?? 0) + micros)
    total += micros
  }
  const top = [...times].toSorted((a, b) => b[1] - a[1]).slice(0, 20)
  const rows = top.map(([key, micros]) => `${((micros / total) * 100).toFixed(1).padStart(6)} %   ${key}`)
  return `${name}: own time by function, ${(total / 1e6).toFixed(1)} s\n${rows.join('\n')}\n`
}

function nameOf({ functionName, url, lineNumber }: CallFrame): string {
  const where = url === '' ? '' : `${url.replace('file://', '').replace(`${root}/`, '')}:${lineNumber + 1}`
  return `${(functionName || '(anonymous)').padEnd(28)} ${where}`
}

/** The temporary folder may be on another disk. */
function renameOver(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch {
    writeFileSync(to, readFileSync(from))
  }
}
