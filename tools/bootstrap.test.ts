import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')
let folder: string

/** A project of nothing but the bootstrap, and an npm that only says that it was called. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-bootstrap-'))
  cpSync(join(root, 'bin'), join(folder, 'bin'), { recursive: true })
  mkdirSync(join(folder, 'tools'))
  cpSync(join(root, 'tools/bootstrap.mjs'), join(folder, 'tools/bootstrap.mjs'))
  writeFileSync(join(folder, 'package-lock.json'), '{"lockfileVersion":3}')
  npm(`
    fs.appendFileSync('calls', process.argv.slice(2).join(' ') + '\\n')
    fs.mkdirSync('node_modules', { recursive: true })
    fs.writeFileSync('node_modules/.package-lock.json', '{}')`)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const npm = (script: string): void => writeFileSync(join(folder, 'npm-cli.cjs'), `const fs = require('fs')\n${script}`)

const bootstrap = (...args: string[]) => {
  const env = { ...process.env, npm_execpath: join(folder, 'npm-cli.cjs') }
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'tools/bootstrap.mjs'), ...args], {
    env,
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

const calls = (): number =>
  existsSync(join(folder, 'calls')) ? readFileSync(join(folder, 'calls'), 'utf8').split('\n').length - 1 : 0

describe('the bootstrap', { timeout: 60_000 }, () => {
  it('installs first, tells on stderr, and runs the command with its exit code', () => {
    const { status, stdout, stderr } = bootstrap('node', '-e', 'console.log("ran"); process.exit(7)')
    expect({ status, stdout }).toEqual({ status: 7, stdout: 'ran\n' })
    expect(stderr).toMatch(/^Installing what Holdfast needs \(npm ci\), .*\nInstalled in \d+ s\.\n$/)
    expect(readFileSync(join(folder, 'calls'), 'utf8')).toBe('ci --no-audit --no-fund --include=dev\n')
  })

  it('installs once, and again when the lock file changes', () => {
    bootstrap('node', '-e', '0')
    expect(bootstrap('node', '-e', '0')).toEqual({ status: 0, stdout: '', stderr: '' })
    expect(calls()).toBe(1)
    writeFileSync(join(folder, 'package-lock.json'), '{"lockfileVersion":3,"name":"x"}')
    // As a checkout would leave it: newer than what is installed.
    const record = join(folder, 'node_modules/.package-lock.json')
    spawnSync('touch', ['-d', '2000-01-01', record])
    bootstrap('node', '-e', '0')
    expect(calls()).toBe(2)
  })

  it('takes what somebody installed by hand', () => {
    mkdirSync(join(folder, 'node_modules'))
    writeFileSync(join(folder, 'node_modules/.package-lock.json'), '{}')
    expect(bootstrap('node', '-e', '0')).toMatchObject({ status: 0, stderr: '' })
    expect(calls()).toBe(0)
  })

  it('shows npm’s words and what to do when the installation fails', () => {
    npm(`console.log('npm error code ENOTFOUND'); process.exit(1)`)
    const { status, stderr } = bootstrap('node', '-e', 'console.log("ran")')
    expect(status).toBe(1)
    expect(stderr).toMatch(/npm error code ENOTFOUND\nnpm ci failed after \d+ s .*Check the network/)
    expect(existsSync(join(folder, 'node_modules/.holdfast-stamp'))).toBe(false)
  })

  it('puts the project’s own tools first on the PATH', () => {
    const { stdout } = bootstrap('node', '-e', 'console.log(process.env.PATH)')
    expect(stdout.split(':')[1]).toBe(join(folder, 'node_modules/.bin'))
  })

  it('says how it is used', () => {
    expect(bootstrap()).toMatchObject({ status: 2, stderr: expect.stringContaining('Usage') as string })
  })
})
