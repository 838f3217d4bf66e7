import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findNode, isNewEnough } from '../../bin/find-node.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const bin = join(root, 'bin/holdfast.mjs')

/** A Node of the machine that is too old for Holdfast, where there is one. */
const oldNode = ['/usr/bin/node', '/usr/local/bin/node'].find(
  (path) => existsSync(path) && !isNewEnough(spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout.trim()),
)

let folder: string
const children = new Set<ChildProcess>()
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-bin-'))
})
afterEach(() => {
  for (const child of children) child.kill('SIGKILL')
  children.clear()
  rmSync(folder, { recursive: true, force: true })
})

interface Started {
  readonly child: ChildProcess
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>
  text(): string
  until(pattern: RegExp): Promise<RegExpExecArray>
}

const start = (program: string, args: readonly string[], options: SpawnOptions = {}): Started => {
  const child = spawn(program, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], ...options })
  children.add(child)
  let text = ''
  const heard = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (part) => {
      text += String(part)
      for (const listener of heard) listener()
    })
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal })),
  )
  const until = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = pattern.exec(text)
        if (found !== null) resolve(found)
      }
      heard.add(look)
      void ended.then(() => reject(new Error(`ended without ${pattern}: ${text}`)))
      look()
    })
  return { child, ended, text: () => text, until }
}

const up = (program = process.execPath): Started => start(program, [bin, 'up', '--port', '0', '--store', 'memory:'])

describe('the door of the command line', { timeout: 60_000 }, () => {
  it('runs on this Node', async () => {
    const { ended, text } = start(process.execPath, [bin, '--version'])
    expect(await ended).toEqual({ code: 0, signal: null })
    expect(text()).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  it.skipIf(oldNode === undefined)('finds a newer Node from an old one, and passes its exit code on', async () => {
    const version = start(oldNode as string, [bin, '--version'])
    expect(await version.ended).toEqual({ code: 0, signal: null })
    expect(version.text()).toMatch(/^\d+\.\d+\.\d+\n$/)
    const unreachable = start(oldNode as string, [bin, 'status', '--url', 'http://127.0.0.1:1'])
    expect(await unreachable.ended).toEqual({ code: 2, signal: null })
  })

  it.skipIf(oldNode === undefined)('says in one line what to do when there is no newer Node', async () => {
    const modules = join(folder, 'node_modules/holdfast')
    mkdirSync(modules, { recursive: true })
    cpSync(join(root, 'bin'), join(modules, 'bin'), { recursive: true })
    const { ended, text } = start(oldNode as string, [join(modules, 'bin/holdfast.mjs'), 'status'])
    expect(await ended).toEqual({ code: 1, signal: null })
    expect(text()).toMatch(
      /^Holdfast needs Node 22\.18 or later, this is v\d+\.\d+\.\d+: run npm install --save-dev node@24 here, .*\n$/,
    )
  })

  it('knows which versions will do', () => {
    expect(['v20.20.2', 'v22.17.9', 'v22.18.0', 'v24.0.0', 'v0.0'].map(isNewEnough)).toEqual([false, false, true, true, false])
    expect(findNode([root])).toBeDefined()
  })
})

// W: 20
describe('signals to a running process', { timeout: 60_000 }, () => {
  it('drains at the first and ends with 0', async () => {
    const { child, ended, until } = up()
    await until(/is ready: http:\/\/127\.0\.0\.1:\d+ /)
    child.kill('SIGTERM')
    expect(await ended).toEqual({ code: 0, signal: null })
  })

  it.skipIf(oldNode === undefined)('reaches it through an old Node', async () => {
    const { child, ended, until } = up(oldNode)
    await until(/is ready: /)
    child.kill('SIGINT')
    expect(await ended).toEqual({ code: 0, signal: null })
  })

  it('names a taken port and ends with 1', async () => {
    const first = up()
    const [, port] = await first.until(/is ready: http:\/\/127\.0\.0\.1:(\d+) /)
    const second = start(process.execPath, [bin, 'up', '--port', port as string, '--store', 'memory:'])
    expect(await second.ended).toEqual({ code: 1, signal: null })
    expect(second.text()).toMatch(new RegExp(`^Port ${port} on 127\\.0\\.0\\.1 is taken\\.\n`))
  })
})
