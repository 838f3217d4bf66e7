/** `holdfast batches`: jobs that belong together, how far they are, and what follows. */
import type { Batch } from '../../ops/source.ts'
import type { Context, TalkOptions } from '../context.ts'
import { connect } from '../context.ts'
import type { Cell, Printer } from '../printer.ts'
import { isoTime, relativeTime } from '../time-text.ts'
import { moreHint } from './jobs.ts'

export interface BatchListOptions extends TalkOptions {
  readonly state?: string
  readonly limit?: number
  readonly cursor?: string
}

interface BatchPage {
  readonly batches: readonly Batch[]
  readonly nextCursor?: string
}

export async function listBatches(context: Context, options: BatchListOptions): Promise<undefined> {
  const { io, printer } = context
  const client = await connect(context, options)
  const { state, limit, cursor } = options
  const page = await client.get<BatchPage>('/v1/batches', { state, limit, cursor })
  if (options.json) return printer.json(page) as undefined
  if (page.batches.length === 0) return printer.note('No such batches.') as undefined
  printBatches(printer, page.batches, io.clock.wallNow())
  moreHint(printer, page.nextCursor)
}

export async function showBatch(context: Context, id: string, options: TalkOptions): Promise<undefined> {
  const { io, printer } = context
  const client = await connect(context, options)
  const batch = await client.get<Batch>(`/v1/batches/${encodeURIComponent(id)}`)
  if (options.json) return printer.json(batch) as undefined
  const now = io.clock.wallNow()
  printer.fields([
    ['batch', batch.id],
    ['state', batch.completedAt === undefined ? 'open' : `ended ${isoTime(batch.completedAt)}`],
    ['sent', `${isoTime(batch.createdAt)} (${relativeTime(batch.createdAt, now)})`],
    ['jobs', batch.total],
    ['succeeded', batch.succeeded],
    ['dead', toneOf(batch.dead, 'bad')],
    ['cancelled', batch.cancelled],
    ['pending', batch.pending],
    ['set aside', toneOf(batch.parked ?? 0, 'warn')],
    ['follows', batch.callback === undefined ? 'nothing' : `${batch.callbackKind} ${batch.callback}`],
  ])
  printer.note(`Its jobs: npx holdfast jobs list --batch ${batch.id}`)
}

/** A table of batches, for this command and for `status`. */
export function printBatches(printer: Printer, batches: readonly Batch[], now: number): void {
  const right = { align: 'right' } as const
  printer.table(
    [
      { title: 'BATCH' },
      { title: 'ENDED', ...right },
      { title: 'OF', ...right },
      { title: 'DEAD', ...right },
      { title: 'CANCELLED', ...right },
      { title: 'SENT' },
      { title: 'NEXT', flexible: true },
    ],
    batches.map((batch) => [
      batch.id,
      batch.total - batch.pending,
      batch.total,
      toneOf(batch.dead, 'bad'),
      batch.cancelled,
      relativeTime(batch.createdAt, now),
      nextOf(batch, now),
    ]),
  )
}

function toneOf(count: number, tone: 'bad' | 'warn'): Cell {
  return count === 0 ? 0 : { text: String(count), tone }
}

function nextOf({ completedAt, parked = 0, callback, callbackKind }: Batch, now: number): Cell {
  if (completedAt !== undefined)
    return `ended ${relativeTime(completedAt, now)}${callback === undefined ? '' : `, then ${callbackKind} ${callback}`}`
  if (parked > 0) return { text: `${parked} set aside: a person decides`, tone: 'warn' }
  return callbackKind === undefined ? '' : `then ${callbackKind}`
}
