/**
 * ISO 8601 as people and programs send it. `Date.parse` takes much more and guesses: a time without a zone is this machine's
 * own, and the 30th of February is the 2nd of March.
 */
const ISO = /^(\d{4})-(\d\d)-(\d\d)(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d))?$/

/** Epoch ms of a date, or of a date and time with its zone; undefined for anything else, and for days that there are not. */
export function parseIsoTime(text: string): number | undefined {
  const found = ISO.exec(text)
  if (found === null || Number(found[3]) > daysIn(Number(found[1]), Number(found[2]))) return undefined
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : at
}

/** Day 0 of the next month is the last of this. */
function daysIn(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate()
}
