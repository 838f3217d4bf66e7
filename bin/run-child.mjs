// Runs a program in place of this process: its input and output, its signals, its exit code. For Node 16 and later.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'

const FORWARDED = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2']

/** Resolves with the exit code; 128 and the signal's number when a signal ended it, as a shell would say. */
export function runChild(program, args, env = process.env) {
  return new Promise((done) => {
    const child = spawn(program, args, { stdio: 'inherit', env })
    const listeners = FORWARDED.map((signal) => [signal, () => forward(child, signal)])
    for (const [signal, listener] of listeners) process.on(signal, listener)
    const finish = (code) => {
      for (const [signal, listener] of listeners) process.off(signal, listener)
      done(code)
    }
    child.once('error', (error) => {
      process.stderr.write(`${program} cannot be run: ${error.message}\n`)
      finish(error.code === 'ENOENT' ? 127 : 126)
    })
    child.once('exit', (code, signal) => finish(code === null ? 128 + (constants.signals[signal] || 0) : code))
  })
}

/** A terminal sends Ctrl-C to every process in the foreground: passing it on would make two of it, and two end a drain. */
function forward(child, signal) {
  if (signal === 'SIGINT' && process.stdin.isTTY) return
  child.kill(signal)
}
