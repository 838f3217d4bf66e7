/**
 * `npm run mutation`: changes the code of core/ and of what decides in policies/ in small ways, and sees whether a test notices.
 * Writes docs/mutation.md. What is known is kept in reports/mutation: a run that was stopped goes on where it was, and a later
 * one tries again only what may have changed.
 *
 *     npm run mutation [-- [--fresh] [part of a path …]]
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from '../project.ts'
import { Court, type Found } from './court.ts'
import { filesOf, hashOf, instrument, instrumented, type Mutant } from './instrument.ts'
import type { Baseline, Loaded } from './judge.ts'
import { JudgeProcess } from './judge-process.ts'
import { renderReport } from './report.ts'
import { keep, type Results, stillKnown } from './results.ts'
import { judges, sources } from './scope.ts'

/** More than cores: a test that hangs is waited for. */
const PROCESSES = 3

/** How many tests there were to judge, kept for a run that has nothing left to try. */
const judging = join(root, 'reports/mutation/judges.txt')

const { values, positionals } = parseArgs({ allowPositionals: true, options: { fresh: { type: 'boolean' } } })
if (values.fresh) rmSync(join(root, 'reports/mutation'), { recursive: true, force: true })
install()

const chosen = sources.filter((file) => positionals.length === 0 || positionals.some((part) => file.includes(part)))
rmSync(instrumented, { recursive: true, force: true })
const mutants = groupByFile(await instrument(chosen))
const results = knownOf(mutants)
// The policies first: the core takes longest.
const open = [...mutants]
  .toReversed()
  .flatMap(([file, of]) =>
    of.filter(({ status }, index) => status !== 'Ignored' && results.get(file)!.found[index] === undefined),
  )
console.log(`${[...mutants.values()].flat().length} mutants in ${mutants.size} files; ${open.length} are to be tried`)
if (open.length > 0) await tryAll(open)

const report = renderReport(
  [...mutants].map(([file, of]) => ({ file, mutants: of, found: results.get(file)!.found })),
  { date: new Date().toISOString().slice(0, 10), versions: versions(), judges: Number(readFileSync(judging, 'utf8')) },
)
console.log(report.summary)
if (positionals.length === 0) writeFileSync(join(root, 'docs/mutation.md'), report.page)
else console.log(report.survivors)
process.exitCode = report.score >= 90 ? 0 : 1

function versions(): string {
  const path = join(root, 'tools/mutation/node_modules/@stryker-mutator/instrumenter/package.json')
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string }
  return `the instrumenter of Stryker ${version} and Node ${process.versions.node}`
}

function install(): void {
  const here = join(root, 'tools/mutation')
  if (existsSync(join(here, 'node_modules/@stryker-mutator/instrumenter'))) return
  console.log('Installing the instrumenter …')
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: here, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

function groupByFile(all: readonly Mutant[]): ReadonlyMap<string, readonly Mutant[]> {
  const groups = new Map<string, Mutant[]>(chosen.map((file) => [file, []]))
  for (const mutant of all) groups.get(mutant.fileName)!.push(mutant)
  return groups
}

function knownOf(groups: ReadonlyMap<string, readonly Mutant[]>): ReadonlyMap<string, Results> {
  const loaded = filesOf(
    ['src/{core,policies,testing,targets,presets}/**/*.ts', 'test/{composition,cancellation}/*.ts'],
    () => false,
  )
  const hashes = Object.fromEntries(loaded.map((file) => [file, hashOf(file)]))
  const world = createHash('sha256').update(JSON.stringify(hashes)).digest('hex').slice(0, 16)
  const ledger = join(root, 'reports/mutation/loaded.json')
  const before = existsSync(ledger) ? (JSON.parse(readFileSync(ledger, 'utf8')) as Record<string, string>) : {}
  const known = new Map(
    [...groups].map(([file, of]) => [file, stillKnown(file, of, world, (test) => before[test] === hashes[test])]),
  )
  // Kept before anything is tried: what is in the ledger and what the results say belong together.
  for (const [file, one] of known) keep(file, one)
  writeFileSync(ledger, JSON.stringify({ ...before, ...hashes }))
  return known
}

async function tryAll(open: readonly Mutant[]): Promise<void> {
  const court = new Court(
    judges,
    await baseline(),
    new Map([...mutants.values()].flat().map(({ id, fileName }) => [id, fileName])),
  )
  const started = performance.now()
  let [begun, ended, alive] = [0, 0, 0]
  const indexOf = new Map([...mutants.values()].flatMap((of) => of.map(({ id }, index) => [id, index] as const)))
  const byId = new Map(open.map((mutant) => [mutant.id, mutant]))
  const tell = (id: string, found: Found): void => {
    const { fileName } = byId.get(id)!
    const of = results.get(fileName)!
    of.found[indexOf.get(id)!] = found
    ended++
    if (found.status === 'Survived' || found.status === 'NoCoverage') alive++
    if (ended % 100 === 0 || ended === open.length) {
      const minutes = (performance.now() - started) / 60_000
      console.log(`${ended} of ${open.length} tried in ${minutes.toFixed(1)} minutes, ${alive} survived; at ${fileName}`)
    }
    keep(fileName, of)
  }
  await Promise.all(Array.from({ length: PROCESSES }, () => court.work(() => open[begun++], tell)))
}

async function baseline(): Promise<Baseline> {
  const judge = new JudgeProcess()
  const loaded = await judge.ask<Loaded>({ do: 'load', files: judges }, 300_000)
  if (loaded === 'silent') throw new Error('the tests cannot be loaded')
  for (const file of loaded.unreadable) console.log(`No judge, for it cannot be loaded: ${file}`)
  const answer = await judge.ask<Baseline>({ do: 'baseline' }, 300_000)
  judge.stop()
  if (answer === 'silent') throw new Error('the tests do not end where nothing is changed')
  const failed = answer.tests.filter(({ error }) => error !== undefined)
  for (const { id, name, error } of failed)
    console.log(`No judge, for it fails where nothing is changed: ${id} ${name}: ${error}`)
  console.log(`${answer.tests.length - failed.length} tests judge`)
  writeFileSync(judging, String(answer.tests.length - failed.length))
  return answer
}
