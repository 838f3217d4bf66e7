/**
 * Code in prose: fenced blocks of Markdown, and `@example`s of docstrings.
 */
import { lineAt } from './source-text.ts'

export interface CodeBlock {
  /** Relative to the root of the project. */
  readonly file: string
  /** The line of the first line of code, from 1. */
  readonly line: number
  readonly language: 'ts' | 'sh'
  readonly code: string
  /** Words after the language: `no-run`, `type-only`, `continues`, `run`. */
  readonly marks: readonly string[]
}

const FENCE = /^([ \t]*)```(ts|typescript|sh|bash)\b([^\n]*)\n([\s\S]*?)^\1```[ \t]*$/gm

/** The fenced blocks of TypeScript and shell in a page of Markdown. */
export function readFences(file: string, text: string): CodeBlock[] {
  return [...text.matchAll(FENCE)].map((match) => ({
    file,
    line: lineAt(text, match.index) + 1,
    language: match[2]!.startsWith('t') ? 'ts' : 'sh',
    code: match[4]!.replace(new RegExp(`^${match[1]}`, 'gm'), ''),
    marks: match[3]!.trim().split(/\s+/).filter(Boolean),
  }))
}

const DOCSTRING = /^[ \t]*\/\*\*([\s\S]*?)\*\//gm

/** The examples in a source's docstrings. What stands on the tag's own line are its marks: `@example run`. */
export function readExamples(file: string, text: string): CodeBlock[] {
  return [...text.matchAll(DOCSTRING)].flatMap((docstring) => {
    const lines = docstring[0]
      .split('\n')
      .map((line) => line.replace(/^[ \t]*(?:\/\*\*|\*\/|\*(?!\/)) ?/, '').replace(/[ \t]*\*\/$/, ''))
    const firstLine = lineAt(text, docstring.index)
    const blocks: CodeBlock[] = []
    for (const [index, line] of lines.entries()) {
      if (!/^@example\b/.test(line)) continue
      const rest = lines.slice(index + 1)
      const end = rest.findIndex((next) => /^@\w/.test(next))
      const body = (end === -1 ? rest : rest.slice(0, end)).map((next) => (next.startsWith('```') ? '' : next))
      const marks = line.slice('@example'.length).trim().split(/\s+/).filter(Boolean)
      blocks.push({ file, line: firstLine + index + 1, language: 'ts', code: `${body.join('\n').trimEnd()}\n`, marks })
    }
    return blocks.filter(({ code }) => code.trim() !== '')
  })
}

/**
 * A program whose lines have the numbers that they have on their page, so that a compiler's or a stack's line is the page's.
 * What `prelude` imports goes in front of the first line.
 */
export function programOf(blocks: readonly CodeBlock[], prelude = ''): string {
  let text = prelude === '' ? '' : `${prelude};`
  let line = 1
  for (const block of blocks) {
    text += '\n'.repeat(Math.max(block.line - line, text === '' || text.endsWith('\n') ? 0 : 1)) + block.code
    line = block.line + block.code.split('\n').length - 1
  }
  return `${text}\nexport {}\n`
}

/** Groups TypeScript blocks of a page into programs: one marked `continues` goes on where the one before it ended. */
export function groupPrograms(blocks: readonly CodeBlock[]): CodeBlock[][] {
  const programs: CodeBlock[][] = []
  for (const block of blocks) {
    if (block.marks.includes('continues') && programs.length > 0) programs.push([...programs.at(-1)!, block])
    else programs.push([block])
  }
  return programs
}

const EXPORTED =
  /^export\s+(?:\*\s+as|(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(?:const|let|class|function\*?|interface|type))\s+([A-Za-z_$][\w$]*)/gm

/** The names that a source declares and exports. */
export function exportedNames(text: string): string[] {
  return [...new Set([...text.matchAll(EXPORTED)].map((match) => match[1]!))]
}
