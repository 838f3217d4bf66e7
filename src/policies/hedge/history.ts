/**
 * What went wrong before the failure that the caller sees.
 */

/** The end of one call of a hedge that was not acceptable: an error, or the value. `hedge` 0 is the first call. */
export type HedgeFailure = { readonly hedge: number } & ({ readonly error: unknown } | { readonly value: unknown })

const histories = new WeakMap<object, readonly HedgeFailure[]>()

/** @internal */
export function rememberFailures(error: unknown, failures: readonly HedgeFailure[]): void {
  if (typeof error === 'object' && error !== null) histories.set(error, failures)
}

/** How all calls of the hedge ended that this error came out of, in the order of their ends; empty for any other error. */
export function hedgeFailuresOf(error: unknown): readonly HedgeFailure[] {
  return histories.get(error as object) ?? []
}
