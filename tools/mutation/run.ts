/**
 * `npm run mutation`: changes the code of core/ and of every machine in small ways, and sees whether a test notices. Takes some
 * twenty minutes the first time; afterwards only what changed is tried again. Writes docs/mutation.md.
 *
 *     npm run mutation [-- --mutate src/core/clock.ts]
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../project.ts'
import { type MutationReport, renderReport } from './report.ts'

const here = join(root, 'tools/mutation')
const stryker = join(here, 'node_modules/@stryker-mutator/core/bin/stryker.js')
const json = join(root, 'reports/mutation/mutation.json')

function run(command: string, args: readonly string[], cwd: string): void {
  const { status } = spawnSync(command, args, { cwd, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

if (!existsSync(stryker)) {
  console.log('Installing the mutation tester …')
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], here)
}
const plugin = join(here, 'node_modules/@stryker-mutator/vitest-runner/dist/src/index.js')
const partial = process.argv.slice(2)
run(process.execPath, [stryker, 'run', join(here, 'stryker.config.json'), '--plugins', plugin, ...partial], root)
const report = renderReport(JSON.parse(readFileSync(json, 'utf8')) as MutationReport)
console.log(report.summary)
if (partial.length === 0) writeFileSync(join(root, 'docs/mutation.md'), report.page)
process.exitCode = report.score >= 90 ? 0 : 1
