/** A library in the trap table: its adapter, and what has to be said beside its verdicts. */
import type { Adapter, ConformanceTime } from '../../src/testing/conformance/index.ts'

export interface Evidence {
  /** In the published package. */
  readonly file: string
  /** A piece of the line that shows it. */
  readonly text: string
}

export interface Library {
  /** The npm package. */
  readonly name: string
  adapter(time: ConformanceTime): Omit<Adapter, 'name' | 'time'>
  /** By trap: what the verdict depends on, such as an option that has to be set. */
  readonly notes?: Readonly<Record<number, string>>
  /** By trap that it fails: where to look. */
  readonly evidence?: Readonly<Record<number, Evidence>>
}
