/**
 * Who this process is among all that may ever work on a store, so that others can tell whether it is there still.
 *
 * Host and pid alone do not tell: containers share host names and all have a pid 1, and pids come back. So a boot id also names
 * where the pid counts (the boot of the machine and the pid namespace) and when its process began, where the system tells: on
 * Linux. It reads `RANDOM.SCOPE.BEGUN`; what is not known is left out.
 */
import { createHash, randomUUID } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import type { WorkerIdentity } from './worker-options.ts'

export interface Place {
  /** Where the pid counts: the same text for processes that see each other's pids as they are. */
  readonly scope: string | undefined
  /** When the process began, in the system's own count. */
  readonly begun: string | undefined
}

/** The boot ids of this process's workers, also of those that another copy of this code made. */
const madeHere: Set<string> = sharedSet(Symbol.for('holdfast.boots'))

function sharedSet(name: symbol): Set<string> {
  const shared = globalThis as unknown as Record<symbol, Set<string> | undefined>
  const made = shared[name] ?? new Set<string>()
  shared[name] = made
  return made
}

/**
 * Names a worker of this process. A `host` of the caller's own is taken for unique: then who was here before under the same pid
 * is gone for certain. Without one a container tells nothing of another, and its work is taken over when the lease has ended.
 */
export function newIdentity(host?: string): WorkerIdentity {
  const { scope, begun } = thisPlace()
  const parts = [randomUUID().slice(0, 8), host === undefined ? scope : undefined, begun]
  const bootId = parts.slice(1).some((part) => part !== undefined) ? parts.map((part) => part ?? '').join('.') : parts.join('')
  madeHere.add(bootId)
  return { host: host ?? hostname(), pid: process.pid, bootId }
}

/** What a boot id tells of its process. */
export function placeOf(bootId: string): Place {
  const [, scope, begun] = /^[0-9a-f]{8}\.([0-9a-z]*)\.([0-9a-z]*)$/.exec(bootId) ?? []
  return { scope: scope || undefined, begun: begun || undefined }
}

/** True for a worker of this very process; what it works on, and whether it still does, only its lease tells. */
export function isOfThisProcess(pid: number, bootId: string): boolean {
  if (pid !== process.pid) return false
  const [theirs, ours] = [placeOf(bootId).begun, thisPlace().begun]
  return theirs === undefined || ours === undefined ? madeHere.has(bootId) : theirs === ours
}

let known: Place | undefined

export function thisPlace(): Place {
  known ??= { scope: scopeOfPids(), begun: begunAt('self') }
  return known
}

/** When the process with this pid began; undefined when it is gone, is hidden, or the system does not tell. */
export function begunAt(pid: number | 'self'): string | undefined {
  if (pid !== 'self' && !seesOwnPids()) return undefined
  // The 22nd field. The second is the program's name, in brackets, and may hold anything.
  const stat = read(`/proc/${pid}/stat`)
  const ticks = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  return ticks === undefined || !/^\d+$/.test(ticks) ? undefined : Number(ticks).toString(36)
}

/** The time namespace counts too: in another one the same process has begun at another time. */
function scopeOfPids(): string | undefined {
  const [boot, pids] = [read('/proc/sys/kernel/random/boot_id'), linkOf('/proc/self/ns/pid')]
  if (boot === undefined || pids === undefined) return undefined
  const names = [boot.trim(), pids, linkOf('/proc/self/ns/time') ?? '']
  return createHash('sha256').update(names.join(' ')).digest('hex').slice(0, 8)
}

let isOwn: boolean | undefined

/** False where `/proc` is that of an outer namespace, in which pids mean others: there this process has several, outermost first. */
function seesOwnPids(): boolean {
  isOwn ??= /^NSpid:\s+\d+$/m.test(read('/proc/self/status') ?? '')
  return isOwn
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}
