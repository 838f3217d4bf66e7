/**
 * Internet addresses as numbers: what every textual form of one address has in common.
 *
 * Strict: four decimal numbers for IPv4, RFC 4291 for IPv6. Octal, hexadecimal and short IPv4 are not read here, because a URL
 * parser has normalised them before, and a resolver never returns them.
 */
import { isIP } from 'node:net'

export interface IpAddress {
  readonly version: 4 | 6
  /** 32 or 128 bits. */
  readonly bits: bigint
}

/** Reads an address, with or without brackets and zone; `undefined` for anything else. Callers treat that as forbidden. */
export function parseIp(text: string): IpAddress | undefined {
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text
  const version = isIP(bare)
  if (version === 4) return { version, bits: readIpv4(bare) }
  if (version === 6) return { version, bits: readIpv6(bare) }
  return undefined
}

function readIpv4(text: string): bigint {
  return text.split('.').reduce((bits, part) => (bits << 8n) | BigInt(part), 0n)
}

function readIpv6(text: string): bigint {
  const [withoutZone = ''] = text.split('%')
  const [head = '', tail] = withoutZone.split('::')
  const before = readGroups(head)
  if (tail === undefined) return join(before)
  const after = readGroups(tail)
  return join([...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0n), ...after])
}

function readGroups(text: string): bigint[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [BigInt(`0x${group}`)]
    const v4 = readIpv4(group)
    return [v4 >> 16n, v4 & 0xffffn]
  })
}

function join(groups: readonly bigint[]): bigint {
  return groups.reduce((bits, group) => (bits << 16n) | group, 0n)
}

/** A block of addresses, as in `10.0.0.0/8`. */
export interface IpBlock {
  readonly version: 4 | 6
  readonly prefix: bigint
  readonly length: number
}

/** Reads `address/length`, or one address; `undefined` when malformed or when bits are set below the prefix. */
export function parseBlock(text: string): IpBlock | undefined {
  const [base = '', length, ...rest] = text.split('/')
  const address = base.includes('%') ? undefined : parseIp(base)
  if (address === undefined || rest.length > 0) return undefined
  const width = address.version === 4 ? 32 : 128
  if (length !== undefined && !/^\d{1,3}$/.test(length)) return undefined
  const prefixLength = length === undefined ? width : Number(length)
  if (prefixLength > width) return undefined
  const below = BigInt(width - prefixLength)
  if ((address.bits >> below) << below !== address.bits) return undefined
  return { version: address.version, prefix: address.bits, length: prefixLength }
}

/** True when the block holds the address. A mapped IPv4 address is not in an IPv4 block: unmap it first. */
export function blockHas(block: IpBlock, address: IpAddress): boolean {
  if (block.version !== address.version) return false
  const below = BigInt((block.version === 4 ? 32 : 128) - block.length)
  return address.bits >> below === block.prefix >> below
}

/** `::ffff:a.b.c.d` is IPv4 on the wire; any other address is returned as it is. */
export function unmap(address: IpAddress): IpAddress {
  return address.version === 6 && address.bits >> 32n === 0xffffn ? { version: 4, bits: address.bits & 0xffff_ffffn } : address
}
