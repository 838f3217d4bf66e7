/** `holdfast schedules`: what is done again and again, and when next. */
import type { ScheduleView } from '../../ops/source.ts'
import type { Enqueued } from '../../work/job.ts'
import type { Context, TalkOptions } from '../context.ts'
import { connect } from '../context.ts'
import type { Cell, Printer } from '../printer.ts'
import { isoTime, relativeTime, spanText } from '../time-text.ts'

export async function listSchedules(context: Context, options: TalkOptions): Promise<undefined> {
  const { io, printer } = context
  const client = await connect(context, options)
  const answer = await client.get<{ schedules: readonly ScheduleView[] }>('/v1/schedules')
  if (options.json) return printer.json(answer) as undefined
  if (answer.schedules.length === 0)
    return printer.note("No schedules: holdfast.config.ts takes them under 'schedules'.") as undefined
  printSchedules(printer, answer.schedules, io.clock.wallNow())
}

const DONE = {
  pause: ({ name }: ScheduleView) => `${name} is paused until: npx holdfast schedules resume ${name}`,
  resume: ({ name, nextAt }: ScheduleView) =>
    nextAt === undefined ? `${name} goes on, but has no time to come.` : `${name} goes on, next at ${isoTime(nextAt)}.`,
} as const

export function changeSchedule(verb: keyof typeof DONE) {
  return async (context: Context, name: string, options: TalkOptions): Promise<undefined> => {
    const client = await connect(context, options)
    const schedule = await client.post<ScheduleView>(`/v1/schedules/${encodeURIComponent(name)}/${verb}`)
    if (options.json) context.printer.json(schedule)
    else context.printer.line(DONE[verb](schedule))
  }
}

export async function runSchedule(context: Context, name: string, options: TalkOptions): Promise<undefined> {
  const client = await connect(context, options)
  const job = await client.post<Enqueued>(`/v1/schedules/${encodeURIComponent(name)}/run`)
  if (options.json) context.printer.json(job)
  else context.printer.line(`${job.id} is ${job.state}.`)
}

/** A table of schedules, for this command and for `status`. */
export function printSchedules(printer: Printer, schedules: readonly ScheduleView[], now: number): void {
  printer.table(
    [{ title: 'SCHEDULE' }, { title: 'KIND' }, { title: 'TIMES' }, { title: 'LAST' }, { title: 'NEXT', flexible: true }],
    schedules.map((schedule) => [
      schedule.name,
      schedule.kind,
      timesOf(schedule),
      schedule.lastAt === undefined ? '-' : relativeTime(schedule.lastAt, now),
      nextOf(schedule, now),
    ]),
  )
}

function timesOf({ cron, everyMs, timezone }: ScheduleView): string {
  return cron === undefined ? `every ${spanText(everyMs ?? 0)}` : `${cron} ${timezone}`
}

function nextOf({ paused, nextAt }: ScheduleView, now: number): Cell {
  if (paused) return { text: 'paused until resumed', tone: 'warn' }
  return nextAt === undefined ? 'never' : relativeTime(nextAt, now)
}
