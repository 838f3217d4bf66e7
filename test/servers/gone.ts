/** Whether something that ran is gone: a port nobody listens on, a folder that was removed. */
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** Whether a TCP connection to the loopback port is accepted. */
export function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

/** Waits until a condition holds; false when it does not within `ms` (default 10 s). */
export async function comesTrue(condition: () => Promise<boolean> | boolean, ms = 10_000): Promise<boolean> {
  const deadline = performance.now() + ms
  while (!(await condition())) {
    if (performance.now() > deadline) return false
    await sleep(20)
  }
  return true
}
