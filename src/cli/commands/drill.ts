/** `holdfast drill`: kills worker processes of its own at work, on a scratch store, and proves that nothing is lost. */
import type { StoreSettings } from '../../config/config.ts'
import { resolveConfig } from '../../config/resolve.ts'
import type { DrillReport, DrillStep } from '../../runtime/drill/drill.ts'
import { CliError, EXIT } from '../cli-error.ts'
import type { Context } from '../context.ts'
import type { Io } from '../io.ts'
import type { Printer, Tone } from '../printer.ts'
import { padText } from '../text-width.ts'

export interface DrillCommandOptions {
  readonly store?: string
  readonly jobs?: number
  readonly kills?: number
  readonly json?: boolean
}

const STEP_WIDTH = 9
const TONES: Partial<Readonly<Record<DrillStep['step'], Tone>>> = { kill: 'bad', restart: 'good' }

/** Answers 0 when nothing was lost, 1 otherwise. */
export async function drill({ io, printer }: Context, options: DrillCommandOptions): Promise<number> {
  const { scratchStore } = await import('../../runtime/drill/scratch-store.ts')
  const { runDrill } = await import('../../runtime/drill/drill.ts')
  const near = options.store === undefined ? undefined : settingsOf(io, options.store)
  const store = scratchStore(near)
  const stop = new AbortController()
  const deafen = io.onSignal((signal) => stop.abort(new CliError(`Stopped by ${signal}.`, { exitCode: EXIT.failed })))
  try {
    const report = await runDrill({
      store,
      signal: stop.signal,
      clock: io.clock,
      ...(options.jobs === undefined ? {} : { jobs: options.jobs }),
      ...(options.kills === undefined ? {} : { kills: options.kills }),
      ...(options.json ? {} : { onStep: (step) => printStep(printer, step) }),
    })
    if (options.json) printer.json(report)
    else printReport(printer, report)
    return report.ok ? EXIT.ok : EXIT.failed
  } finally {
    await store.remove()
    deafen()
  }
}

/** The way of writing stores is the configuration's; nothing else of the configuration matters here. */
function settingsOf(io: Io, store: string): StoreSettings {
  return resolveConfig({ cwd: io.cwd, env: {}, flags: { store } }).config.store
}

function printStep(printer: Printer, { at, step, text }: DrillStep): void {
  const time = printer.tone(`${(at / 1000).toFixed(1).padStart(5)} s`, 'dim')
  printer.line(`${time}  ${printer.tone(padText(step, STEP_WIDTH), TONES[step] ?? 'plain')}${text}`)
}

function printReport(printer: Printer, report: DrillReport): void {
  const right = { align: 'right' } as const
  printer.line()
  printer.table(
    [{ title: 'KILLED' }, { title: 'IN THE MIDDLE OF', ...right }, { title: 'TAKEN UP AT THE NEXT START', ...right }],
    report.kills.map(({ pid, running, takenUp }) => [`process ${pid}`, `${running} jobs`, `${takenUp} jobs`]),
  )
  printer.line()
  printer.fields([
    ['acknowledged', `${report.jobs} jobs`],
    ['succeeded', `${report.succeeded} jobs`],
    ['recovered', `${report.recovered} times a job was taken up from a process that had died`],
    ['done again', doneAgain(report.duplicates)],
    ['lost', { text: String(report.lost), tone: report.lost === 0 ? 'good' : 'bad' }],
    ['verdict', { text: report.ok ? 'nothing is lost' : report.problems.join('; '), tone: report.ok ? 'good' : 'bad' }],
  ])
}

function doneAgain(duplicates: number): string {
  if (duplicates === 0) return 'none'
  return `${duplicates}: they took effect, and their process died before the store knew (at least once, under the same idempotency key)`
}
