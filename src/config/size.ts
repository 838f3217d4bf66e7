/**
 * Sizes as people write them: a number of bytes, or a string such as `'64KiB'`, `'1MiB'`, `'10MB'`.
 */
import { OptionError } from '../core/errors.ts'

export type Size = number | string

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1000,
  mb: 1_000_000,
  gb: 1_000_000_000,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
}

/**
 * Reads a size as bytes, at least `min` (default 1).
 *
 * @throws OptionError naming the option, the rule and the value
 */
export function parseSize(value: Size, option = 'size', min = 1): number {
  const bytes = typeof value === 'string' ? fromText(value) : value
  if (typeof bytes !== 'number' || !Number.isSafeInteger(bytes) || bytes < min)
    throw new OptionError(option, "must be a whole number of bytes or a string such as '64KiB', '1MiB'", value)
  return bytes
}

function fromText(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim())
  const unit = UNITS[(match?.[2] ?? '').toLowerCase()]
  return match === null || unit === undefined ? Number.NaN : Math.floor(Number(match[1]) * unit)
}

/** Writes bytes for people: `1_048_576` is `'1 MiB'`. */
export function formatSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let size = bytes
  let unit = 0
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024
    unit += 1
  }
  return `${size >= 10 || Number.isInteger(size) ? Math.round(size) : size.toFixed(1)} ${units[unit]}`
}
