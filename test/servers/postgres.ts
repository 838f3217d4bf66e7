/** A PostgreSQL cluster of a test's own: fast, forgetful, on loopback, with one superuser and no password. */
import { execFileSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { ownServer, programPath } from './available.ts'
import { unprivileged } from './identity.ts'
import { freePort, serverFolder, startServer } from './server.ts'

export interface PostgresServer {
  /** `postgres://holdfast@127.0.0.1:port/postgres`. */
  readonly url: string
  /**
   * Stops it, with its connections, and starts it again; resolves when it answers. `immediate` is a crash: it recovers from its
   * log. Not for a server of the developer's own.
   */
  restart(how?: 'fast' | 'immediate'): Promise<void>
  stop(): Promise<void>
}

const FORGETFUL = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off']
const SETTINGS = ['listen_addresses=127.0.0.1', 'max_connections=50']

export interface PostgresOptions {
  /** Keeps what it has acknowledged when the power goes, as a server that is not a test's does. Default: false, it is fast instead. */
  readonly durable?: boolean
}

/** Makes and starts a cluster on a free port, or uses HOLDFAST_TEST_POSTGRES (then `stop` leaves it alone). */
export async function startPostgres({ durable = false }: PostgresOptions = {}): Promise<PostgresServer> {
  const own = ownServer('postgres')
  if (own !== undefined) return { url: own, restart: async () => {}, stop: async () => {} }
  const command = programPath('postgres')
  const identity = unprivileged('postgres')
  const folder = serverFolder('postgres', identity)
  const data = join(folder, 'data')
  const initdb = join(dirname(command), 'initdb')
  execFileSync(initdb, ['-D', data, '-U', 'holdfast', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'], {
    cwd: folder,
    stdio: 'pipe',
    ...identity,
  })
  const settings = durable ? SETTINGS : [...FORGETFUL, ...SETTINGS]
  const port = await freePort()
  const url = `postgres://holdfast@127.0.0.1:${port}/postgres`
  const server = await startServer({
    name: 'PostgreSQL',
    command,
    args: ['-D', data, '-p', String(port), '-k', folder, ...settings.flatMap((setting) => ['-c', setting])],
    folder,
    identity,
    // Fast shutdown: it does not wait for clients that forgot to leave.
    stopSignal: 'SIGINT',
    ready: () => answers(url),
  })
  return { url, restart: (how) => server.restart(how === 'immediate' ? 'SIGQUIT' : 'SIGINT'), stop: server.stop }
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('select 1')
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => {})
  }
}
