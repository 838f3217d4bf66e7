/**
 * Builds the package and looks at it as its users will: every subpath leads to a file, publint and attw find nothing to say.
 *
 *     node tools/check-exports.ts
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, run } from './project.ts'

const steps: readonly (readonly [string, readonly string[]])[] = [
  ['node', ['tools/build.ts']],
  ['publint', ['--strict', '--pack', 'npm']],
  ['attw', ['--pack', '.', '--profile', 'esm-only', '--no-emoji', '--format', 'ascii']],
]

for (const [command, args] of steps) {
  const { code, output, ms } = await run(command, args)
  console.log(`${command} ${args.join(' ')}: ${code === 0 ? 'ok' : 'failed'} in ${(ms / 1000).toFixed(1)} s`)
  if (code === 0) continue
  console.log(output)
  process.exit(1)
}

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, string | Record<string, string>>
}
const missing = Object.entries(manifest.exports).flatMap(([subpath, target]) =>
  Object.values(typeof target === 'string' ? [target] : target)
    .filter((path) => !existsSync(join(root, path)))
    .map((path) => `${subpath} leads to ${path}, which does not exist`),
)
for (const line of missing) console.log(line)
process.exitCode = missing.length === 0 ? 0 : 1
