/** Users for servers that refuse to run as root. */
import { readFileSync } from 'node:fs'
import type { Identity } from './server.ts'

/** The first of these users that exists, when this process is root; undefined when it is not, and needs nobody else. */
export function unprivileged(...names: readonly string[]): Identity | undefined {
  if (process.getuid?.() !== 0) return undefined
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  for (const name of [...names, 'nobody']) {
    const user = users.find(([known]) => known === name)
    if (user !== undefined) return { uid: Number(user[2]), gid: Number(user[3]) }
  }
  throw new Error(`none of the users ${names.join(', ')}, nobody exists to run a server as`)
}
