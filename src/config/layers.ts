/**
 * Layers of settings, laid over each other one value at a time, so that every value knows where it came from.
 */

/** From the root to the option. Keys may hold dots: `['targets', 'https://api.example.com', 'timeout']`. */
export type Path = readonly string[]

/** `default`, `file holdfast.config.ts`, `env HOLDFAST_PORT` or `flag --port`. */
export type Source = string

export interface Assignment {
  readonly path: Path
  readonly value: unknown
  readonly source: Source
  /** What a person should know when the value turns out to be wrong. */
  readonly hint?: string | undefined
  /** Taken over from another option, where anything wrong with it is reported already. */
  readonly inherited?: true
}

/** A setting's one value, with its source. */
export type Provenance = ReadonlyMap<string, Assignment>

type Tree = Record<string, unknown>

/** Objects that hold options; class instances and arrays are values. */
export function isTree(value: unknown): value is Tree {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value) as unknown
  return prototype === Object.prototype || prototype === null
}

/** Every value in a tree of options, as assignments. An empty object is a value: it names a target without settings. */
export function flatten(tree: Tree, source: Source, path: Path = []): Assignment[] {
  const found: Assignment[] = []
  for (const [key, value] of Object.entries(tree)) {
    if (value === undefined) continue
    const here = [...path, key]
    if (isTree(value) && Object.keys(value).length > 0) found.push(...flatten(value, source, here))
    else found.push({ path: here, value, source })
  }
  return found
}

/** Lays assignments over each other, the last one wins. */
export class Layers {
  readonly tree: Tree = Object.create(null) as Tree
  readonly #sources = new Map<string, Assignment>()

  apply(assignments: Iterable<Assignment>): this {
    for (const assignment of assignments) this.#set(assignment)
    return this
  }

  /** Where each value came from, by `pathKey`. */
  get sources(): Provenance {
    return this.#sources
  }

  #set(assignment: Assignment): void {
    const { path, value } = assignment
    let node = this.tree
    for (const [depth, key] of path.slice(0, -1).entries()) {
      if (!isTree(node[key])) {
        this.#forget(path.slice(0, depth + 1))
        node[key] = Object.create(null)
      }
      node = node[key] as Tree
    }
    const last = path.at(-1) as string
    const empty = isTree(value)
    if (empty && isTree(node[last])) return
    this.#forget(path)
    node[last] = empty ? Object.create(null) : value
    this.#sources.set(pathKey(path), assignment)
  }

  /** A value that replaces a tree takes the tree's sources with it, and the other way round. */
  #forget(path: Path): void {
    for (const [key, { path: known }] of this.#sources)
      if (path.every((part, index) => known[index] === part)) this.#sources.delete(key)
  }
}

export function pathKey(path: Path): string {
  return JSON.stringify(path)
}

/** A path as one would write it: `targets["https://api.example.com"].breaker`. */
export function showPath(path: readonly PropertyKey[]): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else if (/^[A-Za-z_$][\w$]*$/.test(String(part))) text += text === '' ? String(part) : `.${String(part)}`
    else text += `[${JSON.stringify(String(part))}]`
  }
  return text
}

/** The value at a path, or undefined. */
export function valueAt(tree: unknown, path: readonly PropertyKey[]): unknown {
  let value = tree
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<PropertyKey, unknown>)[key]
  }
  return value
}
