/**
 * What must not be shown: tokens, passwords, and passwords inside URLs.
 */
import type { Path } from './layers.ts'

const SECRET_NAME = /^(token|password|passwd|secret|authorization|api[-_]?key|cookie)$/i

/** What stands where a secret was. */
export const REDACTED = '(hidden)'

/** True when the option's name says that its value is a secret. */
export function isSecret(path: Path): boolean {
  const last = path.at(-1)
  return last !== undefined && SECRET_NAME.test(last)
}

/** A value that may be shown. User info is taken out of anything that looks like a URL. */
export function redact(path: Path, value: unknown): unknown {
  if (value === undefined) return value
  if (isSecret(path)) return REDACTED
  if (typeof value === 'string') return hidePasswords(value)
  if (Array.isArray(value)) return value.map((item) => redact(path, item))
  return value
}

/** Of these URLs all up to the last @ is hidden: somebody may have written a password with an @ or a / in it. */
const DATABASE_PASSWORD = /\b((?:postgres(?:ql)?|rediss?|amqps?):\/\/[^/@\s:]*):\S*@/gi

/** `redis://user:secret@host` becomes `redis://user:(hidden)@host`. */
export function hidePasswords(text: string): string {
  return text
    .replace(DATABASE_PASSWORD, `$1:${REDACTED}@`)
    .replace(/(\/\/[^/@\s:]*):[^/@\s]*@/g, `$1:${REDACTED}@`)
    .replace(/([?&](?:password|token|api_?key|secret)=)[^&\s]*/gi, `$1${REDACTED}`)
}
