/** What a worker process is told, and what it is given to do. */
import type { StoreAddress } from './store-address.ts'

export interface WorkerOrders {
  readonly store: StoreAddress
  readonly ledger: string
  /** The machine that it claims to run on; undefined for this one. */
  readonly host?: string
  /** A Redis that the workers share their breakers and limits by; undefined for what the store has. */
  readonly redis?: string
  readonly leaseMs: number
  readonly concurrency: number
}

export interface Task {
  readonly ms: number
  /** Does not hear that it is to stop. */
  readonly deaf?: boolean
  /** Fails the first time. */
  readonly fails?: boolean
}

/** It exits with this when its store could not be opened. */
export const NOT_STARTED = 3
