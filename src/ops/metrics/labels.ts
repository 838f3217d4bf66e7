import type { NameCap } from './name-cap.ts'

/** The caps of each label, shared by all metrics that have it. */
export interface Labels {
  readonly operation: NameCap
  readonly target: NameCap
  readonly kind: NameCap
  readonly policy: NameCap
}
