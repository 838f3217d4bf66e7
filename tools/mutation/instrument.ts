/** Stryker's instrumenter alone: every mutant of a file is in its text at once, and a global says which one is active. */
import { createHash } from 'node:crypto'
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from '../project.ts'

export interface Mutant {
  readonly id: string
  readonly fileName: string
  readonly mutatorName: string
  readonly replacement: string
  readonly location: { readonly start: Place; readonly end: Place }
  /** `Ignored` where a comment in the code says why it may live. */
  readonly status?: 'Ignored'
  readonly statusReason?: string
}

interface Place {
  readonly line: number
  readonly column: number
}

interface Instrumenter {
  instrument(
    files: readonly { name: string; content: string; mutate: boolean }[],
    options: object,
  ): Promise<{ files: readonly { name: string; content: string }[]; mutants: readonly Mutant[] }>
}

export const instrumented: string = join(root, 'reports/mutation/instrumented')

export async function instrument(sources: readonly string[], dry = false): Promise<readonly Mutant[]> {
  const entry = join(import.meta.dirname, 'node_modules/@stryker-mutator/instrumenter/dist/src/index.js')
  const stryker = (await import(pathToFileURL(entry).href)) as { Instrumenter: new (logger: object) => Instrumenter }
  const silent = { isDebugEnabled: () => false, debug: () => {}, info: () => {}, warn: console.warn, error: console.error }
  const files = sources.map((name) => ({ name, content: readFileSync(join(root, name), 'utf8'), mutate: true }))
  const made = await new stryker.Instrumenter(silent).instrument(files, { plugins: null, excludedMutations: [], ignorers: [] })
  if (!dry)
    for (const { name, content } of made.files) {
      mkdirSync(dirname(join(instrumented, name)), { recursive: true })
      writeFileSync(join(instrumented, name), withLimit(content))
    }
  return made.mutants
}

/** Covering is needed once, and every turn of a loop covers something: the same call counts steps, so that a loop without an end ends. */
function withLimit(code: string): string {
  const limited = 'function cover() { if (--ns.stepsLeft < 0) throw new Error("it runs on and on"); if (!ns.covering) return;'
  return code.replace('function cover() {', limited)
}

/** The files of a pattern, tests left out, as paths from the root. */
export function filesOf(patterns: readonly string[], left: (file: string) => boolean): readonly string[] {
  return globSync([...patterns], { cwd: root })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => !left(file))
    .sort()
}

export function hashOf(file: string): string {
  return createHash('sha256')
    .update(readFileSync(join(root, file)))
    .digest('hex')
    .slice(0, 16)
}
