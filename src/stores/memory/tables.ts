import type { StoredState } from '../../core/state-store.ts'
import type { WorkerRow } from '../../work/store.ts'
import { BatchTable } from './batch-table.ts'
import { JobTable } from './job-table.ts'
import { KeyTable } from './key-table.ts'
import { LetterTable } from './letter-table.ts'

/** All that a memory store keeps. */
export class Tables {
  readonly jobs = new JobTable()
  readonly keys = new KeyTable()
  readonly letters = new LetterTable()
  readonly batches = new BatchTable(this.jobs)
  readonly workers = new Map<string, WorkerRow>()
  readonly #states = new Map<string, { readonly json: string; readonly updatedAt: number }>()

  states(prefix: string): readonly StoredState[] {
    return [...this.#states]
      .filter(([name]) => name.startsWith(prefix))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { json, updatedAt }]) => ({ name, value: JSON.parse(json) as unknown, updatedAt }))
  }

  writeState(name: string, value: unknown, now: number): void {
    this.#states.set(name, { updatedAt: now, json: JSON.stringify(value) ?? 'null' })
  }

  deleteState(name: string): void {
    this.#states.delete(name)
  }
}
