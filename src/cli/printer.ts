/**
 * How commands answer: tables and colour for people at a terminal, plain text for pipes, JSON where it is asked for.
 */
import { styleText } from 'node:util'
import type { Io } from './io.ts'
import { cutText, padText, plainText, textWidth } from './text-width.ts'

export type Tone = 'good' | 'warn' | 'bad' | 'dim' | 'bold' | 'plain'

/** A table's cell: text, or text with a tone. */
export type Cell = string | number | undefined | { readonly text: string; readonly tone: Tone }

export interface Column {
  readonly title: string
  readonly align?: 'left' | 'right'
  /** Cut to what the terminal has left; never in a pipe. At most one. */
  readonly flexible?: boolean
}

const STYLES = { good: 'green', warn: 'yellow', bad: 'red', dim: 'dim', bold: 'bold' } as const
const GAP = 2
const LEAST = 12

export class Printer {
  readonly #io: Io
  readonly #colour: boolean

  constructor(io: Io) {
    this.#io = io
    const set = (name: string): boolean => (io.env[name] ?? '') !== ''
    this.#colour = io.isTTY && !set('NO_COLOR') && io.env.TERM !== 'dumb'
  }

  /** A line, as it is. */
  line(text = ''): void {
    this.#io.stdout.write(`${text}\n`)
  }

  /** Word on stderr, for what must not end up in a pipe. */
  note(text: string): void {
    this.#io.stderr.write(`${text}\n`)
  }

  json(value: unknown): void {
    this.line(JSON.stringify(value, undefined, 2))
  }

  tone(text: string, tone: Tone): string {
    return this.#colour && tone !== 'plain' ? styleText(STYLES[tone], text, { validateStream: false }) : text
  }

  /** Names on the left, values on the right; values that are undefined are left out. */
  fields(pairs: readonly (readonly [name: string, value: Cell])[]): void {
    const present = pairs.filter(([, value]) => value !== undefined)
    const width = Math.max(...present.map(([name]) => textWidth(name)))
    for (const [name, value] of present) this.line(`${this.tone(padText(name, width + GAP), 'dim')}${this.#cell(value, 0)}`)
  }

  table(columns: readonly Column[], rows: readonly (readonly Cell[])[]): void {
    const texts = rows.map((row) => row.map(textOf))
    const widths = columns.map(({ title }, index) =>
      Math.max(textWidth(title), ...texts.map((row) => textWidth(row[index] ?? ''))),
    )
    this.#squeeze(columns, widths)
    this.line(
      this.#row(
        columns,
        widths,
        columns.map(({ title }) => ({ text: title, tone: 'dim' as const })),
      ),
    )
    for (const row of rows) this.line(this.#row(columns, widths, row))
  }

  #squeeze(columns: readonly Column[], widths: number[]): void {
    const room = this.#io.stdout.columns
    const flexible = columns.findIndex((column) => column.flexible)
    if (!this.#io.isTTY || room === undefined || flexible < 0) return
    const rest = widths.reduce((sum, width, index) => (index === flexible ? sum : sum + width + GAP), 0)
    widths[flexible] = Math.min(widths[flexible] as number, Math.max(LEAST, room - rest))
  }

  #row(columns: readonly Column[], widths: readonly number[], cells: readonly Cell[]): string {
    const padded = columns.map(({ align }, index) => {
      const width = widths[index] as number
      const shown = this.#cell(cells[index], width)
      // The last column is not padded: nobody likes spaces at the end of a line.
      return index === columns.length - 1 && align !== 'right' ? shown : padText(shown, width, align)
    })
    return padded.join(' '.repeat(GAP)).trimEnd()
  }

  #cell(cell: Cell, width: number): string {
    const text = width > 0 ? cutText(textOf(cell), width) : textOf(cell)
    return typeof cell === 'object' ? this.tone(text, cell.tone) : text
  }
}

function textOf(cell: Cell): string {
  if (cell === undefined) return ''
  return plainText(typeof cell === 'object' ? cell.text : String(cell))
}
