/** What workers do: claim, settle, renew; and what they left behind. */
import type { Job } from '../../work/job.ts'
import type { ClaimRequest, Fence, RenewResult, Settlement, WorkerRow } from '../../work/store.ts'
import { after, claimed, settled } from '../rules/job-changes.ts'
import { KeySlots } from '../rules/key-slots.ts'
import { letterOf } from '../rules/letter-changes.ts'
import type { JobRow } from './job-row.ts'
import { show } from './job-row.ts'
import type { Tables } from './tables.ts'

export function claim({ jobs }: Tables, { worker, leaseMs, lanes }: ClaimRequest, now: number): readonly Job[] {
  jobs.promote(now)
  const taken: Job[] = []
  for (const lane of lanes) {
    const last = taken.length + lane.limit
    const slots = lane.perKey === undefined ? undefined : new KeySlots(lane.perKey, jobs.runningOf(lane.kind))
    if (lane.limit > 0)
      for (const row of jobs.waitingIn(lane)?.inOrder(slots) ?? []) {
        jobs.replace(row, claimed(row.job, worker, leaseMs, now))
        taken.push(show(row))
        if (taken.length >= last) break
      }
  }
  return taken
}

export function settle(tables: Tables, settlements: readonly Settlement[], now: number): readonly string[] {
  const refused: string[] = []
  for (const settlement of settlements) {
    const row = held(tables, settlement)
    if (row === undefined) refused.push(settlement.id)
    else settleOne(tables, row, settlement, now)
  }
  return refused
}

function settleOne({ jobs, letters }: Tables, row: JobRow, settlement: Settlement, now: number): void {
  const job = settled(row.job, copied(settlement), now)
  jobs.replace(row, job)
  if (settlement.type === 'dead') letters.write(letterOf(job, settlement, letters.get(job.id), now))
  else letters.close(job)
}

/** A result as JSON keeps it, so that nobody shares it. */
function copied(settlement: Settlement): Settlement {
  if (settlement.type !== 'succeeded' || settlement.result === undefined) return settlement
  const json = JSON.stringify(settlement.result) as string | undefined
  return { ...settlement, result: json === undefined ? undefined : JSON.parse(json) }
}

export function renew(tables: Tables, worker: WorkerRow, leaseMs: number, fences: readonly Fence[], now: number): RenewResult {
  const { workers } = tables
  workers.set(worker.id, { ...worker, startedAt: workers.get(worker.id)?.startedAt ?? now, seenAt: now })
  const lost: string[] = []
  const cancelled: string[] = []
  for (const fence of fences) {
    const row = held(tables, fence)
    if (row === undefined || row.job.worker !== worker.id) {
      lost.push(fence.id)
      continue
    }
    row.job = { ...row.job, leaseUntil: after(now, leaseMs) }
    if (row.job.cancelRequested) cancelled.push(fence.id)
  }
  return { lost, cancelled }
}

export function abandoned({ jobs, workers }: Tables, deadWorkers: readonly string[], limit: number, now: number): readonly Job[] {
  const dead = new Set(deadWorkers)
  const rows = [...jobs.running].filter(({ job }) => {
    const worker = job.worker as string
    return (job.leaseUntil as number) <= now || dead.has(worker) || !workers.has(worker)
  })
  return rows
    .sort((a, b) => a.seq - b.seq)
    .slice(0, limit)
    .map(show)
}

/** The row that this fence still holds. */
function held({ jobs }: Tables, fence: Fence): JobRow | undefined {
  const row = jobs.byId(fence.id)
  return row?.job.state === 'running' && row.job.token === fence.token ? row : undefined
}
