/** `holdfast up`: runs the process until a signal ends it. */
import type { HoldfastConfig } from '../../config/config.ts'
import type { FlagValues } from '../../config/flags.ts'
import type { ResolvedConfig } from '../../config/resolve.ts'
import { loadConfig } from '../../config/resolve.ts'
import { formatDuration } from '../../core/duration.ts'
import { CliError, EXIT } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { configPath, urlOf } from '../context.ts'
import type { Io, StopSignal } from '../io.ts'

export type UpOptions = FlagValues & { readonly config?: string }

/** A running Holdfast, as the runtime hands it over. */
export interface Running {
  readonly url: string
  /** Drains: takes no new work, waits for running jobs, hands back the rest. */
  stop(): Promise<void>
  readonly recovery?: { readonly recovered: number } | undefined
}

export type StartHoldfast = (config: ResolvedConfig, options: { readonly version: string }) => Promise<Running>

/** A signal that comes so soon after the first is its echo: npm, npx and a terminal pass one Ctrl-C on by several ways. */
const ECHO_MS = 200

const SIGNAL_EXIT: Readonly<Record<StopSignal, number>> = { SIGINT: 130, SIGTERM: 143 }

export const up = upWith(async () => (await import('../../runtime/start.ts')).startHoldfast)

/** The command on a given runtime, which is loaded only once the configuration is known to be right. */
export function upWith(load: () => Promise<StartHoldfast>) {
  return async ({ io, printer, version }: Context, options: UpOptions): Promise<number> => {
    const resolved = await loadConfig({ cwd: io.cwd, env: io.env, flags: options, config: configPath(io, options.config) })
    const { config } = resolved
    const signals = new Signals(io)
    const before = io.clock.now()
    const start = await load()
    const running = await start(resolved, { version }).catch((error: unknown) => {
      throw startError(error, config)
    })
    for (const line of readyLines(running, config, { version, tookMs: io.clock.now() - before })) printer.line(line)

    await signals.first
    if (config.log.format === 'text')
      printer.note(`Stopping: running jobs have ${formatDuration(config.worker.drain)}. Once more stops at once.`)
    await running.stop()
    return EXIT.ok
  }
}

/** The first signal asks to stop, the second one ends the process whatever it is doing. */
class Signals {
  readonly #io: Io
  readonly #asked = Promise.withResolvers<void>()
  /** Resolves with the first signal, which may have come already. */
  readonly first: Promise<void> = this.#asked.promise
  #askedAt: number | undefined

  constructor(io: Io) {
    this.#io = io
    io.onSignal((signal) => this.#hear(signal))
  }

  #hear(signal: StopSignal): void {
    const now = this.#io.clock.now()
    if (this.#askedAt === undefined) {
      this.#askedAt = now
      this.#asked.resolve()
    } else if (now - this.#askedAt >= ECHO_MS) this.#io.exit(SIGNAL_EXIT[signal])
  }
}

function readyLines(
  running: Running,
  config: HoldfastConfig,
  { version, tookMs }: { version: string; tookMs: number },
): string[] {
  const { url, recovery } = running
  if (config.log.format === 'json') return [JSON.stringify({ level: 'info', message: 'ready', url, version, recovery })]
  const reach = reachable(url)
  return [
    `Holdfast ${version} is ready: ${reach} (store ${config.store.url}, started in ${formatDuration(tookMs)})`,
    `  ${resilienceLine(config)}`,
    `  Try:  ${tryLine(reach, config)}`,
    `  Then: npx holdfast status${defaultUrl(reach) ? '' : ` --url ${reach}`}`,
  ]
}

function resilienceLine({ resilience, retry, breaker }: HoldfastConfig): string {
  if (!resilience.enabled) return 'Resilience is switched off (resilience.enabled).'
  return `Resilience is on: ${[
    resilience.retryEnabled ? `calls are tried up to ${retry.maxAttempts} times` : 'retry is switched off',
    resilience.breakerEnabled ? `breakers open ${tripText(breaker)}` : 'breakers are switched off',
  ].join(', ')}.`
}

function tripText({ failures, failureRate, openFor }: HoldfastConfig['breaker']): string {
  const causes = [
    ...(typeof failures === 'number' ? [`after ${failures} failures in a row`] : []),
    ...(typeof failureRate === 'number' ? [`when ${Math.round(failureRate * 100)} % fail`] : []),
  ]
  return `${causes.join(' or ')}, for ${formatDuration(openFor ?? 0)}`
}

/** A command that works when pasted: it calls what this configuration lets jobs call. */
function tryLine(url: string, { http, server }: HoldfastConfig): string {
  const target = http.allow.includes('loopback') ? `${url}/health/live` : 'https://example.com/'
  const job = JSON.stringify({ kind: 'http', payload: { url: target } })
  const token = server.token === undefined ? '' : ` -H "authorization: Bearer $HOLDFAST_TOKEN"`
  return `curl -sd '${job}' -H 'content-type: application/json'${token} ${url}/v1/jobs`
}

function reachable(url: string): string {
  const { hostname, port } = new URL(url)
  return urlOf(hostname.replace(/^\[(.*)\]$/, '$1'), Number(port))
}

function defaultUrl(url: string): boolean {
  return url === 'http://127.0.0.1:4680'
}

function startError(error: unknown, { server }: HoldfastConfig): unknown {
  const { code } = error as NodeJS.ErrnoException
  const { host, port } = server
  if (code === 'EADDRINUSE')
    return new CliError(`Port ${port} on ${host} is taken.`, {
      hint: `Is a Holdfast running already? See: npx holdfast status. Or take another port: npm start -- --port ${port + 1}`,
    })
  if (code === 'EACCES' && port < 1024)
    return new CliError(`Port ${port} needs the rights of an administrator.`, {
      hint: 'Take one above 1023: npm start -- --port 4680',
    })
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return new CliError(`${host} is not an address of this machine.`, {
      hint: 'Set HOLDFAST_HOST to one that is, or to 127.0.0.1.',
      exitCode: EXIT.config,
    })
  return error
}
