/** An explanation as a page for people. */
import type { Plain } from './description.ts'
import { formatDuration } from './duration.ts'
import type { Explanation } from './explain.ts'
import type { Decision } from './trace.ts'

/**
 * Aligned text, one line for each decision: when, in which attempt, who, what, why, and the numbers it was decided on.
 *
 * @example run
 * console.log(formatExplanation(await explain(retry(), () => 'answer', { operation: 'greet' })))
 */
export function formatExplanation(explanation: Explanation): string {
  const { operation, id, outcome, durationMs, calls, decidedBy, summary, hint, retryAfterMs, decisions, key } = explanation
  const who = [operation ?? 'call', id, ...(key === undefined ? [] : [`for ${key}`])].join(' ')
  const called = `${calls} ${calls === 1 ? 'call' : 'calls'} of the operation`
  const lines = [`${who}: ${outcome} after ${time(durationMs)}, ${called}, decided by ${decidedBy}`]
  if (summary !== undefined)
    lines.push(`  ${summary.name}${summary.code === undefined ? '' : ` ${summary.code}`}: ${summary.message}`)
  if (hint !== undefined) lines.push(`  ${hint}`)
  if (retryAfterMs !== undefined) lines.push(`  Another try makes sense in ${time(retryAfterMs)}.`)
  return [...lines, ...table([HEAD, ...decisions.map(row)])].join('\n')
}

const HEAD = ['at', 'attempt', 'who', 'what', 'why'] as const

/** What stands in other columns. */
const SHOWN_ELSEWHERE: ReadonlySet<string> = new Set(['attempt', 'reason'])

function row({ atMs, attempt, policy, verdict, reason, numbers }: Decision): readonly string[] {
  const told = Object.entries(numbers).flatMap(([name, value]) =>
    SHOWN_ELSEWHERE.has(name) || value === undefined ? [] : [`${name}=${show(name, value)}`],
  )
  // What was learnt is all numbers already.
  const shown = told.length === 0 || verdict === 'learnt' ? reason : `${reason} (${told.join(', ')})`
  return [time(atMs), String(attempt), policy, verdict, shown]
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)))
  return rows.map((cells) => `  ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join('  ')}`.trimEnd())
}

function show(name: string, value: Plain): string {
  if (typeof value !== 'number') return typeof value === 'string' ? value : JSON.stringify(value)
  return name.endsWith('Ms') ? time(value) : String(Math.round(value * 1000) / 1000)
}

function time(ms: number): string {
  return formatDuration(Math.round(ms))
}
