/**
 * The house as a table: which room may import which. A room is a folder of src/; the entry files beside the rooms are `entry`.
 */
export interface Room {
  /** Rooms whose code may be imported. The room itself always may. */
  readonly imports: readonly string[]
  /** Rooms of which only types may be imported. */
  readonly types?: readonly string[]
  /** Single files elsewhere whose code may be imported too: vocabulary, such as the list of states, without behaviour. */
  readonly words?: readonly string[]
  /** Folders in the room do not import each other; files directly in the room may be shared by them. */
  readonly apart?: boolean
  /** Folders of the room that the others may import all the same; they import none of them. */
  readonly shared?: readonly string[]
  /** May import `node:` builtins. */
  readonly node: boolean
  /** May import packages that package.json declares for users: all of them, or these. */
  readonly packages: boolean | readonly string[]
}

const CALLS = { node: false, packages: false } as const
const WORK = { node: true, packages: false } as const
const DOORS = { node: true, packages: true } as const
const EVERYTHING = ['core', 'policies', 'presets', 'targets', 'work', 'stores', 'adapters', 'ops', 'config']

export const rooms: Readonly<Record<string, Room>> = {
  core: { imports: [], ...CALLS },
  policies: { imports: ['core'], apart: true, ...CALLS },
  presets: { imports: [], types: ['core', 'policies'], ...CALLS },
  targets: { imports: ['core', 'policies', 'presets'], ...CALLS },
  entry: { imports: ['core', 'policies', 'presets', 'targets'], ...CALLS },
  work: { imports: ['core'], node: true, packages: ['croner'] },
  stores: { imports: ['core', 'work'], apart: true, shared: ['stores/rules'], ...DOORS },
  adapters: { imports: ['core'], apart: true, ...DOORS },
  ops: { imports: ['core'], types: ['work'], words: ['work/job.ts'], ...DOORS },
  config: { imports: ['core'], ...DOORS },
  runtime: { imports: EVERYTHING, ...DOORS },
  cli: { imports: ['core', 'runtime', 'config'], types: ['ops', 'work'], words: ['work/job.ts'], ...DOORS },
  testing: { imports: ['core', 'work'], ...WORK },
}

/** Paths under src/ that are for this project's own tests: they import as they like, are not published, and nothing else may import them. */
export const testOnly = /\.test\.ts$|^[^/]+\/(?:.*\/)?testing\//

/** Test runners, which what is published must not need. */
export const testRunners = /^(?:vitest|jest|mocha|ava|tap|node:test|@vitest\/.*|@jest\/.*)$/

/**
 * Time and chance come in by hand; only the first two files read them from the platform. The third waits for the end of a turn of
 * the event loop, which no clock tells.
 */
export const clocksAndDice = {
  words:
    /(?<![\w$.])(?:setTimeout|setInterval|setImmediate|Date\.now|Math\.random|performance\.now|new\s+Date\s*\(\s*\))(?![\w$])|(?<=\b(?:globalThis|global|window)\.)(?:setTimeout|setInterval)\b/g,
  files: ['core/clock.ts', 'core/random.ts', 'stores/sqlite/shared-commit.ts'],
} as const
