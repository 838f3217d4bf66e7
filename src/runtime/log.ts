/**
 * What a person at the terminal is told while it runs: what went wrong, what came back. Everything else is in the audit.
 */
import { formatDuration } from '../core/duration.ts'
import type { HoldfastEvent, Listener } from '../core/events.ts'
import { redact, redactText } from '../ops/redact.ts'

export type Level = 'debug' | 'info' | 'warn' | 'error' | 'silent'

export interface LogOptions {
  readonly level: Level
  readonly format: 'text' | 'json'
  /** Takes one line, without its end. */
  readonly write: (line: string) => void
}

const RANK: Readonly<Record<Level, number>> = { debug: 0, info: 1, warn: 2, error: 3, silent: 4 }

interface Line {
  readonly level: Exclude<Level, 'silent'>
  readonly message: string
}

/** A listener that writes a line for every event worth one at this level. */
export function logListener({ level, format, write }: LogOptions): Listener {
  return (event) => {
    const line = lineOf(event)
    if (line === undefined || RANK[line.level] < RANK[level]) return
    const message = redactText(line.message)
    if (format === 'json') write(JSON.stringify({ level: line.level, message, ...(redact(event) as object) }))
    else write(`${new Date(event.at).toISOString()} ${line.level.padEnd(5)} ${onOneLine(message)}`)
  }
}

/** Messages come from anywhere: a line break would forge a line, an escape sequence would reach the terminal. */
function onOneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ')
}

function lineOf(event: HoldfastEvent): Line | undefined {
  const target = event.target ?? 'a target'
  switch (event.type) {
    case 'circuit-breaker.changed': {
      const wait = event.retryAfterMs === undefined ? '' : `, next probe in ${formatDuration(event.retryAfterMs)}`
      return {
        level: event.to === 'closed' ? 'info' : 'warn',
        message: `${target}: circuit ${event.to} (${event.reason}${wait})`,
      }
    }
    case 'job.dead':
      return { level: 'error', message: `job ${event.job} (${event.kind}) died: ${event.cause}: ${event.error.message}` }
    case 'job.parked':
      return { level: 'warn', message: `job ${event.job} (${event.kind}) is set aside: ${event.reason}` }
    case 'job.lost-lease':
      return { level: 'warn', message: `job ${event.job} (${event.kind}) lost its lease; its result is dropped` }
    case 'job.retrying':
      return {
        level: 'debug',
        message: `job ${event.job} (${event.kind}) attempt ${event.attempt} failed, again in ${formatDuration(event.delayMs)}: ${event.error.message}`,
      }
    case 'batch.ended':
      return {
        level: event.dead > 0 ? 'warn' : 'info',
        message: `batch ${event.batch} has ended: ${event.succeeded} of ${event.total} succeeded, ${event.dead} died, ${event.cancelled} cancelled`,
      }
    case 'retry.scheduled':
      return {
        level: 'debug',
        message: `${event.operation ?? target}: attempt ${event.attempt} failed, again in ${formatDuration(event.delayMs)}: ${event.error.message}`,
      }
    // A limit holds and releases all the time, and a breaker has said so itself.
    case 'target.held':
      return { level: event.heldBy === 'pause' ? 'info' : 'debug', message: `${target}: its jobs are held by ${event.heldBy}` }
    case 'target.released':
      return { level: 'debug', message: `${target}: its jobs go on` }
    case 'worker.recovered':
      if (event.error !== undefined)
        return { level: 'error', message: `recovery failed, and is tried again: ${event.error.message}` }
      return event.recovered === 0 && event.deadLetters === 0
        ? undefined
        : {
            level: 'info',
            message: `recovered ${event.recovered}: ${event.requeued} taken up again, ${event.parked} set aside, ${event.poison} poison; ${event.deadLetters} dead letters`,
          }
    case 'store.degraded':
      return { level: 'error', message: `store trouble: ${event.reason}` }
    case 'store.clock-skewed': {
      const difference = `${formatDuration(Math.abs(event.skewMs))} ${event.skewMs > 0 ? 'ahead of' : 'behind'}`
      return { level: 'warn', message: `the store's clock is ${difference} this host's: set the clocks, its own is what counts` }
    }
    case 'store.clock-agrees':
      return { level: 'info', message: "the store's clock and this host's agree again" }
    case 'schedule.fired':
      return {
        level: 'debug',
        message: `schedule ${event.schedule}: job ${event.job} for ${new Date(event.dueAt).toISOString()}`,
      }
    case 'schedule.missed':
      return { level: 'warn', message: `schedule ${event.schedule}: ${event.missed} times passed undone` }
    case 'schedule.failed':
      return { level: 'error', message: `schedule ${event.schedule}: its job could not be made: ${event.error.message}` }
    case 'schedule.paused':
      return { level: 'info', message: `schedule ${event.schedule} is paused` }
    case 'schedule.resumed':
      return { level: 'info', message: `schedule ${event.schedule} goes on` }
    case 'store.recovered':
      return { level: 'info', message: 'store trouble is over' }
    default:
      return undefined
  }
}
