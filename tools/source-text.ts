/**
 * Reads TypeScript as text. There is no stable compiler API to ask, and what these tools need (imports, words in code) takes
 * only to know what is a comment, a string or a regular expression, and what is code.
 */

/** The same text, as long and with the same lines; the insides of comments, strings and regular expressions are spaces. */
export function maskText(source: string): string {
  const out = source.split('')
  const blank = (from: number, to: number): void => {
    for (let index = from; index < to; index++) if (out[index] !== '\n') out[index] = ' '
  }
  /** Depths of `{` at which a template literal's `${` waits for its `}`. */
  const templates: number[] = []
  let depth = 0
  let index = 0
  while (index < source.length) {
    const two = source.slice(index, index + 2)
    const char = source[index]!
    if (two === '//') index = skip(index, endOfLine(source, index))
    else if (two === '/*') index = skip(index, after(source, '*/', index + 2))
    else if (char === "'" || char === '"') index = inside(index, endOfString(source, index))
    else if (char === '`') index = template(index)
    else if (char === '/' && opensRegExp(out, index)) index = inside(index, endOfRegExp(source, index))
    else {
      if (char === '{') depth++
      if (char === '}') depth--
      index++
      if (char === '}' && templates.at(-1) === depth) {
        templates.pop()
        index = template(index - 1)
      }
    }
  }
  return out.join('')

  function skip(from: number, to: number): number {
    blank(from, to)
    return to
  }
  function inside(from: number, to: number): number {
    blank(from + 1, to - 1)
    return to
  }
  /** Blanks from the opening character to the closing backtick, or to the next `${`, whose inside is code again. */
  function template(from: number): number {
    for (let at = from + 1; at < source.length; at++) {
      if (source[at] === '\\') at++
      else if (source[at] === '`') return inside(from, at + 1)
      else if (source[at] === '$' && source[at + 1] === '{') {
        templates.push(depth++)
        blank(from + 1, at)
        return at + 2
      }
    }
    return skip(from, source.length)
  }
}

export interface ImportStatement {
  readonly specifier: string
  /** `import type` or `export type`: gone when the program runs. */
  readonly typeOnly: boolean
  readonly line: number
}

const STATIC = /(?<![\w$.])(?:import|export)\s+(type\s+(?!from\b))?(?:[\w$\s{},*]*?(?<![\w$])from\s*)?(['"])([^'"\n]*)\2/g
const CALLED = /(?<![\w$.])(?:import|require)\s*\(\s*(['"`])([^'"`\n]*)\1/g

/** Every import, re-export and literal dynamic import of a source, in the order of the text. */
export function readImports(source: string): ImportStatement[] {
  const code = maskText(source)
  const found: (ImportStatement & { readonly at: number })[] = []
  for (const [pattern, specifierGroup] of [
    [STATIC, 3],
    [CALLED, 2],
  ] as const)
    for (const match of code.matchAll(pattern)) {
      const end = match.index + match[0].length - 1
      const specifier = source.slice(end - match[specifierGroup]!.length, end)
      found.push({
        specifier,
        typeOnly: pattern === STATIC && match[1] !== undefined,
        line: lineAt(source, match.index),
        at: match.index,
      })
    }
  return found.sort((a, b) => a.at - b.at).map(({ specifier, typeOnly, line }) => ({ specifier, typeOnly, line }))
}

/** The line, from 1, on which an offset lies. */
export function lineAt(source: string, offset: number): number {
  let line = 1
  for (let at = source.indexOf('\n'); at !== -1 && at < offset; at = source.indexOf('\n', at + 1)) line++
  return line
}

function endOfLine(source: string, from: number): number {
  const at = source.indexOf('\n', from)
  return at === -1 ? source.length : at
}

function after(source: string, what: string, from: number): number {
  const at = source.indexOf(what, from)
  return at === -1 ? source.length : at + what.length
}

function endOfString(source: string, from: number): number {
  const quote = source[from]
  for (let at = from + 1; at < source.length; at++) {
    if (source[at] === '\\') at++
    else if (source[at] === quote) return at + 1
    else if (source[at] === '\n') return at
  }
  return source.length
}

/** A slash divides after a value and opens a regular expression elsewhere; words such as `return` are no values. */
function opensRegExp(masked: readonly string[], at: number): boolean {
  let back = at - 1
  while (back >= 0 && /\s/.test(masked[back]!)) back--
  if (back < 0) return true
  if (/[)\]}'"`]/.test(masked[back]!)) return false
  if (!/[\w$]/.test(masked[back]!)) return true
  let start = back
  while (start > 0 && /[\w$]/.test(masked[start - 1]!)) start--
  return /^(?:return|typeof|case|in|of|do|else|void|delete|throw|yield|await|instanceof|new)$/.test(
    masked.slice(start, back + 1).join(''),
  )
}

function endOfRegExp(source: string, from: number): number {
  let inClass = false
  for (let at = from + 1; at < source.length; at++) {
    const char = source[at]
    if (char === '\\') at++
    else if (char === '[') inClass = true
    else if (char === ']') inClass = false
    else if (char === '/' && !inClass) return at + 1
    else if (char === '\n') return at
  }
  return source.length
}
