/**
 * What became of every job, from three sides: the ledgers of the handlers, the trail in the database, and the state of the
 * store. Anything that contradicts what is promised is an offence, and named.
 */
import type { Fault } from './fleet.ts'
import type { Entry } from './ledger.ts'
import type { Trail } from './trail.ts'

/** What a worker process wrote. */
export interface Book {
  readonly member: string
  readonly entries: readonly Entry[]
}

/** A time during which every worker was in trouble: the store was away, or the clock was set. */
export interface Spell {
  readonly what: string
  readonly from: number
  readonly to: number
}

/** A worker could not renew its leases in time, though nobody had laid a hand on it: the machine was too busy. */
interface Delay {
  readonly from: number
  readonly to: number
}

export interface Evidence {
  readonly leaseMs: number
  /** Ids that the store has acknowledged. */
  readonly accepted: ReadonlySet<string>
  readonly trail: Trail
  readonly books: readonly Book[]
  readonly faults: readonly Fault[]
  readonly spells: readonly Spell[]
}

export interface Judgement {
  readonly jobs: number
  readonly lost: number
  /** Jobs that came to succeed more than once. */
  readonly completedTwice: number
  /** Executions that took effect although another one did too. */
  readonly duplicates: number
  /** Of these: their worker was killed, or had stopped, or was cut off from the store, before it could say so. */
  readonly explained: number
  /** Of these: their worker renewed its leases too late, because the machine had no time for it. */
  readonly late: number
  /** From an effect to the death of the process that had not said so yet, in ms: the widest seen. */
  readonly widestWindowMs: number
  /** Handlers that were called and had no effect: killed or told to stop in the middle of it. */
  readonly interrupted: number
  readonly executions: number
  readonly claims: number
  /** How often a job was taken from a worker that had vanished. */
  readonly rescues: number
  /** What contradicts the promises; empty when they are kept. */
  readonly offences: readonly string[]
}

interface Run {
  readonly member: string
  readonly token: number
  readonly begin: number
  readonly effect?: number
  readonly acked?: number
}

export function judge({ accepted, trail, books, faults, spells, leaseMs }: Evidence): Judgement {
  const offences: string[] = []
  const runs = runsByJob(books, offences)
  const delays = new Map(books.map(({ member, entries }) => [member, delaysOf(entries, leaseMs)]))
  const succeeded = Map.groupBy(trail.successes, ({ id }) => id)
  let [lost, completedTwice, duplicates, explained, late, widestWindowMs] = [0, 0, 0, 0, 0, 0]
  for (const id of accepted) {
    const job = trail.jobs.get(id)
    const successes = succeeded.get(id) ?? []
    if (job?.state !== 'succeeded' || successes.length === 0) {
      lost++
      offences.push(`${id} is ${job?.state ?? 'gone'}, with ${successes.length} successes`)
      continue
    }
    if (successes.length > 1) {
      completedTwice++
      offences.push(`${id} succeeded under tokens ${successes.map(({ token }) => token).join(', ')}`)
    }
    const token = successes[0]?.token as number
    const own = runs.get(id) ?? []
    const effects = own.filter((run) => run.effect !== undefined)
    if (!effects.some((run) => run.token === token)) offences.push(`${id} succeeded under ${token}, whose handler had not ended`)
    for (const run of own)
      if (run.acked !== undefined && run.token !== token) offences.push(`${id} was acknowledged under ${run.token}, not ${token}`)
    for (const run of effects.filter((each) => each.token !== token)) {
      duplicates++
      // By then somebody else had the job.
      const end = Math.min(...own.filter((other) => other.token > run.token).map(({ begin }) => begin))
      const meets = ({ from, to }: Delay): boolean => from <= end && to >= run.begin
      const fault = run.acked === undefined ? faults.find((each) => each.member === run.member && meets(each)) : undefined
      if (fault !== undefined || spells.some(meets)) explained++
      else if (delays.get(run.member)?.some(meets)) late++
      else
        offences.push(`${id} took effect under ${run.token} in ${run.member}, which nothing had happened to, and under ${token}`)
      if (fault?.kind === 'kill') widestWindowMs = Math.max(widestWindowMs, fault.from - (run.effect as number))
    }
  }
  for (const id of trail.jobs.keys()) if (!accepted.has(id)) offences.push(`${id} was stored, and nobody was told so`)
  if (new Set(trail.claims).size < trail.claims.length) offences.push('a token was given twice')
  const all = [...runs.values()].flat()
  return {
    jobs: accepted.size,
    lost,
    completedTwice,
    duplicates,
    explained,
    late,
    widestWindowMs: Math.round(widestWindowMs * 100) / 100,
    interrupted: all.filter((run) => run.effect === undefined).length,
    executions: all.length,
    claims: trail.claims.length,
    rescues: [...trail.jobs.values()].reduce((sum, { lostLeases }) => sum + lostLeases, 0),
    offences,
  }
}

function runsByJob(books: readonly Book[], offences: string[]): Map<string, Run[]> {
  const runs = new Map<string, Run>()
  for (const { member, entries } of books)
    for (const { event, id, token, at } of entries) {
      if (event === 'renewed' || event === 'claimed') continue
      const key = `${id} ${token}`
      const known = runs.get(key)
      if (event === 'begin' && known !== undefined) offences.push(`${id} began twice under ${token}: ${known.member}, ${member}`)
      else if (event === 'begin') runs.set(key, { member, token, begin: at })
      else if (known !== undefined) runs.set(key, { ...known, [event]: at })
    }
  return group(runs)
}

function group(runs: ReadonlyMap<string, Run>): Map<string, Run[]> {
  const byJob = new Map<string, Run[]>()
  for (const [key, run] of runs) {
    const id = key.slice(0, key.indexOf(' '))
    const known = byJob.get(id)
    if (known === undefined) byJob.set(id, [run])
    else known.push(run)
  }
  return byJob
}

/**
 * From asking for a claim, or for a renewal, to the answer of the next renewal no more than a lease may pass. A renewal that was
 * asked for before the claim was answered does not have its jobs.
 */
function delaysOf(entries: readonly Entry[], leaseMs: number): Delay[] {
  const renewals = entries.filter(({ event }) => event === 'renewed')
  const spans: Delay[] = renewals.slice(1).map(({ at }, index) => ({ from: Number(renewals[index]?.id), to: at }))
  let next = 0
  for (const { event, id, at } of entries) {
    if (event !== 'claimed') continue
    while (next < renewals.length && Number(renewals[next]?.id) < at) next++
    const renewal = renewals[next]
    if (renewal !== undefined) spans.push({ from: Number(id), to: renewal.at })
  }
  return spans.filter(({ from, to }) => to - from >= leaseMs)
}
