/**
 * Type-checks every TypeScript block in README.md and docs/, and every `@example` of src/, against the sources, and runs them:
 *
 * - ```ts blocks run, unless marked `no-run` (checked only) or `type-only` (the same, said of declarations); one marked
 *   `continues` goes on from the block before it.
 * - ```sh blocks run when marked `run`.
 * - an `@example` sees the exports of its module, of its room and of the familiar ones (below), and `any` for
 *   what a line `// given db, send` names; it runs when marked `@example run`.
 *
 *     node tools/check-docs.ts [page or source …]
 */
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { type CodeBlock, exportedNames, groupPrograms, programOf, readExamples, readFences } from './code-blocks.ts'
import { root, run } from './project.ts'
import { maskText } from './source-text.ts'

interface Program {
  readonly blocks: readonly CodeBlock[]
  readonly text: string
  readonly runs: boolean
  /** Its file in the work folder. */
  readonly name: string
}

/** Inside the project, so that `holdfast` is this package; one for each run, so that runs do not meet. */
const work = join(root, '.docs-blocks', String(process.pid))
/** Rooms whose exports an example may use without saying where they come from. */
const FAMILIAR = ['policies', 'core', 'presets', 'targets', 'testing', 'config']

const asked = process.argv.slice(2).map((path) => relative(root, join(process.cwd(), path)).replaceAll('\\', '/'))
const wanted = (path: string): boolean => asked.length === 0 || asked.includes(path)

const pages = [...globSync('*.md', { cwd: root }), ...globSync('docs/**/*.md', { cwd: root })].map(slashes).filter(wanted)
const sources = globSync('src/**/*.ts', { cwd: root })
  .map(slashes)
  .filter((path) => !path.endsWith('.test.ts'))
const fences = pages.flatMap((page) => readFences(page, read(page)))
const moduleOf = exportsOf(sources)

const programs: Program[] = [
  ...groupByPage(fences).flatMap(groupPrograms).map(pageProgram),
  ...sources.filter(wanted).flatMap((path) => readExamples(path, read(path)).map((block) => exampleProgram(block))),
]
const scripts = fences.filter((block) => block.language === 'sh' && block.marks.includes('run'))

rmSync(work, { recursive: true, force: true })
mkdirSync(work, { recursive: true })
const problems = [...(await typeProblems()), ...(await runProblems())]
rmSync(work, { recursive: true, force: true })

for (const problem of problems) console.log(problem)
const ran = programs.filter(({ runs }) => runs).length
console.log(`${programs.length} blocks type-checked, ${ran + scripts.length} run, ${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1

function groupByPage(blocks: readonly CodeBlock[]): CodeBlock[][] {
  const typed = blocks.filter(({ language }) => language === 'ts')
  return [...Map.groupBy(typed, ({ file }) => file).values()]
}

function pageProgram(blocks: readonly CodeBlock[]): Program {
  const last = blocks.at(-1)!
  const runs = !last.marks.includes('no-run') && !last.marks.includes('type-only')
  return { blocks, text: programOf(blocks), runs, name: fileName(last) }
}

function exampleProgram(block: CodeBlock): Program {
  return {
    blocks: [block],
    text: programOf([block], preludeFor(block)),
    runs: block.marks.includes('run'),
    name: fileName(block),
  }
}

function fileName({ file, line }: CodeBlock): string {
  return `${file.replace(/[^\w]+/g, '_')}_L${line}.ts`
}

/** Where each exported name of src/ comes from. */
function exportsOf(paths: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const path of paths) for (const name of exportedNames(read(path))) found.set(name, [...(found.get(name) ?? []), path])
  return found
}

/** Imports what an example uses and neither declares nor imports. */
function preludeFor(block: CodeBlock): string {
  const code = maskText(block.code)
  const used = new Set([...code.matchAll(/(?<![\w$]|(?<!\.\.)\.)[A-Za-z_$][\w$]*/g)].map((match) => match[0]))
  const own = new Set(
    [...code.matchAll(/\b(?:const|let|class|function|interface|type)\s+([A-Za-z_$][\w$]*)/g)].map((match) => match[1]!),
  )
  for (const match of code.matchAll(/\bimport\s[^'"]*/g)) for (const name of match[0].match(/[\w$]+/g) ?? []) own.add(name)
  const given = new Set(
    [...block.code.matchAll(/^\s*\/\/ given ([\w$, ]+)$/gm)].flatMap((match) => match[1]!.split(/[\s,]+/).filter(Boolean)),
  )
  for (const name of given) own.add(name)
  const declared = [...given].map((name) => `declare const ${name}: any`)
  const imported = [...used]
    .filter((name) => !own.has(name))
    .flatMap((name) => {
      const from = moduleFor(name, block.file)
      return from === undefined ? [] : `import ${isType(from, name) ? 'type ' : ''}{ ${name} } from '../../${from}'`
    })
  return [...imported, ...declared].join('; ')
}

function moduleFor(name: string, file: string): string | undefined {
  const modules = moduleOf.get(name) ?? []
  if (modules.includes(file)) return file
  const inRoom = (room: string) => modules.find((path) => path.startsWith(`src/${room}/`))
  return [file.split('/')[1]!, ...FAMILIAR].map(inRoom).find((path) => path !== undefined)
}

function isType(path: string, name: string): boolean {
  return new RegExp(`^export\\s+(?:interface|type)\\s+${name.replaceAll('$', '\\$')}\\b`, 'm').test(read(path))
}

async function typeProblems(): Promise<string[]> {
  if (programs.length === 0) return []
  for (const { name, text } of programs) writeFileSync(join(work, name), text)
  const compilerOptions = {
    noUnusedLocals: false,
    noUnusedParameters: false,
    lib: ['es2024', 'esnext.disposable', 'dom', 'dom.iterable'],
  }
  writeFileSync(
    join(work, 'tsconfig.json'),
    JSON.stringify({ extends: '../../tsconfig.json', compilerOptions, include: ['*.ts'] }),
  )
  const { code, output } = await run('tsc', ['-p', work, '--pretty', 'false'])
  if (code === 0) return []
  const lines = output.split('\n').filter(Boolean)
  return lines.map((line) =>
    line.replace(/^[^(]*?(\w+\.ts)\((\d+),(\d+)\):/, (all, name: string, at: string, column: string) => {
      const program = programs.find((one) => one.name === name)
      return program === undefined ? all : `${program.blocks[0]!.file}:${at}:${column}`
    }),
  )
}

async function runProblems(): Promise<string[]> {
  const jobs = [
    ...programs
      .filter(({ runs }) => runs)
      .map((program) => ({
        block: program.blocks.at(-1)!,
        command: 'node',
        args: ['--conditions=@holdfast/source', join(work, program.name)],
      })),
    ...scripts.map((block) => ({ block, command: 'bash', args: ['-euo', 'pipefail', '-c', block.code] })),
  ]
  const found: string[] = []
  const next = jobs.values()
  await Promise.all([worker(), worker()])
  return found

  async function worker(): Promise<void> {
    for (const { block, command, args } of next) {
      const { code, output } = await run(command, args, { timeoutMs: 15_000 })
      if (code !== 0)
        found.push(`${block.file}:${block.line} the block does not run (mark it no-run, or mend it):\n${output.trimEnd()}`)
    }
  }
}

function read(path: string): string {
  return existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : ''
}

function slashes(path: string): string {
  return path.replaceAll('\\', '/')
}
