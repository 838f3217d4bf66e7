/** The answers of the API, as far as these tests read them. */
import type { HistoryEntry } from '../../src/work/job.ts'

export interface Sent {
  readonly id: string
  readonly state: string
  readonly duplicate: boolean
}

export interface JobAnswer {
  readonly id: string
  readonly state: string
  readonly attempts: number
  readonly generation: number
  readonly heldBy?: string
  readonly heldUntil?: number
  readonly heldReason?: string
  readonly nextRunAt?: number
  readonly lastError?: { readonly message: string; readonly code?: string; readonly status?: number }
  readonly history?: readonly HistoryEntry[]
}

export interface TargetAnswer {
  readonly name: string
  readonly breaker?: { readonly state: string; readonly probeAt?: number; readonly since: number }
  readonly paused?: { readonly until?: number }
  readonly heldBy?: string
  readonly heldUntil?: number
  readonly held: number
}

export interface StatusAnswer {
  readonly status: string
  readonly reasons: readonly { readonly check: string; readonly status: string; readonly message: string }[]
  readonly store: { readonly ok: boolean; readonly message?: string }
  readonly jobs: Readonly<Record<string, number>>
  readonly deadLetters: Readonly<Record<string, number>>
  readonly targets: readonly TargetAnswer[]
  readonly held: number
}

export interface DeadLetterAnswer {
  readonly id: string
  readonly cause: string
  readonly status: string
  readonly targetDown: boolean
  readonly error: { readonly message: string; readonly code?: string; readonly status?: number }
}

export interface ErrorAnswer {
  readonly error: {
    readonly code: string
    readonly message: string
    readonly field?: string
    readonly rule?: string
    readonly hint?: string
    readonly index?: number
  }
}
