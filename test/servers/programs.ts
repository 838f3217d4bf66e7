/**
 * The programs of the real servers that tests use: where they are found, and how a machine gets them.
 */
import { accessSync, constants, globSync } from 'node:fs'
import { delimiter, join } from 'node:path'

export type ServerName = 'postgres' | 'redis' | 'rabbitmq' | 'kafka' | 'chromium'

export interface Program {
  /** For people. */
  readonly title: string
  /** Debian's packages of it. */
  readonly packages: readonly string[]
  /** Names of a server that runs already; where set, no program is needed. */
  readonly environment?: string
  /** The path of its main executable, or undefined. */
  readonly find: () => string | undefined
}

export const programs: Readonly<Record<ServerName, Program>> = {
  postgres: {
    title: 'PostgreSQL',
    packages: ['postgresql'],
    environment: 'HOLDFAST_TEST_POSTGRES',
    find: () => newest('/usr/lib/postgresql/*/bin/postgres') ?? newest('/usr/pgsql-*/bin/postgres') ?? onPath('postgres'),
  },
  redis: { title: 'Redis', packages: ['redis-server'], environment: 'HOLDFAST_TEST_REDIS', find: () => onPath('redis-server') },
  rabbitmq: {
    title: 'RabbitMQ',
    packages: ['rabbitmq-server'],
    environment: 'HOLDFAST_TEST_AMQP',
    find: () => executable('/usr/lib/rabbitmq/bin/rabbitmq-server') ?? onPath('rabbitmq-server'),
  },
  kafka: {
    title: 'kcat (which mocks Kafka)',
    packages: ['kcat'],
    environment: 'HOLDFAST_TEST_KAFKA',
    find: () => onPath('kcat'),
  },
  chromium: { title: 'Chromium', packages: ['chromium', 'fonts-liberation'], find: findChromium },
}

function findChromium(): string | undefined {
  const named = process.env.HOLDFAST_TEST_CHROMIUM
  if (named !== undefined) return executable(named)
  return (
    onPath('chromium') ??
    onPath('chromium-browser') ??
    onPath('google-chrome') ??
    executable('/Applications/Google Chrome.app/Contents/MacOS/Google Chrome')
  )
}

function onPath(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/sbin', '/usr/local/bin']
  for (const folder of folders) {
    const found = executable(join(folder, name))
    if (found !== undefined) return found
  }
  return undefined
}

function newest(pattern: string): string | undefined {
  const found = globSync(pattern).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
  return found.at(-1)
}

function executable(path: string): string | undefined {
  try {
    accessSync(path, constants.X_OK)
    return path
  } catch {
    return undefined
  }
}
