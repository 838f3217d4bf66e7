/** Several processes under one limit, and what they did together. */
import { start } from '../stores/processes.ts'
import type { Load, Report } from './limiter-process.ts'

export interface Together {
  readonly allowed: number
  readonly refused: number
  /** From before the first was asked to the last call that was allowed, ms. */
  readonly ms: number
  /**
   * By how many calls the fullest stretch of time exceeded what the bucket gives in it, burst included. By the clocks of the
   * callers: an answer that is late counts as a call that is late.
   */
  readonly excess: number
  readonly p50: number
  readonly p99: number
  readonly longest: number
  readonly degraded: number
}

export async function runTogether(processes: number, store: string, load: Omit<Load, 'startAt'>): Promise<Together> {
  const startAt = Date.now() + (load.ms < 2000 ? 1000 : 3000)
  const all = Array.from({ length: processes }, () =>
    start(new URL('limiter-process.ts', import.meta.url).pathname, store, JSON.stringify({ ...load, startAt })),
  )
  await Promise.all(all.map(({ said }) => said(2)))
  const reports = all.map(({ lines }) => JSON.parse(lines[1] as string) as Report)
  await Promise.all(all.map(({ ended }) => ended))
  const times = reports.flatMap(({ allowed }) => allowed).sort((a, b) => a - b)
  const most = (read: (report: Report) => number): number => Math.max(...reports.map(read))
  return {
    allowed: times.length,
    refused: reports.reduce((sum, { refused }) => sum + refused, 0),
    ms: Math.max(1, (times.at(-1) ?? 0) - Math.min(...reports.map(({ beganAt }) => beganAt))),
    excess: excessOf(times, load.limit, load.burst),
    p50: most(({ p50 }) => p50),
    p99: most(({ p99 }) => p99),
    longest: most(({ longest }) => longest),
    degraded: reports.reduce((sum, { degraded }) => sum + degraded, 0),
  }
}

/** The fullest that a bucket gets into which each call pours one, and which leaks at the rate of the limit. */
export function excessOf(times: readonly number[], limit: number, burst: number): number {
  let level = 0
  let most = 0
  let last = times[0] ?? 0
  for (const time of times) {
    level = Math.max(0, level - ((time - last) * limit) / 1000) + 1
    most = Math.max(most, level)
    last = time
  }
  return Math.max(0, most - burst)
}
