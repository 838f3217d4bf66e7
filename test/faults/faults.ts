/**
 * `npm run faults`: every trial of the catalogue at full scale; writes docs/reports/faults.md.
 *
 *     npm run faults -- [--seed N] [--rounds 200] [--jobs 20000] [--spells 8] [--only REGEXP] [--out FOLDER]
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import manifest from '../../package.json' with { type: 'json' }
import { machineFacts } from '../reports/machine-facts.ts'
import { Progress } from '../reports/progress.ts'
import { prepareServers } from '../servers/install.ts'
import { startPostgres } from '../servers/postgres.ts'
import { ask } from '../stores/postgres-schema.ts'
import { CATALOGUE, NotHere, type Scale } from './catalogue.ts'
import { writeFaultsReport } from './faults-report.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
    rounds: { type: 'string', default: '200' },
    jobs: { type: 'string', default: '20000' },
    spells: { type: 'string', default: '8' },
    only: { type: 'string', default: '' },
    out: { type: 'string', default: join(import.meta.dirname, '../../docs/reports') },
  },
})
const [seed, rounds, jobs, spells] = [values.seed, values.rounds, values.jobs, values.spells].map(Number) as [
  number,
  number,
  number,
  number,
]
const scale: Scale = { seed, rounds, jobs, spells, workers: 4, leaseMs: 1000 }
const machine = machineFacts()
prepareServers(['postgres', 'redis'], (line) => console.error(line))

const trials = []
for (const entry of CATALOGUE.filter(({ name }) => new RegExp(values.only).test(name))) {
  const progress = new Progress(entry.name.padEnd(28))
  try {
    const result = await entry.run(scale, (share, text) => progress.show(share, 1, text))
    const { jobs: count, lost, completedTwice, duplicates, seconds, offences } = result
    const told = `${count} jobs, ${lost} lost, ${completedTwice} completed twice, ${duplicates} done again, ${seconds} s`
    progress.done(`${offences.length === 0 ? 'kept  ' : 'BROKEN'} ${told}`)
    for (const offence of offences.slice(0, 5)) console.error(`    ${offence}`)
    trials.push({ entry, result })
  } catch (error) {
    if (!(error instanceof NotHere)) throw error
    progress.done(`not here: ${error.message}`)
    trials.push({ entry, lack: error.message })
  }
}

writeFaultsReport(values.out, { version: manifest.version, machine, postgres: await postgresVersion(), scale, trials })
console.error(`seed ${seed}; report: ${join(values.out, 'faults.md')}`)
process.exitCode = trials.every(({ result }) => (result?.offences.length ?? 0) === 0) ? 0 : 1

async function postgresVersion(): Promise<string> {
  const server = await startPostgres()
  try {
    return (await ask<{ v: string }>(server.url, "SELECT split_part(current_setting('server_version'), ' ', 1) AS v"))[0]?.v ?? ''
  } finally {
    await server.stop()
  }
}
