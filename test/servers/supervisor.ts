/**
 * Runs one server and outlives whoever asked for it, just long enough to end it: when standard input closes, however that
 * came about (even by SIGKILL), the server's whole process group is ended and its folder removed.
 *
 *     node supervisor.ts '{"command": …, "args": […], …}'
 *
 * A line `restart SIGNAL` on standard input restarts the server, ended by that signal.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { RESTARTED, type Supervised } from './server.ts'

const { command, args, env, folder, stopSignal, identity, graceMs, keepInput } = JSON.parse(process.argv[2]!) as Supervised

let ending = false
let restarting = false
let server = start()

function start(): ChildProcess {
  const child = spawn(command, args, {
    cwd: folder,
    env: { ...process.env, ...env },
    detached: true,
    stdio: [keepInput ? 'pipe' : 'ignore', 'inherit', 'inherit'],
    ...identity,
  })
  child.on('error', (error) => {
    console.error(`${command}: ${error.message}`)
    rmSync(folder, { recursive: true, force: true })
    process.exit(127)
  })
  child.on('exit', onExit)
  return child
}

function end(): void {
  if (ending) return
  ending = true
  signal(stopSignal, server.pid!)
  setTimeout(() => signal('SIGKILL', -server.pid!), graceMs)
}

function signal(name: NodeJS.Signals, pid: number): void {
  try {
    process.kill(pid, name)
  } catch {
    // It is gone, which is what we want.
  }
}

/** On the same folder, as if its machine had been serviced. */
function restart(by: NodeJS.Signals): void {
  if (ending || restarting) return
  restarting = true
  signal(by, server.pid!)
}

function onExit(code: number | null): void {
  signal('SIGKILL', -server.pid!)
  if (restarting && !ending) {
    restarting = false
    server = start()
    console.log(RESTARTED)
    return
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
  process.exit(ending ? 0 : (code ?? 1))
}

process.stdin.on('end', end).on('close', end).on('error', end)
process.stdin.on('data', (line) => {
  const [order, by] = line.toString().trim().split(' ')
  if (order === 'restart') restart(by as NodeJS.Signals)
})
process.on('SIGTERM', end)
// Ctrl-C reaches the whole foreground group; the owner closes our input in its own time.
process.on('SIGINT', () => {})
process.on('SIGHUP', () => {})
