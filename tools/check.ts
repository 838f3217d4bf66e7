/**
 * Everything that can be said about the project without running its tests, in parallel, in under a minute.
 *
 *     node tools/check.ts [part …]
 */
import { run } from './project.ts'

interface Part {
  readonly name: string
  readonly command: readonly [string, ...string[]]
  /** What to do when it fails, where there is a short way. */
  readonly remedy?: string
}

const parts: readonly Part[] = [
  { name: 'exports', command: ['node', 'tools/check-exports.ts'] },
  { name: 'docs', command: ['node', 'tools/check-docs.ts'] },
  { name: 'types', command: ['tsc'] },
  { name: 'format', command: ['biome', 'check', '--error-on-warnings', '.'], remedy: 'npm run format mends what can be mended' },
  { name: 'lint', command: ['oxlint', '--deny-warnings'] },
  { name: 'layers', command: ['node', 'tools/check-layers.ts'] },
]

const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !parts.some((part) => part.name === name))
if (unknown.length > 0) {
  console.error(`no part is called ${unknown.join(', ')}: there are ${parts.map((part) => part.name).join(', ')}`)
  process.exit(2)
}

const chosen = parts.filter((part) => asked.length === 0 || asked.includes(part.name))
const results = await Promise.all(
  chosen.map(async (part) => {
    const [command, ...args] = part.command
    return { part, ...(await run(command, args)) }
  }),
)

const failed = results.filter((result) => result.code !== 0)
for (const { part, output } of failed) console.log(`── ${part.name}: ${part.command.join(' ')}\n${output.trimEnd()}\n`)
for (const { part, code, ms } of results) {
  const verdict = code === 0 ? 'ok' : `failed${part.remedy === undefined ? '' : `   ${part.remedy}`}`
  console.log(`${part.name.padEnd(9)}${(ms / 1000).toFixed(1).padStart(6)} s   ${verdict}`)
}
console.log(`\n${results.length - failed.length} passed, ${failed.length} failed`)
process.exitCode = failed.length === 0 ? 0 : 1
