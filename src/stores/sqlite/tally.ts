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

/** More changes than that are written as lists of targets. */
const FEW = 8
const ADD_MANY = `
  INSERT INTO holdfast_counts (subject, kind, target, state, n) SELECT ?1, ?2, value, ?3, ?4 FROM json_each(?5) WHERE true
  ON CONFLICT (subject, kind, target, state) DO UPDATE SET n = n + excluded.n`
const OF_MANY = 'subject = ?1 AND kind = ?2 AND state = ?3 AND target IN (SELECT value FROM json_each(?5))'
const SWEEP_MANY = `DELETE FROM holdfast_counts WHERE ${OF_MANY} AND n = -?4`
const TAKE_MANY = `UPDATE holdfast_counts SET n = n + ?4 WHERE ${OF_MANY}`

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
    const changes = [...this.#changes.values()].filter(({ by }) => by !== 0)
    if (changes.length > FEW) return writeMany(sql, changes)
    for (const { subject, lane, state, by } of changes) {
      sql(ADD).run(subject, lane.kind, lane.target, state, by)
      // A lane that nothing is left of must not stay behind.
      if (by < 0) sql(SWEEP).run(subject, lane.kind, lane.target, state)
    }
  }
}

/** A call per lane would cost more than all the rest of a transaction over many lanes. */
function writeMany(sql: (text: string) => StatementSync, changes: readonly Change[]): void {
  const alike = Map.groupBy(changes, ({ subject, lane, state, by }) => `${subject} ${state} ${by} ${lane.kind}`)
  for (const group of alike.values()) {
    const { subject, lane, state, by } = group[0] as Change
    // In the order of the table: neighbours share a page.
    const targets = JSON.stringify(group.map((change) => change.lane.target).sort())
    const given = [subject, lane.kind, state, by, targets] as const
    if (by > 0) sql(ADD_MANY).run(...given)
    // What comes to nothing goes at once, which is mostly all of it.
    else if (Number(sql(SWEEP_MANY).run(...given).changes) < group.length) sql(TAKE_MANY).run(...given)
  }
}
