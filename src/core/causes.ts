/**
 * What an error says, or what is behind it: its `cause`, and the `errors` of an `AggregateError`. `fetch` and dual-stack
 * connects hide the reason there.
 */

/** Errors followed, one behind the other; they may stand in a circle. */
const DEEPEST = 5

/**
 * Whether an error, or one behind it, says yes. What cannot be read throws as it is read.
 *
 * @param says asked about objects only; `undefined` when it says nothing, and what is behind it is asked
 */
export function anyCause(error: unknown, says: (error: object) => boolean | undefined, depth = DEEPEST): boolean {
  if (typeof error !== 'object' || error === null || depth === 0) return false
  const said = says(error)
  if (said !== undefined) return said
  const { cause, errors } = error as Record<string, unknown>
  if (Array.isArray(errors) && errors.some((one) => anyCause(one, says, depth - 1))) return true
  return anyCause(cause, says, depth - 1)
}
