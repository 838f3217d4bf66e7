/**
 * Refuses imports that point up or sideways, cycles, and time or chance that is not injected. The table is layers.ts.
 *
 *     node tools/check-layers.ts [folder of the project]
 */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { join, posix, resolve } from 'node:path'
import { findCycles } from './cycles.ts'
import { clocksAndDice, type Room, rooms, testOnly, testRunners } from './layers.ts'
import { type ImportStatement, lineAt, maskText, readImports } from './source-text.ts'

export interface Violation {
  readonly file: string
  readonly line: number
  readonly rule: 'layer' | 'apart' | 'cycle' | 'node' | 'package' | 'entry' | 'test-runner' | 'clock' | 'room' | 'test-only'
  readonly message: string
}

interface Source {
  /** Relative to src/, with forward slashes. */
  readonly path: string
  readonly room: string
  readonly text: string
  readonly imports: readonly ImportStatement[]
}

/** Checks `root`/src against the table and `root`/package.json. */
export function checkLayers(root: string): Violation[] {
  const sources = readSources(root)
  const declared = declaredPackages(root)
  return [
    ...sources.flatMap((source) => [
      ...source.imports.flatMap((statement) => checkImport(source, statement, declared)),
      ...checkClock(source),
    ]),
    ...checkEntry(sources),
    ...checkCycles(sources),
  ].sort((a, b) => a.file.localeCompare(b.file) || a.line - b.line)
}

function readSources(root: string): Source[] {
  return globSync('src/**/*.ts', { cwd: root })
    .map((path) => path.replaceAll('\\', '/').slice('src/'.length))
    .filter((path) => !testOnly.test(path) && !path.endsWith('.d.ts'))
    .sort()
    .map((path) => {
      const text = readFileSync(join(root, 'src', path), 'utf8')
      return { path, room: roomOf(path), text, imports: readImports(text) }
    })
}

function declaredPackages(root: string): Set<string> {
  const path = join(root, 'package.json')
  if (!existsSync(path)) return new Set()
  const manifest = JSON.parse(readFileSync(path, 'utf8')) as Record<string, Record<string, string> | undefined>
  return new Set(
    [manifest.dependencies, manifest.peerDependencies, manifest.optionalDependencies].flatMap((d) => Object.keys(d ?? {})),
  )
}

function checkImport(source: Source, statement: ImportStatement, declared: ReadonlySet<string>): Violation[] {
  const room = rooms[source.room]
  if (room === undefined)
    return [
      violation(source, 1, 'room', `the room '${source.room}' is not in tools/layers.ts: add it there, with what it may import`),
    ]
  const { specifier } = statement
  const found = testRunners.test(specifier)
    ? [
        [
          'test-runner',
          `imports the test runner '${specifier}': take what it needs as an argument, or make it a *.test.ts`,
        ] as const,
      ]
    : specifier.startsWith('.')
      ? checkRelative(source, room, statement)
      : checkForeign(source, room, specifier, declared)
  return found.map(([rule, message]) => violation(source, statement.line, rule, message))
}

type Finding = readonly [Violation['rule'], string]

function checkRelative(source: Source, room: Room, statement: ImportStatement): Finding[] {
  const target = resolveImport(source.path, statement.specifier)
  if (target.startsWith('..'))
    return [['layer', `imports '${statement.specifier}', outside src/: what is published cannot reach it. Move it into src/`]]
  if (testOnly.test(target))
    return [
      ['test-only', `imports '${statement.specifier}', which is for tests and is not published. Move what it needs out of there`],
    ]
  const to = roomOf(target)
  if (to === source.room) {
    if (!room.apart || room.shared?.includes(folderOf(target)) || siblingsMayMeet(source.path, target)) return []
    return [
      [
        'apart',
        `${folderOf(source.path)} imports ${folderOf(target)}: folders of ${to}/ never import each other. Move what both need to core/`,
      ],
    ]
  }
  if (room.imports.includes(to) || room.words?.includes(target)) return []
  const typesOnly = room.types?.includes(to) ?? false
  if (typesOnly && statement.typeOnly) return []
  const advice = typesOnly
    ? "Only types may come from there: write 'import type'"
    : `${source.room} may import ${room.imports.length === 0 ? 'nothing' : room.imports.join(', ')}. Declare a port in core/ or work/ and let runtime/ fill it`
  return [['layer', `${source.room} imports ${to} ('${statement.specifier}'). ${advice}`]]
}

function siblingsMayMeet(from: string, to: string): boolean {
  return folderOf(from) === folderOf(to) || folderOf(to).indexOf('/') === -1 || folderOf(from).indexOf('/') === -1
}

function checkForeign(source: Source, room: Room, specifier: string, declared: ReadonlySet<string>): Finding[] {
  if (specifier.startsWith('node:'))
    return room.node
      ? []
      : [['node', `imports '${specifier}': ${source.room} also runs where there is no Node. Take it as a port`]]
  if (builtinModules.includes(specifier)) return [['node', `imports '${specifier}': write 'node:${specifier}'`]]
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  const own = typeof room.packages === 'boolean' ? [] : room.packages
  if (room.packages !== true && !own.includes(name))
    return [
      [
        'package',
        `imports the package '${name}': ${source.room} has no dependency${own.length > 0 ? ` but ${own.join(', ')}` : ''}. Take it as an argument, typed structurally, in adapters/`,
      ],
    ]
  if (declared.has(name)) return []
  return [
    ['package', `imports '${name}', which package.json declares neither as a dependency nor as a peer: users would not have it`],
  ]
}

function checkClock(source: Source): Violation[] {
  if ((clocksAndDice.files as readonly string[]).includes(source.path)) return []
  return [...maskText(source.text).matchAll(clocksAndDice.words)].map((match) =>
    violation(
      source,
      lineAt(source.text, match.index),
      'clock',
      `'${match[0].replace(/\s+/g, ' ')}' reads time or chance from the platform: take a Clock (core/clock.ts) or a Random (core/random.ts)`,
    ),
  )
}

/** What `import 'holdfast'` loads, all of it, runs without Node and without any package. */
function checkEntry(sources: readonly Source[]): Violation[] {
  const byPath = new Map(sources.map((source) => [source.path, source]))
  const via = new Map<string, string>([['index.ts', 'src/index.ts']])
  const found: Violation[] = []
  for (const path of via.keys()) {
    const source = byPath.get(path)
    for (const { specifier, typeOnly, line } of source?.imports ?? []) {
      if (typeOnly || source === undefined) continue
      const chain = via.get(path)!
      if (!specifier.startsWith('.'))
        found.push(
          violation(
            source,
            line,
            'entry',
            `imports '${specifier}', and the entry loads it (${chain}): the entry runs in browsers too`,
          ),
        )
      else {
        const target = resolveImport(path, specifier)
        if (!via.has(target)) via.set(target, `${chain} → src/${target}`)
      }
    }
  }
  return found
}

function checkCycles(sources: readonly Source[]): Violation[] {
  const known = new Map(sources.map((source) => [source.path, source]))
  const graph = new Map(
    sources.map((source) => [
      source.path,
      source.imports
        .filter(({ specifier }) => specifier.startsWith('.'))
        .map(({ specifier }) => resolveImport(source.path, specifier))
        .filter((target) => known.has(target)),
    ]),
  )
  return findCycles(graph).map((cycle) => {
    const first = known.get(cycle[0]!)!
    const back = first.imports.find(({ specifier }) => resolveImport(first.path, specifier) === (cycle[1] ?? cycle[0]))
    const round = [...cycle, cycle[0]].join(' → ')
    return violation(first, back?.line ?? 1, 'cycle', `imports go round: ${round}. Move what they share to a file of its own`)
  })
}

function resolveImport(from: string, specifier: string): string {
  return posix.normalize(posix.join(posix.dirname(from), specifier))
}

function roomOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : 'entry'
}

/** `policies/retry` for anything below it, `policies` for files directly in the room. */
function folderOf(path: string): string {
  return path.split('/').slice(0, -1).slice(0, 2).join('/')
}

function violation(source: Source, line: number, rule: Violation['rule'], message: string): Violation {
  return { file: `src/${source.path}`, line, rule, message }
}

if (import.meta.main) {
  const root = resolve(process.argv[2] ?? join(import.meta.dirname, '..'))
  const violations = checkLayers(root)
  for (const { file, line, rule, message } of violations) console.log(`${file}:${line}  [${rule}]  ${message}`)
  console.log(violations.length === 0 ? 'imports point down' : `${violations.length} violations of the house (tools/layers.ts)`)
  process.exitCode = violations.length === 0 ? 0 : 1
}
