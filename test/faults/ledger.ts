/**
 * What handlers did, written outside of any store: a file for each worker process, a line for each event, in one write each.
 * After a SIGKILL at most the last line is torn, and it is skipped.
 */
import { openSync, readFileSync, writeSync } from 'node:fs'

/**
 * `begin`: the handler was called. `effect`: it did what it is there for, and nothing can undo that. `acked`: the store took
 * the job's success. `claimed` and `renewed`: jobs were claimed, leases renewed; the id is the time when the store was asked.
 */
export type LedgerEvent = 'begin' | 'effect' | 'acked' | 'claimed' | 'renewed'

export interface Entry {
  readonly event: LedgerEvent
  readonly id: string
  readonly token: number
  /** ms of the machine's monotonic clock: comparable between processes, whatever their wall clocks say. */
  readonly at: number
}

const LETTERS = { b: 'begin', e: 'effect', a: 'acked', c: 'claimed', r: 'renewed' } as const

export class Ledger {
  readonly #file: number

  constructor(path: string) {
    this.#file = openSync(path, 'a')
  }

  write(event: LedgerEvent, id: string, token: number): void {
    writeSync(this.#file, `${event[0]} ${id} ${token} ${monotonic().toFixed(2)}\n`)
  }
}

export function readLedger(path: string): Entry[] {
  const lines = readFileSync(path, 'utf8').split('\n')
  // What follows the last line break is nothing, or torn.
  return lines.slice(0, -1).map((line) => {
    const [letter, id, token, at] = line.split(' ') as [keyof typeof LETTERS, string, string, string]
    return { event: LETTERS[letter], id, token: Number(token), at: Number(at) }
  })
}

/** ms since the machine started. */
export function monotonic(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
