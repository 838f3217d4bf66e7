/**
 * Hears that another process has committed to the file, soon after it did, without polling: the system tells of writes to the
 * write-ahead log, and SQLite tells whose they were. A hint: where the system cannot watch files, polling does it all.
 */
import type { FSWatcher } from 'node:fs'
import { watch } from 'node:fs'
import type { Clock } from '../../core/clock.ts'

export interface FileHintsOptions {
  readonly path: string
  readonly clock: Clock
  /** Another number once another connection has committed. */
  readonly version: () => Promise<number>
  readonly onHint: () => void
}

/** After a look, the next one waits so long: a burst of commits is one or two hints. */
const GATHER_MS = 5

export class FileHints {
  readonly #options: FileHintsOptions
  #watcher: FSWatcher | undefined
  #known: number | undefined
  #cancel: (() => void) | undefined
  /** Something was written since the last look. */
  #written = false

  constructor(options: FileHintsOptions) {
    this.#options = options
  }

  /** Watches the log of the file as it is now: call it again when the file was opened again. */
  start(): void {
    this.stop()
    try {
      // Not `persistent`: listening keeps no process alive.
      this.#watcher = watch(`${this.#options.path}-wal`, { persistent: false }, () => this.#heard())
      this.#watcher.on('error', () => this.stop())
    } catch {
      return
    }
    void this.#look(false)
  }

  stop(): void {
    this.#watcher?.close()
    this.#watcher = undefined
    this.#cancel?.()
    this.#cancel = undefined
  }

  #heard(): void {
    this.#written = true
    if (this.#cancel === undefined) void this.#look(true)
  }

  /** The log is written before the commit can be seen, so a look that finds nothing is followed by another. */
  async #look(tell: boolean): Promise<void> {
    this.#written = false
    this.#cancel = this.#options.clock.setTimer(GATHER_MS, () => {
      this.#cancel = undefined
      if (this.#written) void this.#look(true)
      else if (tell) void this.#compare()
    })
    if (tell) await this.#compare()
    else this.#known = await this.#options.version().catch(() => undefined)
  }

  async #compare(): Promise<void> {
    const version = await this.#options.version().catch(() => this.#known)
    if (version === this.#known || this.#watcher === undefined) return
    this.#known = version
    this.#options.onHint()
  }
}
