/**
 * `holdfast config dump`: every value with its source, without secrets.
 */

import { DEFAULTS } from './defaults.ts'
import { showPath } from './layers.ts'
import { redact } from './redact.ts'
import type { ResolvedConfig } from './resolve.ts'

export interface DumpRow {
  /** As one would write it: `targets["https://api.example.com"].timeout`. */
  readonly path: string
  /** As it was written, secrets hidden. */
  readonly value: unknown
  readonly source: string
}

/** The rows, in the order of the options. */
export function dumpConfig({ provenance }: ResolvedConfig): DumpRow[] {
  const order = [...Object.keys(DEFAULTS), 'state']
  return [...provenance.values()]
    .map(({ path, value, source }) => ({ path, row: { path: showPath(path), value: shown(path, value), source } }))
    .sort((a, b) => order.indexOf(a.path[0] as string) - order.indexOf(b.path[0] as string))
    .map(({ row }) => row)
}

function shown(path: readonly string[], value: unknown): unknown {
  if (path[0] === 'kinds' || path[0] === 'schedules') return (value as readonly { name: string }[]).map(({ name }) => name)
  return redact(path, value)
}
