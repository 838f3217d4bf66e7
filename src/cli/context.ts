/**
 * What every command gets: the process, the printer, and the way to the running Holdfast.
 */
import type { HoldfastConfig } from '../config/config.ts'
import { CliError, EXIT } from './cli-error.ts'
import { Client } from './client.ts'
import type { Io } from './io.ts'
import type { Printer } from './printer.ts'

/** Options of every command that talks to a running Holdfast. */
export interface TalkOptions {
  readonly url?: string
  readonly config?: string
  readonly json?: boolean
}

export interface Context {
  readonly io: Io
  readonly printer: Printer
  readonly version: string
}

/**
 * Finds the running Holdfast: `--url`, else HOLDFAST_URL, else host and port of the configuration.
 *
 * @throws CliError for a URL that is none, HoldfastError with `ERR_CONFIG` for a configuration that cannot be read
 */
export async function connect({ io }: Context, options: TalkOptions): Promise<Client> {
  const token = text(io.env.HOLDFAST_TOKEN)
  const given = options.url ?? text(io.env.HOLDFAST_URL)
  if (given !== undefined) return new Client({ url: checkUrl(given), token })
  const { server } = await readConfig(io, options.config)
  return new Client({ url: urlOf(server.host, server.port), token: server.token })
}

/** The configuration as it is for this folder and environment. Loaded when needed: most commands can do without. */
export async function readConfig(io: Io, config?: string): Promise<HoldfastConfig> {
  const { loadConfig } = await import('../config/resolve.ts')
  const { config: resolved } = await loadConfig({ cwd: io.cwd, env: io.env, config: configPath(io, config) })
  return resolved
}

/** `--config`, else HOLDFAST_CONFIG; undefined looks for a file in the folder. */
export function configPath(io: Io, given?: string): string | undefined {
  return given ?? text(io.env.HOLDFAST_CONFIG)
}

/** Where a client on this machine reaches a server that listens on `host`. */
export function urlOf(host: string, port: number): string {
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`
}

function checkUrl(given: string): string {
  const url = URL.canParse(given) ? new URL(given) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new CliError(`This is not the URL of a Holdfast: ${given}`, {
      hint: 'Write http://127.0.0.1:4680.',
      exitCode: EXIT.usage,
    })
  return url.href.replace(/\/+$/, '')
}

function text(value: string | undefined): string | undefined {
  return value === undefined || value.trim() === '' ? undefined : value.trim()
}
