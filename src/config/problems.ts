/**
 * What is wrong with a configuration, all of it at once, each with its path, rule, value, source and a hint.
 */
import type { z } from 'zod'
import { HoldfastError, showValue } from '../core/errors.ts'
import { nearest } from '../core/validate.ts'
import type { Assignment, Path, Provenance, Source } from './layers.ts'
import { isTree, pathKey, showPath, valueAt } from './layers.ts'
import { redact } from './redact.ts'
import { UNKNOWN } from './rules.ts'

export interface Problem {
  readonly path: string
  readonly rule: string
  /** As shown: short, secrets hidden. */
  readonly value: string
  readonly source: Source
  readonly hint?: string | undefined
}

type Issue = z.core.$ZodIssue

/** Reads the schema's issues as problems. */
export function problemsOf(issues: readonly Issue[], tree: unknown, sources: Provenance): Problem[] {
  return issues.flatMap((issue) => unfold(issue, tree, [])).flatMap(({ path, issue }) => describe(path, issue, tree, sources))
}

interface Located {
  readonly path: readonly PropertyKey[]
  readonly issue: Issue
}

/** Of «this or an object of options», an object was meant by whoever wrote an object. */
function unfold(issue: Issue, tree: unknown, base: readonly PropertyKey[]): Located[] {
  const path = [...base, ...issue.path]
  const inside = issue.code === 'invalid_union' && isTree(valueAt(tree, path)) ? issue.errors.at(-1) : undefined
  return inside === undefined ? [{ path, issue }] : inside.flatMap((nested) => unfold(nested, tree, path))
}

function describe(path: readonly PropertyKey[], issue: Issue, tree: unknown, sources: Provenance): Problem[] {
  if (sources.get(pathKey(path.map(String)))?.inherited === true) return []
  if (issue.code !== 'unrecognized_keys') return [problem(path, issue.message, tree, sources)]
  const known = issue.message.slice(UNKNOWN.length).split(',')
  return issue.keys.map((key) => problem([...path, key], 'is not an option', tree, sources, didYouMean(key, known)))
}

/** One problem with the value at `path`. */
export function problem(path: readonly PropertyKey[], rule: string, tree: unknown, sources: Provenance, hint?: string): Problem {
  const value = valueAt(tree, path)
  const from = sourceOf(path, sources)
  return {
    path: showPath(path),
    rule: value === undefined ? `is required and ${rule}` : rule,
    value: value === undefined ? 'nothing' : showValue(redact(path.map(String), value)),
    source: from?.source ?? 'default',
    hint: hint ?? from?.hint,
  }
}

function didYouMean(name: string, known: readonly string[]): string {
  const near = nearest(name, known)
  return near === undefined ? `Known options here: ${known.join(', ')}.` : `Did you mean '${near}'?`
}

/** The source of a value; of one that is missing, that of what stands around it. */
export function sourceOf(path: readonly PropertyKey[], sources: Provenance): Assignment | undefined {
  const names: Path = path.map(String)
  for (let depth = names.length; depth > 0; depth--) {
    const here = names.slice(0, depth)
    const found = sources.get(pathKey(here)) ?? lastBelow(here, sources)
    if (found !== undefined) return found
  }
  return undefined
}

function lastBelow(path: Path, sources: Provenance): Assignment | undefined {
  return [...sources.values()].findLast(({ path: known }) => path.every((name, index) => known[index] === name))
}

/**
 * The error for a configuration that cannot be used; `details.problems` holds them as data.
 */
export function configError(problems: readonly Problem[]): HoldfastError {
  const title = problems.length === 1 ? 'The configuration has a problem:' : `The configuration has ${problems.length} problems:`
  return new HoldfastError([title, ...problems.map(showProblem)].join('\n'), { code: 'ERR_CONFIG', details: { problems } })
}

function showProblem({ path, rule, value, source, hint }: Problem): string {
  const lines = [`  ${path} ${rule}: got ${value} (${source})`]
  if (hint !== undefined) lines.push(`    ${hint}`)
  return lines.join('\n')
}
