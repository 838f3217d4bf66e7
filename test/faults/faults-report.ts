/** The report of the fault suite: a page, and all its figures. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MachineFacts } from '../reports/machine-facts.ts'
import { factsLine } from '../reports/machine-facts.ts'
import type { Scale, TrialEntry } from './catalogue.ts'
import type { TrialResult } from './trial.ts'

export interface FaultsReport {
  readonly version: string
  readonly machine: MachineFacts
  readonly postgres: string
  readonly scale: Scale
  readonly trials: readonly { readonly entry: TrialEntry; readonly result?: TrialResult; readonly lack?: string }[]
}

export function writeFaultsReport(folder: string, report: FaultsReport): void {
  mkdirSync(folder, { recursive: true })
  const { trials, ...rest } = report
  const results = trials.map(({ entry, result, lack }) => result ?? { name: entry.name, store: entry.store, lack })
  writeFileSync(join(folder, 'faults.json'), `${JSON.stringify({ ...rest, trials: results }, undefined, 2)}\n`)
  writeFileSync(join(folder, 'faults.md'), page(report))
}

function page({ version, machine, postgres, scale, trials }: FaultsReport): string {
  const done = trials.flatMap(({ result }) => (result === undefined ? [] : [result]))
  const kept = done.every(({ offences }) => offences.length === 0)
  const sum = (of: (result: TrialResult) => number): number => done.reduce((total, result) => total + of(result), 0)
  return `# Faults on purpose

<!-- Written by \`npm run faults\` (test/faults); changes belong there. -->

Real worker processes on real stores, and everything that can happen to them, at random moments: ${sum(({ kills }) => kills)} kills, ${sum(({ stops }) => stops)} stops
longer than a lease, servers that crash, ways that break, disks that fill, clocks that step.
${number(sum(({ jobs }) => jobs))} jobs: **${sum(({ lost }) => lost)} lost, ${sum(({ completedTwice }) => completedTwice)} completed twice**, ${number(sum(({ duplicates }) => duplicates))} done again because nobody could know that they were done${kept ? ', and nothing that contradicts what is promised.' : '. **Not everything was kept: see below.**'}

## What is checked

Three books are kept that know nothing of each other: each handler writes what it does to a ledger outside of the store, a line a
time; triggers in the database itself write down every claim and every success; and the store says how each job ended. Then:

* every job that an \`enqueue\` acknowledged has succeeded, and nothing is stored that was not acknowledged;
* no job succeeded twice, no token was given twice, and the token of the success is that of a handler that had ended;
* a job that took effect twice did so only because its worker was killed, or had stopped for longer than its lease, or was cut off
  from the store, or had no time to renew the lease, between the beginning of the handler and the moment when the store knew of its
  end. That is the window of *at least once*; every other second effect counts as an offence.

## What came of it

| trial | jobs | kills, stops | spells of trouble | lost | completed twice | done again | widest window | rescued | after the end | |
|---|--:|--:|---|--:|--:|--:|--:|--:|--:|---|
${trials.map(row).join('\n')}

*Done again* counts the executions that took effect although another one did too. The *widest window* is the longest time between an
effect and the kill of its worker that had not told the store of it: some milliseconds, or as long as somebody else was stopped in the
middle of a write and kept the store to himself. *Rescued* is how often a job was taken up again from a worker
that had vanished. *After the end* is the time from the end of the trouble until the last job was done.

${trials.map(({ entry, result, lack }) => section(entry, result, lack)).join('\n\n')}

## The run

${scale.workers} workers, leases of ${scale.leaseMs} ms, seed ${scale.seed}. Jobs take 5 to 255 ms, one in fifty longer than its lease; half of the handlers
do not hear that they are to stop. Holdfast ${version}, PostgreSQL ${postgres}; ${factsLine(machine)}.

    npm run faults -- --seed ${scale.seed}
`
}

function row({ entry, result, lack }: FaultsReport['trials'][number]): string {
  if (result === undefined) return `| ${entry.name} | | | not run: ${lack ?? ''} | | | | | | | |`
  const spells = Object.entries(result.spells).map(([what, count]) => `${count} × ${what}`)
  const cells = [
    entry.name,
    number(result.jobs),
    `${result.kills}, ${result.stops}`,
    spells.join(', '),
    result.lost,
    result.completedTwice,
    result.duplicates,
    result.widestWindowMs === 0 ? '' : `${result.widestWindowMs.toFixed(1)} ms`,
    result.rescues,
    `${(result.recoveryMs / 1000).toFixed(1)} s`,
    result.offences.length === 0 ? 'kept' : `**${result.offences.length} offences**`,
  ]
  return `| ${cells.join(' | ')} |`
}

function section({ name, about }: TrialEntry, result: TrialResult | undefined, lack: string | undefined): string {
  if (result === undefined) return `**${name}.** ${about} Not run: ${lack}`
  const { executions, claims, interrupted, processes, refusals, refusedStarts, seconds, offences, late } = result
  const told = [
    `${number(claims)} claims, ${number(executions)} executions, ${interrupted} of them interrupted; ${processes} processes, ${seconds} s.`,
    ...(refusals > 0 ? [`${refusals} enqueues were refused, and repeated until they were taken.`] : []),
    ...(late > 0 ? [`${late} of what was done again is the machine's: a worker could not renew its leases in time.`] : []),
    ...(refusedStarts > 0 ? [`${refusedStarts} starts of a worker were refused by the store, and repeated.`] : []),
    ...(offences.length > 0
      ? [
          `Offences:\n\n${offences
            .slice(0, 10)
            .map((offence) => `* ${offence}`)
            .join('\n')}`,
        ]
      : []),
  ]
  return `**${name}.** ${about} ${told.join(' ')}`
}

function number(value: number): string {
  return value.toLocaleString('en-US')
}
