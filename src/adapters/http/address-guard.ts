/**
 * What kind of place an address is. Pure; knows nothing of options.
 *
 * After the IANA special-purpose registries. IPv6 is public only inside 2000::/3, the one block that IANA has handed out, so a
 * range that is not listed here is refused and not let through.
 */
import type { IpAddress } from './ip-address.ts'
import { blockHas, parseBlock, parseIp, unmap } from './ip-address.ts'

/**
 * `reserved` is everything that no call should reach unless the very block is allowed: link-local with the metadata services of
 * clouds, multicast, broadcast, shared (CGNAT), documentation, benchmarking, tunnels, unassigned.
 */
export type AddressScope = 'public' | 'private' | 'loopback' | 'reserved'

type Row = readonly [block: string, scope: AddressScope, name: string]

// First match wins, so an exception stands before the block around it.
const IPV4: readonly Row[] = [
  ['0.0.0.0/8', 'reserved', 'this network'],
  ['10.0.0.0/8', 'private', 'private'],
  ['100.64.0.0/10', 'reserved', 'shared (CGNAT)'],
  ['127.0.0.0/8', 'loopback', 'loopback'],
  ['168.63.129.16/32', 'reserved', 'cloud platform'],
  ['169.254.0.0/16', 'reserved', 'link-local'],
  ['172.16.0.0/12', 'private', 'private'],
  ['192.0.0.0/24', 'reserved', 'protocol assignment'],
  ['192.0.2.0/24', 'reserved', 'documentation'],
  ['192.88.99.0/24', 'reserved', '6to4 relay'],
  ['192.168.0.0/16', 'private', 'private'],
  ['198.18.0.0/15', 'reserved', 'benchmarking'],
  ['198.51.100.0/24', 'reserved', 'documentation'],
  ['203.0.113.0/24', 'reserved', 'documentation'],
  ['224.0.0.0/4', 'reserved', 'multicast'],
  ['255.255.255.255/32', 'reserved', 'broadcast'],
  ['240.0.0.0/4', 'reserved', 'reserved'],
  ['0.0.0.0/0', 'public', 'public'],
]

const IPV6: readonly Row[] = [
  ['::/128', 'reserved', 'unspecified'],
  ['::1/128', 'loopback', 'loopback'],
  ['::/96', 'reserved', 'IPv4-compatible'],
  ['64:ff9b:1::/48', 'reserved', 'local NAT64'],
  ['fd00:ec2::/32', 'reserved', 'cloud platform'],
  ['fd20:ce::/32', 'reserved', 'cloud platform'],
  ['fc00::/7', 'private', 'unique local'],
  ['fe80::/10', 'reserved', 'link-local'],
  ['fec0::/10', 'reserved', 'site-local'],
  ['ff00::/8', 'reserved', 'multicast'],
  ['2001::/32', 'reserved', 'Teredo'],
  ['2001::/23', 'reserved', 'protocol assignment'],
  ['2001:db8::/32', 'reserved', 'documentation'],
  ['2002::/16', 'reserved', '6to4'],
  ['3ffe::/16', 'reserved', 'returned 6bone'],
  ['3fff::/20', 'reserved', 'documentation'],
  ['2000::/3', 'public', 'public'],
  ['::/0', 'reserved', 'unassigned'],
]

const compile = (rows: readonly Row[]) =>
  rows.map(([block, scope, name]) => ({ block: parseBlock(block) as NonNullable<ReturnType<typeof parseBlock>>, scope, name }))
const TABLES = { 4: compile(IPV4), 6: compile(IPV6) }
const NAT64 = parseBlock('64:ff9b::/96') as NonNullable<ReturnType<typeof parseBlock>>

export interface AddressVerdict {
  readonly scope: AddressScope
  /** For people: `private`, `link-local`, `6to4`. */
  readonly name: string
}

const UNREADABLE: AddressVerdict = { scope: 'reserved', name: 'unreadable' }

/** Says what an address is. Text that is no address is `reserved`: what cannot be read is not called. */
export function classifyAddress(address: IpAddress | string): AddressVerdict {
  const parsed = typeof address === 'string' ? parseIp(address) : address
  if (parsed === undefined) return UNREADABLE
  const real = unmap(parsed)
  if (blockHas(NAT64, real)) return throughTranslator(real)
  if (real.version === 6 && isIsatap(real)) return throughTranslator(real)
  return lookUp(real)
}

function lookUp(address: IpAddress): AddressVerdict {
  const row = TABLES[address.version].find(({ block }) => blockHas(block, address))
  return row ?? UNREADABLE
}

/** A translator reaches the IPv4 address in the last 32 bits: public ones only, for its loopback is not ours. */
function throughTranslator(address: IpAddress): AddressVerdict {
  const inner = lookUp({ version: 4, bits: address.bits & 0xffff_ffffn })
  if (inner.scope !== 'public') return { scope: 'reserved', name: `translated ${inner.name}` }
  return blockHas(NAT64, address) ? inner : lookUp(address)
}

/** ISATAP hides an IPv4 address behind the interface identifier 0:5efe or 200:5efe, under any prefix. */
function isIsatap(address: IpAddress): boolean {
  const marker = (address.bits >> 32n) & 0xffff_ffffn
  return marker === 0x0000_5efen || marker === 0x0200_5efen
}
