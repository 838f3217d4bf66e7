/** A Redis of a test's own, without persistence. */
import { connect } from 'node:net'
import { ownServer, programPath } from './available.ts'
import { freePort, type RunningServer, serverFolder, startServer } from './server.ts'

export interface RedisServer {
  /** `redis://host:port`. */
  readonly url: string
  /** Stops it, with its connections, and starts it again; resolves when it answers. Not for a server of the developer's own. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export interface RedisOptions {
  /** Writes what it takes to a file, synced each second. Default: false, it forgets all when it stops. */
  readonly durable?: boolean
  /** The only node of a cluster, which has all slots: it refuses what a larger cluster would. Default: false. */
  readonly cluster?: boolean
}

/** Starts Redis on a free port, or uses HOLDFAST_TEST_REDIS (then `stop` leaves it alone). */
export async function startRedis({ durable = false, cluster = false }: RedisOptions = {}): Promise<RedisServer> {
  const own = ownServer('redis')
  if (own !== undefined) return { url: own, restart: async () => {}, stop: async () => {} }
  const port = await freePort()
  const folder = serverFolder('redis')
  const server: RunningServer = await startServer({
    name: 'Redis',
    command: programPath('redis'),
    args: [
      ...['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', durable ? 'yes' : 'no', '--dir', folder],
      ...(cluster ? ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'] : []),
    ],
    folder,
    ready: async () => {
      if (!(await answers(port, 'PING', '+PONG'))) return false
      return !cluster || (await hasAllSlots(port))
    },
  })
  return { url: `redis://127.0.0.1:${port}`, restart: server.restart, stop: server.stop }
}

/** Gives them to it the first time. */
async function hasAllSlots(port: number): Promise<boolean> {
  await answers(port, 'CLUSTER ADDSLOTSRANGE 0 16383', '+OK')
  return answers(port, 'CLUSTER INFO', 'cluster_state:ok')
}

function answers(port: number, command: string, expected: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${command}\r\n`))
    socket.on('data', (data) => {
      resolve(data.toString().includes(expected))
      socket.destroy()
    })
    socket.on('error', () => resolve(false))
    socket.on('close', () => resolve(false))
  })
}
