/**
 * Where calls may go: the operator's rules, compiled.
 *
 * A rule is a scope (`'public'`, `'private'`, `'loopback'`), a block (`'10.1.0.0/16'`, `'10.1.2.3'`), a name
 * (`'hooks.internal'`, `'*.example.com'`) or an endpoint with a port (`'hooks.internal:8443'`, `'127.0.0.1:9000'`, `'[::1]:80'`).
 * One matching rule is enough. A rule by name vouches for public, private and loopback addresses, so an internal service can be
 * allowed alone; it never vouches for reserved ones (metadata services, multicast …), which only a block can open.
 */
import { OptionError } from '../../core/errors.ts'
import { nearest } from '../../core/validate.ts'
import type { AddressScope } from './address-guard.ts'
import { classifyAddress } from './address-guard.ts'
import { ForbiddenAddressError } from './http-errors.ts'
import type { IpBlock } from './ip-address.ts'
import { blockHas, parseBlock, parseIp, unmap } from './ip-address.ts'

interface Rule {
  readonly scope?: AddressScope
  readonly block?: IpBlock
  /** Lower case, without a trailing dot; with `wildcard`, what must follow a dot. */
  readonly name?: string
  readonly wildcard?: boolean
  readonly port?: number
}

const SCOPES = ['public', 'loopback', 'private'] as const
const FORMS = `'public', 'private', 'loopback', an address or block ('10.0.0.0/8'), a host ('api.example.com', '*.example.com') or 'host:port'`
const HOST_NAME = /^(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }

export class AllowList {
  readonly #rules: readonly Rule[]
  /** The rules as they were written, for errors and dumps. */
  readonly entries: readonly string[]

  /**
   * @param entries see the top of this file; the default lets only public hosts through
   * @throws OptionError naming the entry that cannot be read
   */
  constructor(entries: readonly string[] = ['public'], option = 'allow') {
    if (!Array.isArray(entries)) throw new OptionError(option, 'must be an array of rules', entries, `A rule is ${FORMS}.`)
    this.#rules = entries.map((entry, index) => readRule(entry, `${option}[${index}]`))
    this.entries = Object.freeze([...entries])
  }

  /**
   * Refuses what can be refused before a name is resolved: a literal address, a name for this machine, a name that no rule
   * could let through. A name that passes here must still pass `admits` with every address it resolves to.
   *
   * @throws ForbiddenAddressError
   */
  checkUrl(url: URL, path?: string): void {
    const name = hostOf(url)
    const port = portOf(url)
    const addresses = knownAddresses(name)
    const passes =
      addresses.length === 0
        ? this.#rules.some((rule) => couldAdmit(rule, name, port))
        : addresses.some((address) => this.admits(address, name, port))
    if (!passes) throw new ForbiddenAddressError({ host: url.host, addresses, allow: this.entries, path })
  }

  /** True when a connection to `address`, found under `name`, may be made. An address that cannot be read is refused. */
  admits(address: string, name: string, port: number): boolean {
    const parsed = parseIp(address)
    if (parsed === undefined || port === 0) return false
    const real = unmap(parsed)
    const { scope } = classifyAddress(real)
    return this.#rules.some((rule) => {
      if (rule.port !== undefined && rule.port !== port) return false
      if (rule.block !== undefined) return blockHas(rule.block, real)
      if (rule.name !== undefined) return scope !== 'reserved' && nameMatches(rule, name)
      return rule.scope === scope
    })
  }
}

/** The host of a URL without brackets and without the dots that only say that a name is complete. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '').replace(/\.+$/, '')
}

/** The port that a URL means. */
export function portOf(url: URL): number {
  return url.port === '' ? (DEFAULT_PORTS[url.protocol] ?? 0) : Number(url.port)
}

function couldAdmit(rule: Rule, name: string, port: number): boolean {
  return (rule.port === undefined || rule.port === port) && (rule.name === undefined || nameMatches(rule, name))
}

function nameMatches(rule: Rule, name: string): boolean {
  return rule.wildcard === true ? name.endsWith(`.${rule.name}`) : name === rule.name
}

/** The addresses that are certain before anything is resolved. */
function knownAddresses(name: string): readonly string[] {
  if (parseIp(name) !== undefined) return [name]
  return isLocalName(name) ? ['127.0.0.1', '::1'] : []
}

/** Names that mean this machine by definition (RFC 6761) or by the hosts file of every distribution. */
function isLocalName(name: string): boolean {
  return /(?:^|\.)localhost$/.test(name) || /^(?:localhost|localhost6|ip6-localhost|ip6-loopback)(?:\.localdomain6?)?$/.test(name)
}

function readRule(entry: unknown, option: string): Rule {
  if (typeof entry !== 'string') throw new OptionError(option, 'must be a string', entry, `A rule is ${FORMS}.`)
  if ((SCOPES as readonly string[]).includes(entry)) return { scope: entry as AddressScope }
  const block = readBlockRule(entry, option)
  return block ?? readNameRule(entry, option)
}

function readBlockRule(entry: string, option: string): Rule | undefined {
  const [, host = entry, port] = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry) ?? []
  const block = parseBlock(host.replace(/^\[(.*)\]$/, '$1'))
  if (block === undefined) {
    if (/^[0-9a-f.:]+\/[^/]*$/i.test(entry) || entry.includes('['))
      throw new OptionError(
        option,
        'is not an address block',
        entry,
        `Write the lowest address and the length, as in '10.0.0.0/8' or 'fd12::/16'.`,
      )
    return undefined
  }
  const rule = { block: unmapBlock(block) }
  return port === undefined ? rule : { ...rule, port: readPort(port, option, entry) }
}

/** A block inside ::ffff:0:0/96 is the IPv4 block that it maps. */
function unmapBlock(block: IpBlock): IpBlock {
  if (block.version === 4 || block.length < 96 || block.prefix >> 32n !== 0xffffn) return block
  return { version: 4, prefix: block.prefix & 0xffff_ffffn, length: block.length - 96 }
}

function readNameRule(entry: string, option: string): Rule {
  const [, host = entry, port] = /^([^:]*):(\d+)$/.exec(entry) ?? []
  const wildcard = host.startsWith('*.')
  const name = toAscii(wildcard ? host.slice(2) : host)
  if (name === undefined) {
    const hint =
      entry === '*'
        ? `There is no rule for everything: name the scopes, ['public', 'private', 'loopback'].`
        : `A rule is ${FORMS}.`
    throw new OptionError(option, 'is not a rule', entry, hint)
  }
  const slip = SCOPES.includes(entry as never) ? undefined : nearest(entry, SCOPES)
  if (slip !== undefined && !name.includes('.')) throw new OptionError(option, 'is not a rule', entry, `Did you mean '${slip}'?`)
  return { name, wildcard, ...(port === undefined ? {} : { port: readPort(port, option, entry) }) }
}

/** The name as a URL will have it: lower case, IDNA, no trailing dot. `undefined` when it is no host name. */
function toAscii(host: string): string | undefined {
  if (host === '' || /[\s/@?#\\:*%]/.test(host) || !URL.canParse(`http://${host}/`)) return undefined
  const name = hostOf(new URL(`http://${host}/`))
  return HOST_NAME.test(name) && parseIp(name) === undefined ? name : undefined
}

function readPort(text: string, option: string, entry: string): number {
  const port = Number(text)
  if (port < 1 || port > 65_535) throw new OptionError(option, 'must have a port from 1 to 65535', entry)
  return port
}
