/**
 * A process that holds tests and judges mutants with them, on the word of its parent. It is started afresh after a mutant that
 * left it in disorder, and for each mutant of code that runs while modules load.
 */
import { existsSync, readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { root } from '../project.ts'
import { instrumented } from './instrument.ts'
import type { KeptTest } from './kept-tests.ts'

export interface Baseline {
  readonly tests: readonly Timed[]
  readonly alwaysRun: readonly string[]
  readonly hits: Readonly<Record<string, Readonly<Record<string, number>>>>
}

export interface Loaded {
  /** Files that cannot be imported as they are, such as those with decorators, and why. */
  readonly unreadable: readonly string[]
}

interface Timed {
  readonly id: string
  readonly name: string
  readonly ms: number
  /** Of the processor, which says how slow it is also where others work too. */
  readonly cpuMs: number
  readonly steps: number
  readonly error?: string
}

export interface Trial {
  readonly mutant: string
  /** The process was started for this mutant: there is nothing to compare with, and no haste. */
  readonly fresh: boolean
  /** Tests in the order in which they are asked, and what each of them takes where nothing is changed. */
  readonly tests: readonly { readonly id: string; readonly ms: number; readonly steps: number }[]
}

export type Verdict =
  | { readonly kind: 'survived' }
  | { readonly kind: 'killed'; readonly by: string; readonly why: string; readonly disorder: boolean }
  | { readonly kind: 'hung'; readonly by: string; readonly disorder: boolean }
  /** An error that nobody handled: a failure for whoever runs the tests, but it names no test. */
  | { readonly kind: 'stray'; readonly why: string }

export type Order =
  | { readonly do: 'load'; readonly files: readonly string[]; readonly mutant?: string }
  | { readonly do: 'baseline' }
  | { readonly do: 'judge'; readonly trial: Trial }

interface Namespace {
  activeMutant?: string | undefined
  currentTestId?: string | undefined
  mutantCoverage?: { static: Record<string, number>; perTest: Record<string, Record<string, number>> }
  covering?: boolean
  stepsLeft: number
}

const ours: Namespace = { stepsLeft: Number.POSITIVE_INFINITY, covering: true }
;(globalThis as { __stryker__?: Namespace }).__stryker__ = ours

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  name: string
  exports: Record<string, string | Record<string, string>>
}
const here = (file: string): string => pathToFileURL(join(import.meta.dirname, file)).href
const shims: Readonly<Record<string, string>> = { vitest: here('vitest-shim.ts'), 'fast-check': here('fast-check-shim.ts') }

/** State that a module keeps for as long as the process lives, and that a test expects to be new. */
const confessions: Readonly<Record<string, string>> = {
  '/src/core/events.ts': ';(globalThis as { __forget?: () => void }).__forget = () => reported.clear()',
}

registerHooks({
  resolve(specifier, context, next) {
    // Who stands in for a package gets the package itself.
    const stand = shims[specifier]
    if (stand !== undefined && context.parentURL !== stand) return { url: stand, shortCircuit: true }
    if (specifier === manifest.name || specifier.startsWith(`${manifest.name}/`)) {
      const target = manifest.exports[specifier.replace(manifest.name, '.')]
      if (typeof target === 'object') return next(pathToFileURL(join(root, target['@holdfast/source']!)).href, context)
    }
    return next(specifier, context)
  },
  load(url, context, next) {
    if (url.startsWith('file:') && url.endsWith('.ts')) {
      const path = fileURLToPath(url)
      const changed = path.startsWith(root) ? join(instrumented, path.slice(root.length)) : ''
      if (changed !== '' && existsSync(changed)) {
        return {
          format: 'module-typescript',
          source: readFileSync(changed, 'utf8') + (confessions[path.slice(root.length)] ?? ''),
          shortCircuit: true,
        }
      }
    }
    return next(url, context)
  },
})

const { collect } = await import('./kept-tests.ts')
const { vi } = await import('vitest')
const fc = (await import('fast-check')).default
// All that vitest's fake timers ask of the worker in which they think they are.
;(globalThis as { __vitest_worker__?: object }).__vitest_worker__ = { config: { fakeTimers: { shouldClearNativeTimers: true } } }
// The same examples for every mutant: a verdict does not depend on luck.
fc.configureGlobal({ seed: 20_261_122 })

// Tests replace these; the judge keeps its own.
const { setTimeout: later, clearTimeout: never, setImmediate: soon } = globalThis
const tests = new Map<string, KeptTest>()
let stray: string | undefined

process.on('unhandledRejection', (reason) => {
  stray ??= textOf(reason)
})
process.on('uncaughtException', (error) => {
  stray ??= textOf(error)
})
process.on('disconnect', () => process.exit())

async function load(files: readonly string[], mutant: string | undefined): Promise<Loaded> {
  ours.activeMutant = mutant
  const unreadable: string[] = []
  for (const file of files) {
    try {
      for (const test of await collect(file, () => import(pathToFileURL(join(root, file)).href))) tests.set(test.id, test)
    } catch (error) {
      unreadable.push(`${file}: ${textOf(error)}`)
    }
  }
  return { unreadable }
}

async function baseline(): Promise<Baseline> {
  const alwaysRun = Object.keys(ours.mutantCoverage?.static ?? {})
  const seen: Timed[] = []
  for (const test of tests.values()) {
    ours.currentTestId = test.id
    ours.stepsLeft = Number.MAX_SAFE_INTEGER
    const [started, before] = [performance.now(), process.cpuUsage()]
    const error = await failureOf(test, 60_000)
    const [ms, steps] = [performance.now() - started, Number.MAX_SAFE_INTEGER - ours.stepsLeft]
    const { user, system } = process.cpuUsage(before)
    const cpuMs = (user + system) / 1000
    seen.push({ id: test.id, name: test.name, ms, cpuMs, steps, ...(error === undefined ? {} : { error }) })
    ours.currentTestId = undefined
  }
  const late = Object.keys(ours.mutantCoverage?.static ?? {})
  return { tests: seen, alwaysRun: [...new Set([...alwaysRun, ...late])], hits: ours.mutantCoverage?.perTest ?? {} }
}

async function judge({ mutant, fresh, tests: asked }: Trial): Promise<Verdict> {
  ours.covering = false
  for (const { id, ms, steps } of asked) {
    const test = tests.get(id)!
    const attempt = (patience: number): Promise<string | undefined> => {
      ours.activeMutant = mutant
      ours.stepsLeft = 100 * steps + 100_000
      return failureOf(test, patience * limitOf(ms))
    }
    stray = undefined
    breathe()
    const failure = await attempt(fresh ? 3 : 1)
    if (failure === undefined) {
      if (stray !== undefined) return { kind: 'stray', why: stray }
      continue
    }
    const disorder = !fresh && (await failsUnchanged(test, ms))
    // Slow is not hung: it is asked again with more patience.
    const why = failure === hung && !disorder && !fresh ? await attempt(3) : failure
    if (why === hung) return { kind: 'hung', by: id, disorder }
    if (why !== undefined) return { kind: 'killed', by: id, why, disorder }
  }
  return { kind: 'survived' }
}

function limitOf(ms: number): number {
  return 4 * ms + 300
}

let lastBreath = 0

/** Tells the parent now and then that all goes on: a loop without an end is known by its silence. */
function breathe(): void {
  const now = performance.now()
  if (now - lastBreath < 500) return
  lastBreath = now
  process.send!({ kind: 'breath' })
}

/** The test that failed must hold without the mutant, here and now: otherwise an earlier mutant left something behind. */
async function failsUnchanged(test: KeptTest, ms: number): Promise<boolean> {
  ours.activeMutant = undefined
  ours.stepsLeft = Number.POSITIVE_INFINITY
  return (await failureOf(test, limitOf(ms))) !== undefined
}

const hung = 'it does not end'

async function failureOf(test: KeptTest, limitMs: number): Promise<string | undefined> {
  ;(globalThis as { __forget?: () => void }).__forget?.()
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<string>((resolve) => {
    timer = later(() => resolve(hung), limitMs)
  })
  const ended = test.run().then(
    () => undefined,
    (error: unknown) => textOf(error),
  )
  const failure = await Promise.race([ended, limit])
  never(timer)
  if (failure !== undefined) tidyUp()
  // Errors that nobody handles are told after the turn.
  await new Promise((resolve) => soon(resolve))
  return failure
}

/** What a test would have put back itself, had it come to its end. */
function tidyUp(): void {
  vi.useRealTimers()
  vi.restoreAllMocks()
}

function textOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error).slice(0, 300)
  } catch {
    return 'an error that cannot be printed'
  }
}

async function obey(order: Order): Promise<unknown> {
  if (order.do === 'load') return load(order.files, order.mutant)
  return order.do === 'baseline' ? baseline() : judge(order.trial)
}

process.on('message', (order: Order) => {
  obey(order).then(
    (answer) => process.send!(answer),
    (error: unknown) => process.send!({ kind: 'broken', why: textOf(error) }),
  )
})
