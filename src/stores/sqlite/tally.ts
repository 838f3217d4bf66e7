/**
 * How many jobs and dead letters there are, by lane and state: summed up during a transaction, and written with it.
 */
import type { StatementSync } from 'node:sqlite'
import type { Lane } from '../../work/store.ts'

/** `given-up` counts dead jobs whose letter was discarded: prune may take them. */
type Subject = 'job' | 'letter' | 'given-up'

const ADD = `
  INSERT INTO holdfast_counts (subject, kind, target, state, n) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (subject, kind, target, state) DO UPDATE SET n = n + excluded.n`
const SWEEP = 'DELETE FROM holdfast_counts WHERE subject = ? AND kind = ? AND target = ? AND state = ? AND n = 0'

interface Change {
  readonly subject: Subject
  readonly lane: Lane
  readonly state: string
  by: number
}

/** A transaction mostly changes few lanes; so many are found without a name. */
const AT_HAND = 8

export class Tally {
  readonly #changes = new Map<string, Change>()
  readonly #atHand: Change[] = []

  add(subject: Subject, lane: Lane, state: string, by: number): void {
    this.#change(subject, lane, state).by += by
  }

  #change(subject: Subject, lane: Lane, state: string): Change {
    for (const change of this.#atHand)
      if (
        change.state === state &&
        change.lane.target === lane.target &&
        change.lane.kind === lane.kind &&
        change.subject === subject
      )
        return change
    const name = `${subject} ${state} ${lane.kind.length} ${lane.kind} ${lane.target}`
    const change = this.#changes.get(name) ?? { subject, lane, state, by: 0 }
    this.#changes.set(name, change)
    if (this.#atHand.length < AT_HAND && !this.#atHand.includes(change)) this.#atHand.push(change)
    return change
  }

  move(subject: Subject, lane: Lane, from: string, to: string, by = 1): void {
    if (from === to) return
    this.add(subject, lane, from, -by)
    this.add(subject, lane, to, by)
  }

  write(sql: (text: string) => StatementSync): void {
    for (const { subject, lane, state, by } of this.#changes.values()) {
      if (by === 0) continue
      sql(ADD).run(subject, lane.kind, lane.target, state, by)
      // A lane that nothing is left of must not stay behind.
      if (by < 0) sql(SWEEP).run(subject, lane.kind, lane.target, state)
    }
  }
}
