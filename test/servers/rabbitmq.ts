/** A RabbitMQ of a test's own: node name, port mapper, cookie, folders, all apart from any other on the machine. */
import { chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ownServer, programPath } from './available.ts'
import { unprivileged } from './identity.ts'
import { freePort, type Identity, serverFolder, startServer } from './server.ts'

export interface RabbitServer {
  /** `amqp://guest:guest@127.0.0.1:port`. */
  readonly url: string
  stop(): Promise<void>
}

/** Starts RabbitMQ on a free port (about 8 s), or uses HOLDFAST_TEST_AMQP (then `stop` leaves it alone). */
export async function startRabbit(): Promise<RabbitServer> {
  const own = ownServer('rabbitmq')
  if (own !== undefined) return { url: own, stop: async () => {} }
  const command = programPath('rabbitmq')
  const identity = unprivileged('rabbitmq')
  const folder = serverFolder('rabbitmq', identity)
  const [port, distribution, mapper] = [await freePort(), await freePort(), await freePort()]
  const server = await startServer({
    name: 'RabbitMQ',
    // A daemon of the port mapper would outlive the node; in the foreground it is in the same group and ends with it.
    command: '/bin/sh',
    args: ['-c', `epmd -port ${mapper} & exec ${command}`],
    folder,
    identity,
    env: environment(folder, port, distribution, mapper, identity),
    graceMs: 15_000,
    readyWithinMs: 60_000,
    ready: (output) => output.includes('completed with'),
  })
  return { url: `amqp://guest:guest@127.0.0.1:${port}`, stop: server.stop }
}

function environment(
  folder: string,
  port: number,
  distribution: number,
  mapper: number,
  identity?: Identity,
): Record<string, string> {
  const made = (name: string): string => {
    const path = join(folder, name)
    if (!existsSync(path)) mkdirSync(path)
    if (identity !== undefined) chownSync(path, identity.uid, identity.gid)
    return path
  }
  const config = join(folder, 'rabbitmq.conf')
  writeFileSync(config, `listeners.tcp.1 = 127.0.0.1:${port}\nlog.console = true\nlog.console.level = info\nlog.file = false\n`)
  writeFileSync(join(folder, 'plugins'), '[].\n')
  return {
    HOME: made('home'),
    ERL_EPMD_PORT: String(mapper),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: `holdfast-${port}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_CONFIG_FILE: config,
    RABBITMQ_MNESIA_BASE: made('mnesia'),
    RABBITMQ_LOG_BASE: made('log'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    RABBITMQ_LOGS: '-',
  }
}
