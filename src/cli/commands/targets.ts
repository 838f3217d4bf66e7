/** `holdfast targets`: what jobs aim at. */
import type { TargetStatus } from '../../ops/source.ts'
import type { Context, TalkOptions } from '../context.ts'
import { connect } from '../context.ts'
import { readMoment } from '../moment.ts'
import { isoTime } from '../time-text.ts'
import { printTargets } from './status.ts'

export async function listTargets(context: Context, options: TalkOptions): Promise<undefined> {
  const { io, printer } = context
  const client = await connect(context, options)
  const answer = await client.get<{ targets: readonly TargetStatus[] }>('/v1/targets')
  if (options.json) return printer.json(answer) as undefined
  if (answer.targets.length === 0) return printer.note('No targets yet: the first job for one makes it known.') as undefined
  printTargets(printer, answer.targets, io.clock.wallNow())
}

const DONE = {
  isolate: (name: string) => `${name} is isolated: its jobs are held until: npx holdfast targets reset ${name}`,
  reset: (name: string) => `${name} is reset: its breaker is closed.`,
  resume: (name: string) => `${name} goes on.`,
} as const

export function changeTarget(verb: keyof typeof DONE) {
  return async (context: Context, name: string, options: TalkOptions): Promise<undefined> => {
    const client = await connect(context, options)
    const target = await client.post<TargetStatus>(`/v1/targets/${encodeURIComponent(name)}/${verb}`)
    if (options.json) context.printer.json(target)
    else context.printer.line(DONE[verb](target.name))
  }
}

export async function pauseTarget(
  context: Context,
  name: string,
  options: TalkOptions & { readonly until?: string },
): Promise<undefined> {
  const { io, printer } = context
  const until = options.until === undefined ? undefined : readMoment(options.until, '--until', io.clock)
  const client = await connect(context, options)
  const target = await client.post<TargetStatus>(`/v1/targets/${encodeURIComponent(name)}/pause`, { until })
  if (options.json) return printer.json(target) as undefined
  printer.line(
    until === undefined
      ? `${target.name} is paused until: npx holdfast targets resume ${target.name}`
      : `${target.name} is paused until ${isoTime(until)}.`,
  )
}
