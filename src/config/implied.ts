/**
 * Values that follow from others: an option that nobody set is never the reason why one that somebody set is refused.
 */
import { parseDuration } from '../core/duration.ts'
import type { Assignment, Layers, Path } from './layers.ts'
import { pathKey } from './layers.ts'

const RETRY_NAMES = ['initial', 'max', 'factor', 'jitter'] as const

const INHERITED: readonly (readonly [from: Path, to: Path])[] = [
  [
    ['retry', 'maxAttempts'],
    ['http', 'maxAttempts'],
  ],
  ...RETRY_NAMES.map(
    (name) =>
      [
        ['retry', name],
        ['http', 'backoff', name],
      ] as const,
  ),
]

const ORDERED: readonly (readonly [low: Path, high: Path])[] = [
  [
    ['retry', 'initial'],
    ['retry', 'max'],
  ],
  [
    ['http', 'backoff', 'initial'],
    ['http', 'backoff', 'max'],
  ],
  [
    ['breaker', 'openFor'],
    ['breaker', 'openForMax'],
  ],
]

export function applyImplied(layers: Layers): void {
  for (const [from, to] of INHERITED) inherit(layers, from, to)
  for (const [low, high] of ORDERED) giveWay(layers, low, high)
}

/** Where somebody set the general retry and left that of `http` jobs alone, theirs is the general one. */
function inherit(layers: Layers, from: Path, to: Path): void {
  const general = layers.sources.get(pathKey(from))
  if (isDefault(general) || !isDefault(layers.sources.get(pathKey(to)))) return
  // The queue keeps no delay to decorrelate from.
  if (general?.value !== 'decorrelated') layers.apply([{ ...(general as Assignment), path: to, inherited: true }])
}

/** A default bound moves to the value that somebody set beyond it. */
function giveWay(layers: Layers, low: Path, high: Path): void {
  const [from, to] = [layers.sources.get(pathKey(low)), layers.sources.get(pathKey(high))]
  if (from === undefined || to === undefined || !((ms(from.value) ?? 0) > (ms(to.value) ?? 0))) return
  if (isDefault(to)) layers.apply([{ ...from, path: high, inherited: true }])
  else if (isDefault(from)) layers.apply([{ ...to, path: low, inherited: true }])
}

function isDefault(assignment: Assignment | undefined): boolean {
  return assignment === undefined || assignment.source === 'default'
}

/** A duration in ms; undefined for what is none. */
export function ms(value: unknown): number | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined
  try {
    return parseDuration(value)
  } catch {
    return undefined
  }
}
