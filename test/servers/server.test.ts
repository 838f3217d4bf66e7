import { spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { comesTrue, listens } from './gone.ts'
import { freePort, serverFolder, startServer } from './server.ts'

const LISTEN = "require('node:net').createServer().listen(Number(process.argv[1]), '127.0.0.1', () => console.log('ready'))"
const DEAF = `process.on('SIGTERM', () => {}); ${LISTEN}`

function listener(port: number, folder: string, script = LISTEN) {
  return {
    name: 'a listener',
    command: process.execPath,
    args: ['-e', script, String(port)],
    folder,
    graceMs: 200,
    ready: (output: string) => output.includes('ready'),
  }
}

describe('a supervised server', () => {
  it.each([
    ['that ends when asked', LISTEN],
    ['that ignores being asked', DEAF],
  ])('%s is gone with its folder once stopped, and stopping twice is stopping once', async (_, script) => {
    const [port, folder] = [await freePort(), serverFolder('listener')]
    const server = await startServer(listener(port, folder, script))
    expect(await listens(port)).toBe(true)
    await Promise.all([server.stop(), server.stop()])
    await server.stop()
    expect(await listens(port)).toBe(false)
    expect(existsSync(folder)).toBe(false)
  })

  it('is gone even when the process that started it is killed', async () => {
    const [port, folder] = [await freePort(), serverFolder('orphan')]
    const script = join(folder, 'owner.ts')
    const options = JSON.stringify({
      name: 'orphan',
      command: process.execPath,
      args: ['-e', DEAF, String(port)],
      folder,
      graceMs: 100,
    })
    writeFileSync(
      script,
      `import { startServer } from '${join(import.meta.dirname, 'server.ts')}'
       await startServer({ ...${options}, ready: (output) => output.includes('ready') })
       console.log('started'); setInterval(() => {}, 1000)`,
    )
    const owner = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise((resolve) => owner.stdout.once('data', resolve))
    expect(await listens(port)).toBe(true)
    owner.kill('SIGKILL')
    expect(await comesTrue(async () => !(await listens(port)) && !existsSync(folder))).toBe(true)
  })

  it.each([undefined, 'SIGKILL'] as const)('is there again after a restart by %s, in the same folder', async (by) => {
    const [port, folder] = [await freePort(), serverFolder('again')]
    writeFileSync(join(folder, 'kept'), '')
    const server = await startServer(listener(port, folder))
    await server.restart(by)
    expect([await listens(port), existsSync(join(folder, 'kept'))]).toEqual([true, true])
    await server.stop()
    expect([await listens(port), existsSync(folder)]).toEqual([false, false])
  })

  it('that cannot start says what it printed', async () => {
    const failing = startServer({
      ...listener(0, serverFolder('failing')),
      args: ['-e', "console.log('no luck'); process.exit(3)"],
    })
    await expect(failing).rejects.toThrow(/a listener ended with 3:\nno luck/)
  })

  it('whose program does not exist says so', async () => {
    const folder = serverFolder('absent')
    const absent = startServer({ ...listener(0, folder), command: '/nowhere/at-all' })
    await expect(absent).rejects.toThrow(/ended with 127:\n\/nowhere\/at-all/)
    expect(existsSync(folder)).toBe(false)
  })
})
