/**
 * HTML from templates: whatever is put in is escaped, unless it was made by `html` itself. Everything shown comes from
 * outside at some point (payloads, names, errors), so there is no other way to put text into a page.
 */

/** Markup that `html` made. */
export class Markup {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  toString(): string {
    return this.#text
  }
}

export type Content = Markup | string | number | undefined | false | readonly Content[]

/** Escapes every value, in text and in quoted attributes. Attributes must be quoted in the template. */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Markup {
  let text = parts[0] as string
  for (const [i, value] of values.entries()) text += render(value) + parts[i + 1]
  return new Markup(text)
}

/** Markup that is a constant of this code, such as a drawing. Never for anything that comes from outside. */
export function constantMarkup(text: string): Markup {
  return new Markup(text)
}

function render(value: Content): string {
  if (value === undefined || value === false) return ''
  if (value instanceof Markup) return value.toString()
  if (typeof value === 'string' || typeof value === 'number') return escapeHtml(String(value))
  return value.map(render).join('')
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] as string)
}
