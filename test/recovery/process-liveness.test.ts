/** Who is dead and who is not, among real processes in pid namespaces as containers have them, all of one host name. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createInterface, type Interface } from 'node:readline'
import { afterEach, describe, expect, it } from 'vitest'
import { isDead } from '../../src/work/liveness.ts'
import { isProcessAlive } from '../../src/work/process-liveness.ts'
import { newIdentity, placeOf } from '../../src/work/this-process.ts'
import type { WorkerIdentity } from '../../src/work/worker-options.ts'

const SCRIPT = new URL('process-judge.ts', import.meta.url).pathname
const canUnshare = process.platform === 'linux' && spawnSync('unshare', ['--pid', '--fork', 'true']).status === 0

interface Judge {
  readonly identity: WorkerIdentity
  readonly isDead: (row: WorkerIdentity) => Promise<boolean>
  readonly end: () => Promise<void>
}

let children: ChildProcess[] = []
afterEach(() => {
  for (const child of children) child.kill('SIGKILL')
  children = []
})

async function start(...wrapper: string[]): Promise<Judge> {
  const [command, ...args] = [...wrapper, process.execPath, SCRIPT]
  const child = spawn(command as string, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  const lines = createInterface({ input: child.stdout })
  const identity = JSON.parse(await next(lines)) as WorkerIdentity
  return {
    identity,
    isDead: async (row) => {
      child.stdin.write(`${JSON.stringify(row)}\n`)
      return JSON.parse(await next(lines)) as boolean
    },
    end: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve())
        child.stdin.end()
      }),
  }
}

function next(lines: Interface): Promise<string> {
  return new Promise((resolve) => lines.once('line', resolve))
}

/** As this very process, the test's, sees it. */
const judged = (row: WorkerIdentity, by = newIdentity()): boolean =>
  isDead({ id: 'w', startedAt: 0, seenAt: 0, ...row }, { ...by, isAlive: isProcessAlive, unresponsiveMs: 1 })

describe('a process of this host', () => {
  // W: 2, 3
  it('is dead when it is gone, and when somebody else has its pid by now', { timeout: 20_000 }, async () => {
    const child = await start()
    const { identity } = child
    expect(judged(identity)).toBe(false)
    expect(await child.isDead(newIdentity())).toBe(false)
    if (process.platform === 'linux') {
      const { scope, begun } = placeOf(identity.bootId)
      expect(begun).toMatch(/^[0-9a-z]+$/)
      expect(judged({ ...identity, bootId: `00000000.${scope}.${begun}0` })).toBe(true)
      expect(judged({ ...identity, bootId: `00000000..${begun}0` })).toBe(true)
    }
    await child.end()
    expect(judged(identity)).toBe(true)
  })

  it('that is this very one is never dead, whoever of it works; one before it under its pid is', () => {
    const [one, other] = [newIdentity(), newIdentity('a-name-of-its-own')]
    expect(one.bootId).not.toBe(other.bootId)
    expect([judged(one), judged({ ...other, host: one.host })]).toEqual([false, false])
    expect(isProcessAlive(process.pid, one.bootId)).toBeUndefined()
    expect(judged({ ...one, bootId: 'an-older-release' })).toBe(true)
    if (process.platform === 'linux') expect(judged({ ...one, bootId: `00000000.${placeOf(one.bootId).scope}.1` })).toBe(true)
    expect([isProcessAlive(process.ppid), isProcessAlive(2 ** 30)]).toEqual([true, false])
  })
})

describe.skipIf(!canUnshare)('containers of one host name', () => {
  // W: 2, 3
  it('that all have a pid 1 never take each other for dead, nor the host for them', { timeout: 20_000 }, async () => {
    const [one, other, bare] = await Promise.all([
      start('unshare', '--pid', '--fork', '--mount-proc'),
      start('unshare', '--pid', '--fork', '--mount-proc'),
      // Whose /proc is that of the host.
      start('unshare', '--pid', '--fork'),
    ])
    const containers = [one, other, bare]
    for (const { identity } of containers) expect(identity).toMatchObject({ pid: 1, host: newIdentity().host })
    for (const by of containers)
      for (const of of containers)
        expect(await by.isDead(of.identity), `${of.identity.bootId} by ${by.identity.bootId}`).toBe(false)
    for (const by of containers) expect(await by.isDead(newIdentity())).toBe(false)
    for (const { identity } of containers) expect(judged(identity)).toBe(false)
    // What cannot be seen from here is left to the lease, even when it is gone.
    const { identity } = one
    await one.end()
    expect([judged(identity), await other.isDead(identity)]).toEqual([false, false])
    // In sight of each other they are judged as on a host.
    const before = { ...other.identity, bootId: `00000000.${placeOf(other.identity.bootId).scope}.1` }
    expect(await other.isDead(before)).toBe(true)
  })
})
