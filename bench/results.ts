/** What a suite found, on disk: small enough to be read in a diff, with what it takes to judge it. */
import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type MachineFacts, machineFacts } from './machine.ts'
import { here, root } from './peers.ts'
import type { Suite } from './suites.ts'

export interface Result {
  readonly name: string
  readonly version: string
  readonly note?: string
  /** It does less than what it is measured beside. */
  readonly lesser?: boolean
  /** ns per call: the median of all samples, and their median deviation from it. */
  readonly ns: number
  readonly nsDeviation: number
  /** Times a bare await in the same process at the same time: the median over the rounds, and its deviation. */
  readonly timesBare: number
  readonly timesBareDeviation: number
  readonly bytesPerCall: number
  readonly bytesPerKey?: number
  /** ns for the first call of a key. */
  readonly firstNs?: number
  /** Collections of garbage for a million calls, and the ms they took. */
  readonly collections: number
  readonly collectionMs: number
}

export interface SuiteResult {
  readonly suite: string
  /** What it was measured on and of; when this is another, it is measured again. */
  readonly fingerprint: string
  readonly rounds: number
  /** In each round and process. */
  readonly samples: number
  readonly sampleMs: number
  readonly machine: MachineFacts
  readonly results: readonly Result[]
}

export function read(suite: string): SuiteResult | undefined {
  const file = join(here, 'results', `${suite}.json`)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as SuiteResult) : undefined
}

export function write(result: SuiteResult): void {
  writeFileSync(join(here, 'results', `${result.suite}.json`), `${JSON.stringify(result, null, 2)}\n`)
}

let sources: string | undefined

/** The machine's kind, the peers, how it is measured, and the code that is measured. */
export function fingerprintOf(suite: Suite): string {
  const { cpu, cores, node } = machineFacts()
  sources ??= hashOfSources()
  return createHash('sha256')
    .update(JSON.stringify([cpu, cores, node, suite, sources]))
    .digest('hex')
    .slice(0, 16)
}

function hashOfSources(): string {
  const hash = createHash('sha256')
  const files = [
    ...globSync('src/{core,policies}/**/*.ts', { cwd: root }).filter((file) => !file.endsWith('.test.ts')),
    ...globSync('bench/contenders/*.ts', { cwd: root }),
    'bench/measure.ts',
    'bench/package-lock.json',
  ]
  for (const file of files.sort()) hash.update(file).update(readFileSync(join(root, file)))
  return hash.digest('hex')
}
