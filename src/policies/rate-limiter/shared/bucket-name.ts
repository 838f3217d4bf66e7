/** What a limit, and each of its keys, is called in the store: unambiguous, and never longer than a store takes. */

const LONGEST_KEY = 250

export function bucketName(limit: string, key: string | undefined): string {
  const common = `limit/${limit.length}/${limit}`
  return key === undefined ? common : `${common}/${plain(key) ? `=${key}` : `#${hashOf(key)}`}`
}

/** Where the processes that ask for this limit leave their mark. */
export function askersPrefix(limit: string): string {
  return `limit-askers/${limit.length}/${limit}/`
}

function plain(key: string): boolean {
  return key.length <= LONGEST_KEY && !key.includes('\0') && key.isWellFormed()
}

/** 53 bits (cyrb53): two keys of this length that collide share a limit, and that is all. */
function hashOf(text: string): string {
  let one = 0xdeadbeef
  let other = 0x41c6ce57
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    one = Math.imul(one ^ unit, 2654435761)
    other = Math.imul(other ^ unit, 1597334677)
  }
  one = Math.imul(one ^ (one >>> 16), 2246822507) ^ Math.imul(other ^ (other >>> 13), 3266489909)
  other = Math.imul(other ^ (other >>> 16), 2246822507) ^ Math.imul(one ^ (one >>> 13), 3266489909)
  return `${(4294967296 * (2097151 & other) + (one >>> 0)).toString(36)}.${text.length}`
}
