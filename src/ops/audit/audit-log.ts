/**
 * The audit: every event as one line of JSON, in a file that rotates by size. One writer per file; lines are whole, and
 * leave the process in the order of the events. Secrets are masked before a line is made.
 *
 * A disk that is full or gone never reaches the work: lines wait in memory up to a bound, then the newest are dropped, and
 * the next line that is written says how many. On exit what still waits is written synchronously, so a line may be there
 * twice after a crash, but is not lost; only SIGKILL loses what waits, and may tear the last line (see read-audit.ts).
 */
import { appendFileSync, chmodSync, closeSync, mkdirSync, openSync, readSync, statSync, writeSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { RotatingFileStream } from 'rotating-file-stream'
import { createStream } from 'rotating-file-stream'
import type { Clock } from '../../core/clock.ts'
import { systemClock } from '../../core/clock.ts'
import type { Listener } from '../../core/events.ts'
import { checkInteger, checkKnown, checkName } from '../../core/validate.ts'
import type { Redact } from '../redact.ts'
import { redact as defaultRedact } from '../redact.ts'
import { auditFileName } from './file-name.ts'

export interface AuditOptions {
  /** The current file; older ones are `PATH.1`, `PATH.2`, … */
  readonly path: string
  /** A file is rotated once it reaches this size. Default 10 MiB. */
  readonly maxBytes?: number
  /** Files kept, the current one included. Default 5. */
  readonly maxFiles?: number
  readonly redact?: Redact
  readonly clock?: Clock
  /** Told once per outage. Default: `console.error`. */
  readonly onError?: (error: Error) => void
}

export interface AuditLog {
  /** `bus.observe(audit.listen)` */
  readonly listen: Listener
  /** Lines that were dropped since the start. */
  readonly dropped: number
  /** Resolves when all lines so far are in the file, or could not be written. */
  flush(): Promise<void>
  /** Flushes and ends; later events are ignored. Idempotent. */
  close(): Promise<void>
}

/** Text that may wait for the disk. */
const MAX_WAITING = 8_388_608
/** Text that is written at once, so a file never exceeds its size by more. */
const MAX_CHUNK = 65_536
const REOPEN_MS = 5000

/** @throws OptionError for wrong options, or the system's error when the folder cannot be made */
export function auditLog(options: AuditOptions): AuditLog {
  checkKnown(options, ['path', 'maxBytes', 'maxFiles', 'redact', 'clock', 'onError'], 'audit')
  return new RotatingAudit(options)
}

class RotatingAudit implements AuditLog {
  readonly #path: string
  readonly #maxBytes: number
  readonly #maxFiles: number
  readonly #redact: Redact
  readonly #clock: Clock
  readonly #onError: (error: Error) => void
  readonly #onExit = (): void => this.#writeRest()
  #stream: RotatingFileStream | undefined
  /** Lines that wait; the first `#writing` of them are on their way to the disk. */
  #waiting: string[] = []
  #waitingSize = 0
  #writing = 0
  #droppedSinceLine = 0
  #broken = false
  #closed: Promise<void> | undefined
  #idle: (() => void)[] = []
  dropped = 0

  constructor({ path, maxBytes = 10_485_760, maxFiles = 5, redact = defaultRedact, clock = systemClock, onError }: AuditOptions) {
    this.#path = checkName(path, 'audit.path')
    this.#maxBytes = checkInteger(maxBytes, 'audit.maxBytes', 1024)
    this.#maxFiles = checkInteger(maxFiles, 'audit.maxFiles', 2, 1000)
    this.#redact = redact
    this.#clock = clock
    this.#onError = onError ?? ((error) => console.error('holdfast: the audit cannot be written:', error.message))
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    mendLastLine(path)
    process.once('exit', this.#onExit)
  }

  readonly listen: Listener = (event) => {
    if (this.#closed !== undefined) return
    if (this.#waitingSize > MAX_WAITING) {
      this.dropped++
      this.#droppedSinceLine++
      return
    }
    if (this.#droppedSinceLine > 0) {
      this.#append({ type: 'audit.dropped', at: this.#clock.wallNow(), count: this.#droppedSinceLine })
      this.#droppedSinceLine = 0
    }
    this.#append(event)
    this.#write()
  }

  flush(): Promise<void> {
    if (this.#waiting.length === 0 || this.#broken) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  close(): Promise<void> {
    this.#closed ??= this.flush().then(async () => {
      process.off('exit', this.#onExit)
      const stream = this.#stream
      this.#stream = undefined
      if (stream !== undefined && !stream.destroyed) await new Promise<void>((resolve) => stream.end(resolve))
      this.#writeRest()
    })
    return this.#closed
  }

  #append(event: object): void {
    const line = `${JSON.stringify(this.#redact(event))}\n`
    this.#waiting.push(line)
    this.#waitingSize += line.length
  }

  #write(): void {
    if (this.#writing > 0 || this.#broken || this.#waiting.length === 0) return
    let size = 0
    while (this.#writing < this.#waiting.length && size < MAX_CHUNK) size += (this.#waiting[this.#writing++] as string).length
    this.#stream ??= this.#open()
    this.#stream.write(this.#waiting.slice(0, this.#writing).join(''), (error) => {
      if (error) return
      this.#waitingSize -= size
      this.#waiting.splice(0, this.#writing)
      this.#writing = 0
      if (this.#waiting.length === 0) this.#wakeFlushers()
      else this.#write()
    })
  }

  #open(): RotatingFileStream {
    const name = basename(this.#path)
    const stream = createStream((index) => auditFileName(name, typeof index === 'number' ? index : 0), {
      path: dirname(this.#path),
      size: `${this.#maxBytes}B`,
      rotate: this.#maxFiles - 1,
      mode: 0o600,
    })
    stream.on('error', (error) => this.#fail(error))
    return stream
  }

  /** Keeps the lines, and tries again later. */
  #fail(error: Error): void {
    this.#stream = undefined
    this.#writing = 0
    if (!this.#broken) this.#onError(error)
    this.#broken = true
    this.#wakeFlushers()
    this.#clock.setTimer(
      REOPEN_MS,
      () => {
        this.#broken = false
        this.#write()
      },
      true,
    )
  }

  #wakeFlushers(): void {
    for (const wake of this.#idle.splice(0)) wake()
  }

  #writeRest(): void {
    if (this.#waiting.length === 0) return
    try {
      appendFileSync(this.#path, this.#waiting.splice(0).join(''), { mode: 0o600 })
    } catch (error) {
      this.#onError(error as Error)
    }
  }
}

/** After a kill the last line may be torn: it is ended, so that the next one begins on its own. Also tightens the mode. */
function mendLastLine(path: string): void {
  let size: number
  try {
    size = statSync(path).size
  } catch {
    return
  }
  chmodSync(path, 0o600)
  if (size === 0) return
  const file = openSync(path, 'r+')
  const last = Buffer.alloc(1)
  readSync(file, last, 0, 1, size - 1)
  if (last[0] !== 0x0a) writeSync(file, '\n', size)
  closeSync(file)
}
