/**
 * Freezes data through and through and keeps its literal types, so that a preset shows its numbers in an editor.
 * For plain objects and arrays only.
 */
export function frozen<const T extends object>(data: T): T {
  for (const value of Object.values(data)) if (typeof value === 'object' && value !== null) frozen(value)
  return Object.freeze(data)
}
