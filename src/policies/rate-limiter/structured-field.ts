/**
 * Enough of structured fields (RFC 9651) to read lists and dictionaries of items with parameters. Values stay text: what
 * they should be, their reader knows. What cannot be read ends the list.
 */
export interface FieldMember {
  /** In a dictionary. */
  readonly key: string | undefined
  readonly value: string
  readonly params: Readonly<Record<string, string>>
}

const KEY = String.raw`[a-z*][a-z0-9_\-.*]*`
const VALUE = String.raw`"(?:[^"\\]|\\.)*"|[^;,="\s]+`
const MEMBER = new RegExp(String.raw`[ \t]*(?:(${KEY})=)?(${VALUE})`, 'iy')
const PARAMETER = new RegExp(String.raw`[ \t]*;[ \t]*(${KEY})(?:=(${VALUE}))?`, 'iy')
const COMMA = /[ \t]*(?:,|$)/y

/** More than any server sends; the rest is not read. */
const MAX_LENGTH = 2000

export function parseFieldList(text: string | undefined): FieldMember[] {
  if (text === undefined) return []
  const members: FieldMember[] = []
  const source = text.slice(0, MAX_LENGTH)
  let at = 0
  const next = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const match = pattern.exec(source)
    if (match !== null) at = pattern.lastIndex
    return match
  }
  for (let member = next(MEMBER); member !== null; member = next(MEMBER)) {
    const params: Record<string, string> = Object.create(null) as Record<string, string>
    for (let param = next(PARAMETER); param !== null; param = next(PARAMETER))
      params[(param[1] as string).toLowerCase()] = unquote(param[2] ?? '')
    if (next(COMMA) === null) break
    members.push({ key: member[1]?.toLowerCase(), value: unquote(member[2] as string), params })
  }
  return members
}

function unquote(text: string): string {
  return text[0] === '"' ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text
}
