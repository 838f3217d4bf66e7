/**
 * The traps of Holdfast's conformance suite, on its peers: who steps into which.
 *
 *     node bench/traps.ts [--real] [--library NAME] [--trap N] [--show]
 *
 * `--real` uses the platform's own timers in place of replaced ones: slower, and proof that a verdict is not of the clock.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { listenerErrors } from '../src/core/events.ts'
import { type Adapter, applies, conformanceScenarios, judge, type Scenario, TRAPS } from '../src/testing/conformance/index.ts'
import { holdfastAdapter } from '../src/testing/conformance/testing/holdfast-adapter.ts'
import { machineFacts } from './machine.ts'
import { here, versionOf } from './peers.ts'
import { findEvidence } from './traps/evidence.ts'
import { libraries } from './traps/libraries.ts'
import type { Library } from './traps/library.ts'
import { realTime, virtualTime, within } from './traps/time.ts'

export interface TrapVerdict {
  readonly trap: number
  readonly verdict: 'passes' | 'fails' | 'does not apply'
  /** Why it fails. */
  readonly reason?: string
  /** What the verdict depends on. */
  readonly note?: string
  /** `lib/file.js:12` in the published package. */
  readonly evidence?: string
}

export interface TrapResults {
  readonly suite: 'traps'
  readonly machine: ReturnType<typeof machineFacts>
  readonly traps: typeof TRAPS
  readonly libraries: readonly { readonly name: string; readonly version: string; readonly verdicts: readonly TrapVerdict[] }[]
}

/** A scenario takes milliseconds on a virtual clock and a few seconds on a real one. */
const LONGEST_SCENARIO_MS = 30_000

const { values: options } = parseArgs({
  options: {
    real: { type: 'boolean', default: false },
    library: { type: 'string', multiple: true },
    trap: { type: 'string', multiple: true },
    show: { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
  },
})

// Holdfast reports a listener that throws once, to the console; here that is asked for.
listenerErrors.report = () => {}

const stray: string[] = []
// A listener's error that comes out here has left the call alone, and would end the process all the same.
process.on('uncaughtException', (error) => stray.push(`uncaught exception: ${error.message}`))
process.on('unhandledRejection', (error) => stray.push(`unhandled rejection: ${String(error)}`))

const scenarios = conformanceScenarios.filter(({ trap }) => options.trap === undefined || options.trap.includes(String(trap)))
const wanted = libraries.filter(({ name }) => options.library === undefined || options.library.includes(name))
const results: { name: string; version: string; verdicts: readonly TrapVerdict[] }[] = []
if (options.library === undefined || options.library.includes('holdfast'))
  results.push({ name: 'holdfast', version: versionOf('holdfast'), verdicts: await verdictsOfHoldfast() })
for (const library of wanted)
  results.push({ name: library.name, version: versionOf(library.name), verdicts: await verdictsOf(library) })

if (!options.quiet) print()
if (options.library === undefined && options.trap === undefined && !options.real) {
  const written: TrapResults = { suite: 'traps', machine: machineFacts(), traps: TRAPS, libraries: results }
  writeFileSync(join(here, 'results/traps.json'), `${JSON.stringify(written, null, 2)}\n`)
}
process.exit(0)

async function verdictsOfHoldfast(): Promise<TrapVerdict[]> {
  return merge(async (scenario) => judge(scenario, holdfastAdapter))
}

async function verdictsOf(library: Library): Promise<TrapVerdict[]> {
  const verdicts = await merge(async (scenario) => {
    const { time, restore } = scenario.clock === 'real' || options.real ? realTime() : virtualTime()
    try {
      const adapter: Adapter = { name: library.name, time, ...library.adapter(time) }
      // What compares waits to the ms cannot be seen on a clock that runs.
      if (!applies(scenario, adapter) || (options.real && scenario.trap === 10))
        return { scenario, verdict: 'does not apply' as const }
      return await within(
        LONGEST_SCENARIO_MS,
        judge(scenario, () => adapter),
      )
    } finally {
      restore()
    }
  })
  return verdicts.map((one) => {
    const note = one.verdict === 'does not apply' ? undefined : (library.notes?.[one.trap] ?? one.note)
    const evidence = one.verdict === 'fails' ? findEvidence(library.name, library.evidence?.[one.trap]) : undefined
    return { ...one, ...(note === undefined ? {} : { note }), ...(evidence === undefined ? {} : { evidence }) }
  })
}

/** A trap is passed when every scenario of it that applies is passed. */
async function merge(
  play: (scenario: Scenario) => Promise<{ verdict: TrapVerdict['verdict']; reason?: string; note?: string }>,
): Promise<TrapVerdict[]> {
  const byTrap = new Map<number, TrapVerdict>()
  for (const scenario of scenarios) {
    stray.length = 0
    const { verdict, reason, note } = await play(scenario).catch((error: unknown) => ({
      verdict: 'fails' as const,
      reason: error instanceof Error ? error.message : String(error),
      note: undefined,
    }))
    await new Promise((resolve) => setImmediate(resolve))
    if (options.show)
      console.log(`  ${scenario.trap} ${verdict}: ${scenario.name}${reason === undefined ? '' : ` (${reason})`}`, ...stray)
    const before = byTrap.get(scenario.trap)
    if (before?.verdict === 'fails' || (before !== undefined && verdict === 'does not apply')) continue
    const said = note ?? before?.note
    byTrap.set(scenario.trap, {
      trap: scenario.trap,
      verdict,
      ...(reason === undefined || verdict !== 'fails' ? {} : { reason }),
      ...(said === undefined ? {} : { note: said }),
    })
  }
  return [...byTrap.values()]
}

function print(): void {
  const marks = { passes: 'passes', fails: 'FAILS', 'does not apply': '·' }
  for (const { name, version, verdicts } of results) {
    const count = (verdict: string) => verdicts.filter((one) => one.verdict === verdict).length
    console.log(
      `\n${name} ${version}: ${count('passes')} passed, ${count('fails')} failed, ${count('does not apply')} do not apply`,
    )
    for (const { trap, verdict, reason, note, evidence } of verdicts) {
      if (verdict === 'does not apply') continue
      const more = [reason, note === undefined ? undefined : `note: ${note}`, evidence].filter((part) => part !== undefined)
      console.log(
        `  ${String(trap).padStart(2)} ${marks[verdict].padEnd(7)}${more.length === 0 ? TRAPS[trap] : more.join(' · ')}`,
      )
    }
  }
}
