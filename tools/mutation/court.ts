/** Tries mutants one by one: which tests are asked, in which order, and when a process must be started afresh. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from '../project.ts'
import type { Baseline, Loaded, Trial, Verdict } from './judge.ts'
import { JudgeProcess } from './judge-process.ts'

export interface Found {
  readonly status: 'Killed' | 'Timeout' | 'Survived' | 'NoCoverage'
  /** The test that noticed. */
  readonly by?: string
  readonly why?: string
}

interface Known {
  readonly id: string
  readonly file: string
  readonly ms: number
  readonly cpuMs: number
  readonly steps: number
  /** How many mutants of each source it passes. */
  readonly sees: ReadonlyMap<string, number>
}

/** All times are of the processor. Slower tests are asked about their own folder only, and the slowest about nothing. */
const SLOW_MS = 100
const SLOWEST_MS = 600

/** No mutant is worth more, however many tests pass it by. */
const WORTH_MS = 600

/** Such a test may be asked first when it noticed other mutants of the same file. */
const QUICK_MS = 30

/** Files of tests that judge what runs while modules load. */
const NEAREST = 4

export class Court {
  readonly #files: readonly string[]
  readonly #tests = new Map<string, Known>()
  /** Files of tests that turn the process's own timers off for a while: what they leave may be asleep for ever. */
  readonly #sleepy: ReadonlySet<string>
  readonly #always: ReadonlySet<string>
  /** For each source the tests that noticed its mutants so far. */
  readonly #noticed = new Map<string, Map<string, number>>()
  readonly #coveredBy = new Map<string, string[]>()

  constructor(files: readonly string[], baseline: Baseline, sourceOf: ReadonlyMap<string, string>) {
    this.#files = files
    this.#sleepy = new Set(files.filter((file) => readFileSync(join(root, file), 'utf8').includes('useFakeTimers')))
    this.#always = new Set(baseline.alwaysRun)
    for (const { id, ms, cpuMs, steps, error } of baseline.tests) {
      if (error !== undefined) continue
      const sees = new Map<string, number>()
      this.#tests.set(id, { id, ms, cpuMs, steps, sees, file: id.slice(0, id.lastIndexOf('#')) })
      for (const mutant of Object.keys(baseline.hits[id] ?? {})) {
        const source = sourceOf.get(mutant)!
        sees.set(source, (sees.get(source) ?? 0) + 1)
        const covering = this.#coveredBy.get(mutant)
        if (covering === undefined) this.#coveredBy.set(mutant, [id])
        else covering.push(id)
      }
    }
  }

  /** Takes mutants from the list until none is left. */
  async work(
    next: () => { readonly id: string; readonly fileName: string } | undefined,
    tell: (id: string, found: Found) => void,
  ) {
    let judge: JudgeProcess | undefined
    for (let mutant = next(); mutant !== undefined; mutant = next()) {
      const tests = this.#inOrder(mutant.fileName, this.#coveredBy.get(mutant.id) ?? [])
      let found: Found = { status: 'NoCoverage' }
      if (tests.length > 0) {
        const trial = this.#trial(mutant.id, tests, false)
        judge ??= await this.#loaded()
        const first = await judge.ask<Verdict>({ do: 'judge', trial })
        found = resultOf(first)
        if (first === 'silent') judge = undefined
        if (isUnsure(first)) {
          judge?.stop()
          judge = await this.#loaded()
          const second = await judge.ask<Verdict>({ do: 'judge', trial: { ...withFirst(trial, first), fresh: true } })
          found = resultOf(second)
          if (isUnsure(second) || found.status === 'Killed') {
            judge.stop()
            judge = undefined
          }
        }
        // They come last.
        if ((found.status === 'Survived' && this.#isSleepy(tests.at(-1)!.id)) || this.#isSleepy(found.by)) {
          judge?.stop()
          judge = undefined
        }
      }
      if (this.#always.has(mutant.id) && (found.status === 'Survived' || found.status === 'NoCoverage')) {
        found = await this.#fromTheStart(mutant.id, mutant.fileName)
      }
      if (found.by !== undefined) this.#remember(mutant.fileName, found.by!)
      tell(mutant.id, found)
    }
    judge?.stop()
  }

  #isSleepy(test: string | undefined): boolean {
    return test !== undefined && this.#sleepy.has(test.slice(0, Math.max(0, test.lastIndexOf('#'))))
  }

  async #loaded(): Promise<JudgeProcess> {
    const judge = new JudgeProcess()
    // Judges that are not all there would find survivors that are none.
    if ((await judge.ask({ do: 'load', files: this.#files }, 300_000)) === 'silent') throw new Error('the tests cannot be loaded')
    return judge
  }

  /** Code that runs while modules load: the mutant is active before anything is imported. The files nearest to it judge. */
  async #fromTheStart(mutant: string, source: string): Promise<Found> {
    const known = this.#inOrder(source, [...this.#tests.keys()])
    const files = [...new Set(known.map(({ file }) => file))].slice(0, NEAREST)
    const asked = known.filter(({ file, cpuMs }) => files.includes(file) && cpuMs < SLOW_MS)
    const judge = new JudgeProcess()
    const loaded = await judge.ask<Loaded>({ do: 'load', files, mutant }, 30_000)
    let found: Found
    if (loaded === 'silent') found = { status: 'Timeout', by: 'loading' }
    else if (loaded.unreadable.length > 0) found = { status: 'Killed', by: 'loading', why: loaded.unreadable.join('; ') }
    else found = resultOf(await judge.ask<Verdict>({ do: 'judge', trial: this.#trial(mutant, asked, true) }))
    judge.stop()
    return found
  }

  #trial(mutant: string, tests: readonly Known[], fresh: boolean): Trial {
    return { mutant, fresh, tests: tests.map(({ id, ms, steps }) => ({ id, ms, steps })) }
  }

  #remember(source: string, test: string): void {
    const known = this.#noticed.get(source) ?? new Map<string, number>()
    this.#noticed.set(source, known.set(test, (known.get(test) ?? 0) + 1))
  }

  /** What noticed most first, then the file's own tests, then those that see most of the file for their time. */
  #inOrder(source: string, ids: readonly string[]): Known[] {
    const own = source.replace(/\.ts$/, '.test.ts')
    const near = ({ file }: Known): boolean => dirname(file) === dirname(source)
    const known = this.#noticed.get(source)
    const noticed = ({ id, cpuMs, file }: Known): number =>
      cpuMs < QUICK_MS && !this.#sleepy.has(file) ? (known?.get(id) ?? 0) : 0
    const sight = ({ cpuMs, sees }: Known): number => (sees.get(source) ?? 0) / (cpuMs + 1)
    const asked = ids
      .flatMap((id) => this.#tests.get(id) ?? [])
      .filter((test) => test.cpuMs < (near(test) ? SLOWEST_MS : SLOW_MS))
      .sort((a, b) => noticed(b) - noticed(a) || Number(b.file === own) - Number(a.file === own) || sight(b) - sight(a))
    const sleepy = asked.filter(({ file }) => this.#sleepy.has(file))
    return [...withinWorth(asked.filter(({ file }) => !this.#sleepy.has(file))), ...sleepy]
  }
}

function withinWorth(tests: readonly Known[]): readonly Known[] {
  let spent = 0
  return tests.filter(({ cpuMs }) => {
    spent += cpuMs
    return spent <= WORTH_MS || spent === cpuMs
  })
}

/** The test that could not be believed is asked first. */
function withFirst(trial: Trial, verdict: Verdict | 'silent'): Trial {
  if (verdict === 'silent' || !('by' in verdict)) return trial
  const { by } = verdict
  return { ...trial, tests: trial.tests.toSorted((a, b) => Number(b.id === by) - Number(a.id === by)) }
}

/** What only a fresh process can say for certain. */
function isUnsure(verdict: Verdict | 'silent'): boolean {
  return verdict !== 'silent' && (verdict.kind === 'stray' || (verdict.kind !== 'survived' && verdict.disorder))
}

function resultOf(verdict: Verdict | 'silent'): Found {
  if (verdict === 'silent') return { status: 'Timeout', by: 'silence' }
  switch (verdict.kind) {
    case 'survived':
      return { status: 'Survived' }
    case 'killed':
      return { status: 'Killed', by: verdict.by, why: verdict.why }
    case 'hung':
      return { status: 'Timeout', by: verdict.by }
    case 'stray':
      return { status: 'Killed', by: 'an error that nobody handles', why: verdict.why }
    default:
      throw new Error(`a judge broke: ${JSON.stringify(verdict)}`)
  }
}
