/**
 * The table of options on each policy's page against the policy: the same names, and the same defaults as far as the code says
 * them in a word, be it in its description or where it reads the option.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseDuration } from '../../src/core/duration.ts'
import { inspect } from '../../src/core/inspect.ts'
import { optionsOf, type Subject, subjects } from './policies.ts'

const root = new URL('../../', import.meta.url).pathname
const pages = Object.entries(subjects).filter(([name]) => !name.includes(',') && name !== 'keyed')

/** Options that are chosen by the same lists, described once. */
const LISTS = ['errors', 'statuses', 'codes']

interface Row {
  readonly name: string
  readonly fallsBackTo: string
}

/** The rows of the first table whose head is `option`; several names in one cell, and their defaults, go in order. */
function rowsOf(page: string): readonly Row[] {
  const lines = page.split('\n')
  const start = lines.findIndex((line) => line.startsWith('| option |'))
  expect(start, 'a table of options').toBeGreaterThan(0)
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'))
  return lines.slice(start + 2, end).flatMap((line) => {
    const [, names, , fallback] = line.replaceAll('\\|', ' ').split('|')
    const all = [...names!.matchAll(/`([\w.]+)`/g)].map(([, name]) => name!)
    const defaults = fallback!.split(', ').map((text) => text.trim())
    return all.map((name, index) => ({ name, fallsBackTo: defaults[index] ?? '' }))
  })
}

/** What a cell says as a value; undefined where it says it in other words. */
function saidBy(cell: string): unknown {
  const text = /^'(.*)'$|^`'(.*)'`$/.exec(cell)
  if (text !== null) return text[1] ?? text[2]
  if (/^[\d.,]+$/.test(cell)) return Number(cell.replaceAll(',', ''))
  if (/^(true|false)$/.test(cell)) return cell === 'true'
  return /^[\d.]+ (ms|s|min|h)$/.test(cell) ? parseDuration(cell.replace(/ min$/, 'm').replace(' ', '')) : undefined
}

/** Options and, with a dot, options of options. */
function namesOf({ make, base, nested = {} }: Subject): readonly string[] {
  const whole = (options: object): unknown => make(options as never)
  return optionsOf(whole, base).flatMap((name) => {
    const own = nested[name]
    if (own === undefined) return [name]
    const inner = optionsOf((options) => whole({ ...base, [name]: options }), own)
    return inner.every((one) => LISTS.includes(one)) ? [name] : inner.map((one) => `${name}.${one}`)
  })
}

/** Defaults that the code makes of other values; read by eye. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  'retry: backoff.type',
  'retry: backoff.max',
  'adaptive-limiter: max',
  'circuit-breaker: trip.minimumCalls',
  'coalesce: errorTtl',
  'adaptive-limiter: initial',
  'throttle: patience',
])

/** The name without that of the option which holds it. */
const shortOf = ({ name }: Row): string => name.slice(name.indexOf('.') + 1)

/** Numbers and texts that the sources give an option that is not given: `options.name ?? 5`, `{ name = 5 }`. */
function fallbacksIn(sources: string, name: string): readonly unknown[] {
  const found = [
    ...sources.matchAll(new RegExp(`(?:\\b${name} \\?\\?|[{,] ${name} =) ('[\\w-]+'|[\\d_.]+|true|false)(?=[,) }\\n])`, 'g')),
  ]
  return found.map(([, literal]) => {
    const text = /^'(.*)'$/.exec(literal!)?.[1]
    if (text !== undefined) return /^\d/.test(text) ? parseDuration(text) : text
    return literal === 'true' || literal === 'false' ? literal === 'true' : Number(literal!.replaceAll('_', ''))
  })
}

it('there is a page for every policy', () => {
  const known = pages.map(([name]) => `${name}.md`).sort()
  expect(readdirSync(join(root, 'docs/policies'))).toEqual(expect.arrayContaining(known))
})

for (const [name, subject] of pages)
  describe(`docs/policies/${name}.md`, () => {
    const rows = rowsOf(readFileSync(join(root, `docs/policies/${name}.md`), 'utf8'))
    const folder = join(root, 'src/policies', name)
    const sources = readdirSync(folder)
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .map((file) => readFileSync(join(folder, file), 'utf8'))
      .join('\n')

    it('names every option once, and none that there is not', () => {
      const documented = rows.map((row) => row.name)
      // What holds options has a row of its own only where it can be something else too.
      const groups = Object.keys(subject.nested ?? {}).filter((group) => documented.some((one) => one.startsWith(`${group}.`)))
      const known = namesOf(subject)
      expect(documented.filter((one) => !groups.includes(one)).sort()).toEqual([...known].sort())
    })

    it('says the defaults that the code has', () => {
      const { base, make } = subject
      const { options } = inspect(make(base as never)).parts[0]!
      for (const row of rows) {
        const said = saidBy(row.fallsBackTo)
        const short = shortOf(row)
        const isOnly = rows.filter((other) => shortOf(other) === short).length === 1
        const fallbacks = fallbacksIn(sources, short)
        if (said === undefined) {
          // Where the code has a plain value the page says it.
          if (isOnly)
            expect(
              fallbacks.filter((one) => one !== 0 && one !== false),
              `${row.name}: ${row.fallsBackTo}`,
            ).toEqual([])
          continue
        }
        const described = [options[short], options[`${short}Ms`]].find((one) => typeof one === typeof said)
        if (described !== undefined && !(row.name in base)) expect(described, `${row.name}, described`).toBe(said)
        else if (!ELSEWHERE.has(`${name}: ${row.name}`)) expect(fallbacks, row.name).toContain(said)
      }
    })
  })
