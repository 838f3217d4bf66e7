/**
 * `npm run soak`: half an hour of steady work, looked at all the time; writes docs/reports/soak.md.
 *
 *     npm run soak -- [--minutes 30] [--rate 300] [--store sqlite|postgres] [--seed N] [--out FOLDER]
 *         [--note 'what else a reader should know of the run']
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import manifest from '../../package.json' with { type: 'json' }
import { machineFacts } from '../reports/machine-facts.ts'
import { Progress } from '../reports/progress.ts'
import { startPostgres } from '../servers/postgres.ts'
import { SOAKS, writeSoakReport } from './soak-report.ts'
import { runSoak } from './soak-run.ts'
import { verdictsOf } from './verdicts.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    rate: { type: 'string', default: '300' },
    store: { type: 'string', default: 'sqlite' },
    seed: { type: 'string', default: '1' },
    note: { type: 'string', default: '' },
    out: { type: 'string', default: join(import.meta.dirname, '../../docs/reports') },
  },
})
const [minutes, rate, seed] = [Number(values.minutes), Number(values.rate), Number(values.seed)]
const SERVER = 'The server was one that tests start: it waits for no disk (`fsync=off`).'
const retention = { olderThan: '2m', keep: 20_000, every: '1m' }
const folder = mkdtempSync(join(tmpdir(), 'holdfast-soak-'))
const server = values.store === 'postgres' ? await startPostgres() : undefined
const machine = machineFacts()
const progress = new Progress('soak')

try {
  const result = await runSoak({
    store: server?.url ?? `sqlite:${join(folder, 'work.db')}`,
    folder,
    seconds: minutes * 60,
    rate,
    sampleSeconds: 10,
    retention,
    seed,
    onSample: ({ seconds, rssBytes, bytes, jobs, p99 }) =>
      progress.show(
        seconds,
        minutes * 60,
        `${Math.round(rssBytes / 2 ** 20)} MiB, store ${(bytes / 2 ** 20).toFixed(1)} MiB, ${jobs} rows, p99 ${p99.toFixed(1)} ms`,
      ),
  })
  const verdicts = verdictsOf(result, { rate, keep: retention.keep })
  const name = server === undefined ? 'soak' : 'soak-postgres'
  writeSoakReport(values.out, name, {
    version: manifest.version,
    machine,
    store: SOAKS[name],
    minutes,
    rate,
    retention,
    seed,
    note: [...(server === undefined ? [] : [SERVER]), values.note].filter(Boolean).join(' '),
    verdicts,
    ...result,
  })
  for (const { what, holds, figures } of verdicts) console.log(`${holds ? 'yes' : 'NO '}  ${what}: ${figures}`)
  progress.done(`report: ${join(values.out, `${name}.md`)}`)
  process.exitCode = verdicts.every(({ holds }) => holds) ? 0 : 1
} finally {
  await server?.stop()
  rmSync(folder, { recursive: true, force: true })
}
