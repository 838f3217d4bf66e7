/** What is known of a file's mutants, kept from run to run: one file of results for each file of sources. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../project.ts'
import type { Found } from './court.ts'
import { hashOf, type Mutant } from './instrument.ts'

export interface Results {
  /** The hash of the source that was changed. */
  readonly source: string
  /** One hash of everything that was loaded: while it stays, survivors need no second trial. */
  readonly world: string
  readonly found: (Found | undefined)[]
}

const folder = join(root, 'reports/mutation/results')
const pathOf = (source: string): string => join(folder, `${source.replaceAll('/', '~')}.json`)

/** What still holds: nothing where the source changed; where only tests or other files did, what a test noticed that is the same. */
export function stillKnown(
  source: string,
  mutants: readonly Mutant[],
  world: string,
  unchanged: (test: string) => boolean,
): Results {
  const hash = hashOf(source)
  const nothing: Results = { source: hash, world, found: mutants.map(() => undefined) }
  if (!existsSync(pathOf(source))) return nothing
  const kept = JSON.parse(readFileSync(pathOf(source), 'utf8')) as Results
  if (kept.source !== hash || kept.found.length !== mutants.length) return nothing
  if (kept.world === world) return { ...kept, found: kept.found.map((one) => one ?? undefined) }
  const noticed = (one: Found | undefined | null): boolean =>
    one?.status === 'Killed' && one.by !== undefined && unchanged(one.by.slice(0, Math.max(0, one.by.lastIndexOf('#'))))
  return { source: hash, world, found: kept.found.map((one) => (noticed(one) ? one : undefined)) }
}

export function keep(source: string, results: Results): void {
  mkdirSync(folder, { recursive: true })
  // Whole or not at all: a run may be stopped at any time.
  writeFileSync(`${pathOf(source)}.new`, JSON.stringify(results))
  renameSync(`${pathOf(source)}.new`, pathOf(source))
}
