/** What tests get for `fast-check` while they judge mutants: the same properties, on fewer examples. */
import fc from 'fast-check'

export * from 'fast-check'

const MOST_RUNS = 60

const assert = ((property: Parameters<typeof fc.assert>[0], parameters?: Parameters<typeof fc.assert>[1]) =>
  fc.assert(property, { ...parameters, numRuns: Math.min(parameters?.numRuns ?? MOST_RUNS, MOST_RUNS) })) as typeof fc.assert

export default { ...fc, assert }
