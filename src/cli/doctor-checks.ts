/**
 * The doctor's checks. They look and change nothing.
 */
import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { dirname } from 'node:path'
import type { HoldfastConfig, StoreSettings } from '../config/config.ts'
import type { FlagValues } from '../config/flags.ts'
import { loadConfig } from '../config/resolve.ts'
import { formatSize } from '../config/size.ts'
import type { Clock } from '../core/clock.ts'
import { formatDuration } from '../core/duration.ts'
import { explainError } from './cli-error.ts'
import { configPath, urlOf } from './context.ts'
import type { Io } from './io.ts'

export interface Finding {
  readonly check: string
  readonly status: 'ok' | 'warning' | 'problem'
  readonly message: string
  /** The next step. */
  readonly hint?: string
}

const LEAST_DISK = 100 * 1024 ** 2
const LITTLE_DISK = 1024 ** 3
const PORT_TIMEOUT_MS = 2000
/** Nobody ran this before it was written: an earlier date is a clock that was never set. */
const WRITTEN_AT = Date.UTC(2026, 0, 1)

export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.slice(1).split('.').map(Number)
  const check = 'node'
  return major > 22 || (major === 22 && minor >= 18)
    ? { check, status: 'ok', message: version }
    : { check, status: 'problem', message: `${version} is too old`, hint: 'Holdfast needs Node 22.18 or later.' }
}

export async function checkConfig(
  io: Io,
  options: FlagValues & { readonly config?: string },
): Promise<{ readonly finding: Finding; readonly config?: HoldfastConfig }> {
  const check = 'configuration'
  try {
    const { config, file } = await loadConfig({
      cwd: io.cwd,
      env: io.env,
      flags: options,
      config: configPath(io, options.config),
    })
    return { config, finding: { check, status: 'ok', message: file ?? 'defaults, there is no file' } }
  } catch (error) {
    return { finding: { check, status: 'problem', message: explainError(error).text } }
  }
}

/** The folder that has to be there, or the nearest one above it. */
function existingFolder(path: string): string {
  const folder = dirname(path)
  return existsSync(folder) || folder === dirname(folder) ? folder : existingFolder(folder)
}

export async function checkStore(store: StoreSettings): Promise<Finding> {
  const check = 'store'
  if (store.kind === 'memory')
    return { check, status: 'warning', message: 'in memory: a restart loses every job', hint: 'Set HOLDFAST_STORE=sqlite:PATH.' }
  if (store.kind === 'postgres') return checkShape(store, store.url)
  const place = existsSync(store.path) ? store.path : existingFolder(store.path)
  try {
    accessSync(place, constants.R_OK | constants.W_OK)
    accessSync(existingFolder(store.path), constants.W_OK | constants.X_OK)
    return existsSync(store.path)
      ? await checkShape(store, store.path)
      : { check, status: 'ok', message: `${store.path} will be made` }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return {
      check,
      status: 'problem',
      message: `${place} cannot be written (${code})`,
      hint: 'Change its owner, or set HOLDFAST_STORE to another path.',
    }
  }
}

/** It is asked, and left as it is. */
async function checkShape(store: StoreSettings, place: string): Promise<Finding> {
  const check = 'store'
  const { storeSchema } = await import('../runtime/store-schema.ts')
  try {
    const { current = 0, newest } = await storeSchema(store)
    if (current > newest) {
      const message = `${place} has version ${current}, this Holdfast knows ${newest}`
      return { check, status: 'problem', message, hint: 'Run the newer Holdfast that wrote it.' }
    }
    const next = current === 0 ? ', the tables will be made' : current < newest ? ', will be brought up to date' : ''
    return { check, status: 'ok', message: `${place}${next}` }
  } catch (error) {
    return { check, status: 'problem', message: `${place}: ${explainError(error).text}` }
  }
}

export async function checkDisk(store: StoreSettings, cwd: string): Promise<Finding> {
  const check = 'disk'
  const folder = store.kind === 'sqlite' ? existingFolder(store.path) : cwd
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  const message = `${formatSize(free)} free in ${folder}`
  if (free < LEAST_DISK) return { check, status: 'problem', message, hint: 'Make room: a full disk refuses new jobs.' }
  return free < LITTLE_DISK
    ? { check, status: 'warning', message, hint: 'Make room before it runs out.' }
    : { check, status: 'ok', message }
}

export async function checkPort({ host, port }: HoldfastConfig['server']): Promise<Finding> {
  const check = 'port'
  if (port === 0) return { check, status: 'ok', message: 'any free one' }
  const url = urlOf(host, port)
  if (!(await isOpen(new URL(url).hostname, port))) return { check, status: 'ok', message: `${port} is free` }
  const live = await fetch(`${url}/health/live`, { signal: AbortSignal.timeout(PORT_TIMEOUT_MS) })
    .then((response) => response.json() as Promise<{ version?: unknown }>)
    .catch(() => undefined)
  if (live?.version !== undefined) return { check, status: 'ok', message: `Holdfast ${String(live.version)} runs at ${url}` }
  return {
    check,
    status: 'problem',
    message: `${port} is taken by something else`,
    hint: `Take another port: npm start -- --port ${port + 1}`,
  }
}

function isOpen(hostname: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: hostname.replace(/^\[(.*)\]$/, '$1'), port, timeout: PORT_TIMEOUT_MS })
    const finish = (open: boolean): void => {
      socket.destroy()
      resolve(open)
    }
    socket.once('connect', () => finish(true))
    socket.once('error', () => finish(false))
    socket.once('timeout', () => finish(false))
  })
}

/** Against the server's clock, where there is one; a server that does not answer is another finding. */
async function checkServerClock(store: StoreSettings, clock: Clock): Promise<Finding> {
  const check = 'clock'
  const { storeClock } = await import('../runtime/store-clock.ts')
  const found = await storeClock(store, clock).catch(() => undefined)
  const message = new Date(clock.wallNow()).toISOString()
  if (found === undefined || !found.isSkewed) return { check, status: 'ok', message }
  const difference = `${formatDuration(Math.abs(found.skewMs))} ${found.skewMs > 0 ? 'ahead of' : 'behind'}`
  return {
    check,
    status: 'warning',
    message: `${message}, but the store's clock is ${difference} this`,
    hint: 'Let both hosts keep time by NTP: the store’s clock decides when jobs are due.',
  }
}

export async function checkClock(store: StoreSettings, clock: Clock): Promise<Finding> {
  const check = 'clock'
  const now = clock.wallNow()
  const message = new Date(now).toISOString()
  if (now < WRITTEN_AT)
    return {
      check,
      status: 'problem',
      message: `${message} is in the past`,
      hint: 'Set the clock: schedules and leases are by it.',
    }
  if (store.kind === 'postgres') return checkServerClock(store, clock)
  const newest = store.kind === 'sqlite' && existsSync(store.path) ? statSync(store.path).mtimeMs : 0
  if (newest > now + 60_000)
    return {
      check,
      status: 'warning',
      message: `${message}, but the store was written later`,
      hint: 'The clock stepped back: scheduled jobs wait longer.',
    }
  return { check, status: 'ok', message }
}
