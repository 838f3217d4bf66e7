/**
 * Gets the programs that tests ask for, where that is ours to do: as root on Debian, from Debian's packages.
 * `HOLDFAST_TEST_INSTALL=0` forbids it.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import { howToHave, isAvailable } from './available.ts'
import { programs, type ServerName } from './programs.ts'

export interface Prepared {
  readonly name: ServerName
  /** Why tests of it are skipped; undefined when it is here. */
  readonly lack?: string
}

/** Installs what is missing of `wanted`, if it may, and says what is here at the end. */
export function prepareServers(wanted: readonly ServerName[], say: (line: string) => void): Prepared[] {
  const lacking = wanted.filter((name) => !isAvailable(name))
  const obstacle = lacking.length === 0 ? undefined : whyNotInstall()
  if (lacking.length > 0 && obstacle === undefined) install(lacking, say)
  return wanted.map((name) =>
    isAvailable(name) ? { name } : { name, lack: `${howToHave(name)}${obstacle ? ` (${obstacle})` : ''}` },
  )
}

function whyNotInstall(): string | undefined {
  if (process.env.HOLDFAST_TEST_INSTALL === '0') return 'HOLDFAST_TEST_INSTALL=0 forbids to install it'
  if (!existsSync('/etc/debian_version') || !existsSync('/usr/bin/apt-get')) return 'not installed by itself: this is no Debian'
  if (process.getuid?.() !== 0) return 'not installed by itself: that takes root'
  return undefined
}

function install(names: readonly ServerName[], say: (line: string) => void): void {
  const packages = names.flatMap((name) => programs[name].packages)
  say(`installing for the tests, from Debian's packages: ${packages.join(' ')} (HOLDFAST_TEST_INSTALL=0 forbids it)`)
  withoutStartingServices(() => {
    for (const args of [
      ['update', '-qq'],
      ['install', '-y', '-qq', '--no-install-recommends', ...packages],
    ]) {
      const { status, stdout, stderr, error } = spawnSync('apt-get', args, {
        encoding: 'utf8',
        env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: 600_000,
      })
      if (status !== 0)
        say(
          `apt-get ${args.join(' ')} failed: ${error?.message ?? `${stdout}\n${stderr}`.trim().split('\n').slice(-5).join('\n')}`,
        )
    }
  })
}

/** Debian starts a service when it installs one; its answer to "may I?" is this file. Tests start servers of their own. */
const POLICY = '/usr/sbin/policy-rc.d'

function withoutStartingServices(act: () => void): void {
  const ours = !existsSync(POLICY)
  if (ours) {
    writeFileSync(POLICY, '#!/bin/sh\nexit 101\n')
    chmodSync(POLICY, 0o755)
  }
  try {
    act()
  } finally {
    if (ours) rmSync(POLICY, { force: true })
  }
}
