/**
 * Text on a terminal: how wide it is, how to cut it, and how to keep other people's text from steering the terminal.
 */
import { stripVTControlCharacters } from 'node:util'

const graphemes = new Intl.Segmenter()
const ASCII = /^[\x20-\x7e]*$/
/** East Asian wide and fullwidth forms, and what is drawn as an emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u
const ZERO = /^[\p{Mn}\p{Me}\p{Cf}]+$/u

/** Columns that a text takes; styling takes none. */
export function textWidth(styled: string): number {
  const text = stripVTControlCharacters(styled)
  if (ASCII.test(text)) return text.length
  let width = 0
  for (const { segment } of graphemes.segment(text)) width += ZERO.test(segment) ? 0 : WIDE.test(segment) ? 2 : 1
  return width
}

/** At most so many columns of an unstyled text, with `…` where something is missing. */
export function cutText(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text
  let cut = ''
  let width = 0
  for (const { segment } of graphemes.segment(text)) {
    const next = width + textWidth(segment)
    if (next > columns - 1) break
    cut += segment
    width = next
  }
  return `${cut}…`
}

export function padText(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  const space = ' '.repeat(Math.max(0, columns - textWidth(text)))
  return align === 'left' ? text + space : space + text
}

/** One line without control characters: an error message from elsewhere must not move the cursor or set the title. */
export function plainText(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/\s+/g, ' ')
    .replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, '')
    .trim()
}
