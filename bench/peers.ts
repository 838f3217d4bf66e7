/** The libraries beside which Holdfast is measured: installed here and nowhere else. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

export const here: string = import.meta.dirname
export const root: string = join(here, '..')

/** The version that is installed, or that this checkout is. */
export function versionOf(library: string): string {
  const manifest = library === 'holdfast' ? join(root, 'package.json') : join(here, 'node_modules', library, 'package.json')
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
}

/** Installs what bench/package-lock.json says, unless it is there. */
export function installPeers(): void {
  const record = join(here, 'node_modules/.package-lock.json')
  if (existsSync(record) && statSync(record).mtimeMs >= statSync(join(here, 'package-lock.json')).mtimeMs) return
  console.error('Installing the peers (npm ci in bench/) …')
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: here, stdio: ['ignore', 'ignore', 'inherit'] })
  if (status !== 0)
    throw new Error('npm ci in bench/ failed; its words are above. Check the network and the registry, then run this again.')
}
