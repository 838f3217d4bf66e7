// Finds a Node that can run Holdfast. Plain JavaScript that Node 16 can run: it is what an old Node reads first.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join, parse, resolve } from 'node:path'

const MINIMUM = [22, 18]

/** `engines.node`, for messages. */
export const MINIMUM_TEXT = MINIMUM.join('.')

/** True for a version such as `v24.1.0` that runs TypeScript and has node:sqlite. */
export function isNewEnough(version) {
  const [major, minor] = version.replace(/^v/, '').split('.').map(Number)
  return major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1])
}

/** The path of a Node that is new enough: this one, or one from npm's `node` package in `folders` or above; else undefined. */
export function findNode(folders) {
  if (isNewEnough(process.version)) return process.execPath
  return candidates(folders).find((path) => existsSync(path) && isNewEnough(versionOf(path)))
}

function candidates(folders) {
  const found = new Set()
  for (const folder of folders)
    for (const above of ancestors(resolve(folder)))
      for (const place of ['node_modules/node/bin/node', 'node_modules/.bin/node', 'node_modules/node/bin/node.exe'])
        found.add(join(above, place))
  return [...found]
}

function ancestors(folder) {
  const found = [folder]
  while (found[found.length - 1] !== parse(folder).root) found.push(dirname(found[found.length - 1]))
  return found
}

function versionOf(path) {
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 5000 })
  return (stdout || 'v0.0').trim()
}
