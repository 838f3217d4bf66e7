import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { classifyAddress } from './address-guard.ts'
import { AllowList } from './allow-list.ts'
import { parseBlock, parseIp } from './ip-address.ts'

describe('classifyAddress', () => {
  it.each([
    ['1.1.1.1', 'public'],
    ['9.255.255.255', 'public'],
    ['10.0.0.0', 'private'],
    ['10.255.255.255', 'private'],
    ['11.0.0.0', 'public'],
    ['0.0.0.0', 'reserved'],
    ['0.255.255.255', 'reserved'],
    ['100.63.255.255', 'public'],
    ['100.64.0.0', 'reserved'],
    ['100.100.100.200', 'reserved'],
    ['100.128.0.0', 'public'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['128.0.0.0', 'public'],
    ['168.63.129.16', 'reserved'],
    ['169.254.169.254', 'reserved'],
    ['172.15.255.255', 'public'],
    ['172.16.0.0', 'private'],
    ['172.31.255.255', 'private'],
    ['172.32.0.0', 'public'],
    ['192.0.0.192', 'reserved'],
    ['192.0.1.0', 'public'],
    ['192.0.2.1', 'reserved'],
    ['192.88.99.1', 'reserved'],
    ['192.167.255.255', 'public'],
    ['192.168.1.1', 'private'],
    ['198.17.255.255', 'public'],
    ['198.18.0.1', 'reserved'],
    ['198.19.255.255', 'reserved'],
    ['198.51.100.7', 'reserved'],
    ['203.0.113.7', 'reserved'],
    ['223.255.255.255', 'public'],
    ['224.0.0.1', 'reserved'],
    ['239.255.255.255', 'reserved'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'reserved'],
    ['::', 'reserved'],
    ['::1', 'loopback'],
    ['0:0:0:0:0:0:0:1', 'loopback'],
    ['::2', 'reserved'],
    ['::7f00:1', 'reserved'],
    ['::127.0.0.1', 'reserved'],
    ['::8.8.8.8', 'reserved'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:7f00:1', 'loopback'],
    ['0:0:0:0:0:FFFF:7F00:0001', 'loopback'],
    ['::ffff:10.1.2.3', 'private'],
    ['::ffff:169.254.169.254', 'reserved'],
    ['::ffff:8.8.8.8', 'public'],
    ['::ffff:0:127.0.0.1', 'reserved'],
    ['64:ff9b::8.8.8.8', 'public'],
    ['64:ff9b::127.0.0.1', 'reserved'],
    ['64:ff9b::a9fe:a9fe', 'reserved'],
    ['64:ff9b:1::8.8.8.8', 'reserved'],
    ['100::1', 'reserved'],
    ['2000::1', 'public'],
    ['2001::1', 'reserved'],
    ['2001:0:4136:e378:8000:63bf:3fff:fdd2', 'reserved'],
    ['2001:1ff::1', 'reserved'],
    ['2001:200::1', 'public'],
    ['2001:db8::1', 'reserved'],
    ['2001:4860:4860::8888', 'public'],
    ['2002:7f00:1::', 'reserved'],
    ['2002:808:808::1', 'reserved'],
    ['2606:4700:4700::1111', 'public'],
    ['2606:4700::5efe:10.0.0.1', 'reserved'],
    ['2606:4700::200:5efe:8.8.8.8', 'public'],
    ['3fff:fff::1', 'reserved'],
    ['4000::1', 'reserved'],
    ['5f00::1', 'reserved'],
    ['fc00::1', 'private'],
    ['fd12:3456::1', 'private'],
    ['fd00:ec2::254', 'reserved'],
    ['fd20:ce::254', 'reserved'],
    ['fe80::1', 'reserved'],
    ['fe80::1%eth0', 'reserved'],
    ['febf::1', 'reserved'],
    ['fec0::1', 'reserved'],
    ['ff02::1', 'reserved'],
    ['[::1]', 'loopback'],
    ['', 'reserved'],
    ['0x7f.1', 'reserved'],
    ['127.1', 'reserved'],
    ['2130706433', 'reserved'],
    ['localhost', 'reserved'],
    ['1.1.1.1.', 'reserved'],
    ['1.1.1.256', 'reserved'],
    ['01.1.1.1', 'reserved'],
  ])('takes %s as %s', (address, scope) => {
    expect(classifyAddress(address).scope).toBe(scope)
  })
})

describe('parseBlock', () => {
  it.each(['10.0.0.0/8', '0.0.0.0/0', '10.1.2.3', 'fd12::/16', '::1', '::/0'])('reads %s', (text) => {
    expect(parseBlock(text)).toBeDefined()
  })
  it.each(['10.0.0.1/8', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '10.0.0.0/-1', 'fd12::1/16', 'fe80::1%eth0', 'a', '', '/8'])(
    'refuses %s',
    (text) => {
      expect(parseBlock(text)).toBeUndefined()
    },
  )
})

const FORBIDDEN_IPV4 = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
  ...['192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/3'],
]
const FORBIDDEN_IPV6 = [
  ...['::/96', '::ffff:0:0:0/96', '64:ff9b:1::/48', '100::/64', '2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'],
  ...['4000::/2', '8000::/1', 'fc00::/7', 'fe80::/10', 'fec0::/10', 'ff00::/8'],
]

const within = (blocks: readonly string[]): fc.Arbitrary<bigint> =>
  fc.constantFrom(...blocks).chain((text) => {
    const { version, prefix, length } = parseBlock(text) as NonNullable<ReturnType<typeof parseBlock>>
    return fc.bigInt(0n, (1n << BigInt((version === 4 ? 32 : 128) - length)) - 1n).map((rest) => prefix | rest)
  })

const dotted = (bits: bigint): string => [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 255n).join('.')
const groups = (bits: bigint): string[] =>
  Array.from({ length: 8 }, (_, index) => ((bits >> BigInt(112 - 16 * index)) & 0xffffn).toString(16))

/** Every way to write one IPv4 address into a URL that I know of. */
const ipv4Form = fc.record({
  parts: fc.integer({ min: 1, max: 4 }),
  bases: fc.array(fc.constantFrom('decimal', 'octal', 'hex', 'HEX'), { minLength: 4, maxLength: 4 }),
  zeros: fc.integer({ min: 0, max: 5 }),
  dot: fc.constantFrom('.', '\u3002', '\uff0e', '\uff61', '%2e'),
  end: fc.constantFrom('', '.'),
  digits: fc.constantFrom('ascii', 'percent', 'wide', 'bold'),
})
type Ipv4Form = typeof ipv4Form extends fc.Arbitrary<infer T> ? T : never

function writeIpv4(bits: bigint, { parts, bases, zeros, dot, end, digits }: Ipv4Form): string {
  const numbers = Array.from({ length: parts }, (_, index) =>
    index === parts - 1 ? bits & ((1n << BigInt(8 * (5 - parts))) - 1n) : (bits >> BigInt(24 - 8 * index)) & 255n,
  )
  const texts = numbers.map((number, index) => {
    if (bases[index] === 'octal') return `0${'0'.repeat(zeros)}${number.toString(8)}`
    if (bases[index] === 'hex') return `0x${'0'.repeat(zeros)}${number.toString(16)}`
    if (bases[index] === 'HEX') return `0X${'0'.repeat(zeros)}${number.toString(16).toUpperCase()}`
    return number.toString()
  })
  return texts.map((text) => text.replace(/\d/g, (digit) => disguise(digit, digits))).join(dot) + end
}

function disguise(digit: string, how: string): string {
  if (how === 'percent') return `%3${digit}`
  if (how === 'wide') return String.fromCodePoint(0xff10 + Number(digit))
  if (how === 'bold') return String.fromCodePoint(0x1d7ce + Number(digit))
  return digit
}

/** Every way to write one IPv6 address. */
function ipv6Forms(bits: bigint): string[] {
  const plain = groups(bits)
  const full = plain.map((group) => group.padStart(4, '0'))
  const head = plain.slice(0, 6).join(':')
  return [
    plain.join(':'),
    full.join(':'),
    full.join(':').toUpperCase(),
    `${head}:${dotted(bits & 0xffff_ffffn)}`,
    new URL(`http://[${plain.join(':')}]/`).hostname.slice(1, -1),
  ]
}

const passes = (allow: AllowList, host: string): boolean => {
  try {
    allow.checkUrl(new URL(`http://${host}/`))
    return true
  } catch {
    return false
  }
}

describe('the guard, with its default', () => {
  const allow = new AllowList()

  it('lets no forbidden IPv4 address pass in any textual form', () => {
    fc.assert(
      fc.property(within(FORBIDDEN_IPV4), ipv4Form, (bits, form) => {
        expect(passes(allow, writeIpv4(bits, form))).toBe(false)
        expect(allow.admits(dotted(bits), 'example.com', 80)).toBe(false)
      }),
      { numRuns: 2000 },
    )
  })

  it('reads every form as the address that it is: the forms are real ones', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 0xffff_ffffn), ipv4Form, (bits, form) => {
        expect(new URL(`http://${writeIpv4(bits, form)}/`).hostname).toBe(dotted(bits))
        expect(parseIp(dotted(bits))?.bits).toBe(bits)
      }),
      { numRuns: 500 },
    )
  })

  it('lets no forbidden IPv4 address pass inside an IPv6 address', () => {
    const carriers = [
      (bits: bigint) => (0xffffn << 32n) | bits,
      (bits: bigint) => bits,
      (bits: bigint) => (parseIp('64:ff9b::')?.bits as bigint) | bits,
      (bits: bigint) => (0xffffn << 48n) | bits,
      (bits: bigint) => (0x2002n << 112n) | (bits << 80n),
      (bits: bigint) => (0x2001_0000n << 96n) | (bits ^ 0xffff_ffffn),
      (bits: bigint) => (0x2606n << 112n) | (0x5efen << 32n) | bits,
    ]
    fc.assert(
      fc.property(within(FORBIDDEN_IPV4), fc.constantFrom(...carriers), (bits, carry) => {
        for (const form of ipv6Forms(carry(bits))) {
          expect(passes(allow, `[${form}]`)).toBe(false)
          expect(allow.admits(form, 'example.com', 80)).toBe(false)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('lets no forbidden IPv6 address pass in any textual form', () => {
    fc.assert(
      fc.property(within(FORBIDDEN_IPV6), (bits) => {
        for (const form of ipv6Forms(bits)) {
          expect(parseIp(form)?.bits).toBe(bits)
          expect(passes(allow, `[${form}]`)).toBe(false)
          expect(allow.admits(`${form}`, 'example.com', 80)).toBe(false)
          expect(allow.admits(`${form}%eth0`, 'example.com', 80)).toBe(false)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('lets public addresses pass', () => {
    for (const host of ['8.8.8.8', '[2606:4700:4700::1111]', '[::ffff:8.8.8.8]', '134744072', 'example.com'])
      expect(passes(allow, host), host).toBe(true)
  })
})
