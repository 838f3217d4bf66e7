/**
 * Emits dist/ for publishing: JavaScript, types and source maps of src/ without its tests, and the assets beside the sources.
 *
 *     node tools/build.ts [folder to write, instead of dist]
 */
import { spawnSync } from 'node:child_process'
import { cpSync, globSync, rmSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'

const root = join(import.meta.dirname, '..')
const out = resolve(root, process.argv[2] ?? 'dist')

rmSync(out, { recursive: true, force: true })
const tsc = spawnSync(
  process.execPath,
  [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json', '--outDir', out],
  {
    cwd: root,
    stdio: 'inherit',
  },
)
if (tsc.status !== 0) process.exit(tsc.status ?? 1)

const assets = globSync('src/**/*.*', { cwd: root }).filter((path) => !/\.(?:ts|md)$/.test(path))
for (const path of assets) cpSync(join(root, path), join(out, relative('src', path)))
console.log(`built ${relative(root, out) || out}: ${globSync('**/*.js', { cwd: out }).length} modules, ${assets.length} assets`)
