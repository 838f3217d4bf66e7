/**
 * The durable half beside its peers: installs them, starts the servers, measures, and writes bench/durable/README.md.
 *
 *     npm run bench:durable -- [--only SYSTEM[,SYSTEM]] [--rounds N] [--quick] [--no-backlog]
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { machineFacts } from '../machine.ts'
import { median } from '../statistics.ts'
import { type Measured, measureBacklog, measureSystem, type Scale } from './measure.ts'
import type { Places } from './places.ts'
import { type Results, render } from './render.ts'
import { systems, versionOf } from './systems.ts'

const here = import.meta.dirname
const file = join(here, '../results/durable.json')
const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    'no-backlog': { type: 'boolean', default: false },
  },
})
const asked = options.only?.flatMap((list) => list.split(','))
const unknown = asked?.filter((id) => !systems.some((entry) => entry.id === id)) ?? []
if (unknown.length > 0) {
  console.error(`there is no system ${unknown.join(', ')}; there are ${systems.map(({ id }) => id).join(', ')}`)
  process.exit(2)
}
const rounds = Number(options.rounds ?? (options.quick ? 1 : 3))
const scale: Scale = options.quick
  ? { jobs: 4000, slowJobs: 2000, backlogs: [1000, 20_000] }
  : { jobs: 100_000, slowJobs: 10_000, backlogs: [1000, 100_000, 1_000_000] }

installPeers()
const { openPlaces } = await import('./places.ts')
const places: Places = await openPlaces()
const started = performance.now()
const machine = machineFacts()
const chosen = systems.filter(({ id }) => asked === undefined || asked.includes(id))
const known = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Results) : undefined
const found = new Map<string, Measured[]>(chosen.map(({ id }) => [id, []]))
try {
  for (let round = 0; round < rounds; round++)
    // Everybody is first, second, … in turn, so that a disturbance of the machine meets all alike.
    for (let turn = 0; turn < chosen.length; turn++) {
      const entry = chosen[(turn + round) % chosen.length]!
      const measured = await measureSystem(entry, places, scale)
      found.get(entry.id)!.push(measured)
      const told = Object.entries(measured).map(
        ([name, value]) => `${name} ${value === undefined ? '-' : Math.round(value * 10) / 10}`,
      )
      console.error(`round ${round + 1}/${rounds} ${entry.id}: ${told.join(', ')}`)
    }
  const backlog = options['no-backlog'] ? known?.backlog : await measureBacklog(chosen, places, scale, console.error)
  const measured = chosen.map((entry) => ({
    id: entry.id,
    name: entry.name,
    version: versionOf(entry),
    ...(entry.note === undefined ? {} : { note: entry.note }),
    rounds: found.get(entry.id)!,
    median: medians(found.get(entry.id)!),
  }))
  const others = (known?.systems ?? []).filter(({ id }) => !found.has(id))
  const order = systems.map(({ id }) => id)
  const all = [...measured, ...others].toSorted((a, b) => order.indexOf(a.id) - order.indexOf(b.id))
  const results: Results = { machine, scale, systems: all, ...(backlog === undefined ? {} : { backlog }) }
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`)
  render(results)
  console.error(`Done in ${Math.round((performance.now() - started) / 1000)} s: bench/durable/README.md`)
} finally {
  await places.close()
}
process.exit(0)

function medians(all: readonly Measured[]): Measured {
  const names = Object.keys(all[0]!) as (keyof Measured)[]
  return Object.fromEntries(names.map((name) => [name, median(all.flatMap((one) => one[name] ?? []))])) as unknown as Measured
}

/** Their lock cannot be kept: one of them asks for builds for platforms that the registry lacks for days. Versions are exact. */
function installPeers(): void {
  if (existsSync(join(here, 'node_modules/bullmq'))) return
  console.error('Installing the peers (npm install in bench/durable/) …')
  const args = ['install', '--no-audit', '--no-fund', '--no-package-lock', '--omit=optional', '--loglevel=error']
  const { status } = spawnSync('npm', args, { cwd: here, stdio: ['ignore', 'ignore', 'inherit'] })
  if (status !== 0)
    throw new Error('npm install in bench/durable/ failed; check the network and the registry, then run this again.')
}
