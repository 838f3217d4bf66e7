/**
 * Keeps secrets out of everything that people and files get to see: audit, log, status, dashboard, dump.
 *
 * By name (`authorization`, `password`, `apiKey`, …) anything below that name is masked; inside strings, passwords in URLs,
 * secret query parameters, and `Bearer`/`Basic` credentials are. Not for protecting stored jobs: the store keeps what it
 * was given.
 */

export type Redact = (value: unknown) => unknown

export interface RedactOptions {
  /** More names to mask, compared without case, `-` and `_`. */
  readonly names?: readonly string[]
  /** What stands in for a secret. Default `[redacted]`. */
  readonly mask?: string
}

const SECRET_NAMES = [
  'authorization',
  'proxyauthorization',
  'auth',
  'cookie',
  'setcookie',
  'xapikey',
  'pwd',
  'passwd',
  'passphrase',
  'credentials',
  'credential',
  'sessionid',
  'signature',
]
const SECRET_ENDINGS = ['password', 'secret', 'token', 'apikey', 'privatekey', 'secretkey', 'accesskey']

/** Deeper than this, a value is cut: what is shown stays small, and hostile nesting cannot overflow the stack. */
const DEEPEST = 32

// Every repetition is bounded or cannot overlap with its neighbour, so hostile text costs linear time.
const URL_PASSWORD = /([a-z][a-z0-9+.-]{0,20}:\/\/[^\s/?#@:]{0,256}:)[^\s/?#]*@/gi
const URL_SECRET =
  /([?&;][\w.-]{0,40}?(?:token|password|passwd|pwd|secret|api[-_]?key|access[-_]?key|signature|sig|auth)=)[^&#\s"'<>]+/gi
const CREDENTIALS = /\b(Bearer|Basic)\s{1,4}[\w.~+/=-]{6,}/gi
const NAMED =
  /\b((?:api[-_]?key|access[-_]?token|password|passwd|secret|token)["']?\s{0,4}[=:]\s{0,4}["']?)[^\s"'&,;#[}][^\s"'&,;#}]{3,}/gi

/** Makes a redactor. The result shares nothing with its input; values that are not JSON become text. */
export function createRedactor(options: RedactOptions = {}): Redact {
  const mask = options.mask ?? '[redacted]'
  const names = new Set([...SECRET_NAMES, ...(options.names ?? []).map(plainName)])

  const isSecret = (name: string): boolean => {
    const plain = plainName(name)
    return names.has(plain) || SECRET_ENDINGS.some((ending) => plain.endsWith(ending))
  }

  const walk = (value: unknown, depth: number): unknown => {
    if (typeof value === 'string') return redactText(value, mask)
    if (typeof value === 'bigint') return `${value}`
    if (typeof value === 'function' || typeof value === 'symbol') return undefined
    if (typeof value !== 'object' || value === null) return value
    if (depth >= DEEPEST) return '[deeper]'
    if (Array.isArray(value)) return value.map((item) => walk(item, depth + 1))
    const copy: Record<string, unknown> = {}
    for (const [name, inner] of Object.entries(value)) {
      const shown = isSecret(name) && inner !== undefined && inner !== null ? mask : walk(inner, depth + 1)
      // A hostile `__proto__` becomes an ordinary property, as JSON.parse makes it.
      Object.defineProperty(copy, name, { value: shown, enumerable: true, writable: true, configurable: true })
    }
    return copy
  }
  return (value) => walk(value, 0)
}

/** The redactor that everything uses unless told otherwise. */
export const redact: Redact = createRedactor()

/** Masks secrets inside one text. */
export function redactText(text: string, mask = '[redacted]'): string {
  if (text.length < 5) return text
  return text
    .replace(URL_PASSWORD, `$1${mask}@`)
    .replace(URL_SECRET, `$1${mask}`)
    .replace(CREDENTIALS, `$1 ${mask}`)
    .replace(NAMED, `$1${mask}`)
}

function plainName(name: string): string {
  return name.toLowerCase().replaceAll(/[-_]/g, '')
}
