/**
 * What `npm test` runs: gets the programs of the real servers that the tests ask for, runs the tests, and says at the end what
 * ran, what was skipped and why. The last line is `N passed, N failed`, with `, N skipped` where something was.
 *
 *     node tools/test.ts [what vitest run takes …]
 */
import { spawn } from 'node:child_process'
import { globSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { prepareServers } from '../test/servers/install.ts'
import { wantedServers } from '../test/servers/wanted.ts'
import { projectEnvironment, root } from './project.ts'
import { readReport, type TestReport } from './test-report.ts'

const args = process.argv.slice(2)
const strict = process.env.CI === 'true'
const report = join(root, 'reports/tests.json')

const servers = prepareServers(wantedServers(root, chosenTests()), (line) => console.log(line))
for (const { lack } of servers)
  if (lack !== undefined) console.log(`${strict ? 'missing, and CI skips nothing' : 'skipping'}: ${lack}`)

mkdirSync(join(root, 'reports'), { recursive: true })
rmSync(report, { force: true })
const status = await runVitest()
const result = readReport(report, root)

printSummary(result)
process.exitCode = status !== 0 || result.failed > 0 || (strict && result.skipped.length > 0) ? 1 : 0

/** Resolves with the exit code. A signal that ends this process ends the tests first, and with them their servers. */
function runVitest(): Promise<number> {
  const vitest = spawn('vitest', ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...args], {
    cwd: root,
    env: projectEnvironment(),
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => vitest.kill(signal))
  return new Promise((resolve) => {
    vitest.on('error', (error) => {
      console.error(`vitest: ${error.message}`)
      resolve(1)
    })
    vitest.on('close', (code) => resolve(code ?? 1))
  })
}

function chosenTests(): string[] {
  const filters = args.filter((arg) => !arg.startsWith('-'))
  const all = globSync('{src,test,tools,systems}/**/*.test.ts', { cwd: root }).map((path) => path.replaceAll('\\', '/'))
  return filters.length === 0 ? all : all.filter((path) => filters.some((filter) => path.includes(filter)))
}

function printSummary({ passed, failed, skipped, files }: TestReport): void {
  const here = servers.filter(({ lack }) => lack === undefined).map(({ name }) => name)
  console.log(`\nran ${files} files of tests${here.length === 0 ? '' : `, with ${here.join(', ')}`}`)
  for (const { lack } of servers) if (lack !== undefined) console.log(`${strict ? 'missing' : 'skipped what needs it'}: ${lack}`)
  for (const name of skipped) console.log(`skipped: ${name}`)
  if (strict && skipped.length > 0) console.log('nothing may be skipped where CI=true')
  // An error outside of any test fails the run as well.
  const unnamed = status !== 0 && failed === 0 ? 1 : 0
  if (unnamed > 0) console.log('the run failed outside of a test: see above')
  console.log(`${passed} passed, ${failed + unnamed} failed${skipped.length === 0 ? '' : `, ${skipped.length} skipped`}`)
}
