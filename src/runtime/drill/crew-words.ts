/** What a drill and its worker processes tell each other. */
import type { ScratchAddress } from './scratch-store.ts'

export const DRILL_KIND = 'drill'

/** One line on the worker's standard input. */
export interface CrewOrders {
  readonly address: ScratchAddress
  readonly concurrency: number
  /** How many of them will be killed. */
  readonly kills: number
}

export interface DrillPayload {
  /** How long the work takes. */
  readonly ms: number
}

/** Lines on its standard output. */
export type Said =
  | { readonly type: 'ready'; readonly recovered: number }
  | { readonly type: 'failed'; readonly reason: string }
  /** The handler was called. */
  | { readonly type: 'begin'; readonly id: string }
  /** The handler did what it is there for, and nothing can undo that. */
  | { readonly type: 'effect'; readonly id: string }
