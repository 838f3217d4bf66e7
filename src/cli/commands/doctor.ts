/** `holdfast doctor`: what could keep Holdfast from working on this machine, and what to do about it. */
import type { FlagValues } from '../../config/flags.ts'
import { EXIT } from '../cli-error.ts'
import type { Context } from '../context.ts'
import type { Finding } from '../doctor-checks.ts'
import { checkClock, checkConfig, checkDisk, checkNode, checkPort, checkStore } from '../doctor-checks.ts'
import type { Tone } from '../printer.ts'
import { checkState } from '../state-check.ts'

export type DoctorOptions = FlagValues & { readonly config?: string; readonly json?: boolean }

const TONES: Readonly<Record<Finding['status'], Tone>> = { ok: 'good', warning: 'warn', problem: 'bad' }

/** Answers 1 when something is a problem. */
export async function doctor({ io, printer }: Context, options: DoctorOptions): Promise<number> {
  const { finding, config } = await checkConfig(io, options)
  const findings = [checkNode(process.version), finding]
  if (config !== undefined)
    findings.push(
      await checkStore(config.store),
      ...(await checkState(config.state, config.store, io.clock)),
      await checkDisk(config.store, io.cwd),
      await checkPort(config.server),
      await checkClock(config.store, io.clock),
    )
  const healthy = findings.every(({ status }) => status !== 'problem')
  if (options.json) printer.json({ ok: healthy, checks: findings })
  else
    for (const { status, check, message, hint } of findings) {
      printer.line(`${printer.tone(status.padEnd(8), TONES[status])} ${check}: ${message}`)
      if (hint !== undefined) printer.line(`         ${hint}`)
    }
  return healthy ? EXIT.ok : EXIT.failed
}
