/**
 * The rule by which a process believes the others. More of those who know must say that the target is down than say that it
 * answers, one's own word counted.
 *
 * So a process that knows nothing follows the first who has found something out, one that has just been answered follows two
 * against itself and never one, and a single process that cannot reach the target keeps nobody out but itself. Who only
 * follows has no word: an opinion that came round must not count twice.
 */
import type { Heard } from './word.ts'

export interface Own {
  /** The stamp of this process's own finding that the target is down; undefined when it has none. */
  readonly downAt: number | undefined
  /** The target has answered this process lately. */
  readonly up: boolean
  /** The stamp of the newest close that is known: what was found before it is over. */
  readonly closedAt: number
}

export interface Verdict {
  /** Processes, this one counted, that say it is down. */
  readonly downs: number
  readonly ups: number
  /** Down, for a process that has not found so itself. */
  readonly isDown: boolean
  /** The latest finding of the others. It alone says for how long: probes are findings too. */
  readonly newest: NonNullable<Heard['down']> | undefined
}

export function judge({ downAt, up, closedAt }: Own, heard: readonly Heard[]): Verdict {
  let newest: Heard['down']
  let downs = downAt !== undefined && downAt > closedAt ? 1 : 0
  let ups = up ? 1 : 0
  for (const { down, up: answers } of heard) {
    if (down !== undefined && down.at > closedAt) {
      downs++
      if (newest === undefined || down.at > newest.at) newest = down
    } else if (answers) ups++
  }
  return { downs, ups, isDown: downs > ups, newest }
}
