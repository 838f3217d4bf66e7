/**
 * Connections that are made only to addresses that were checked.
 *
 * The check sits inside the connection's own name resolution: the addresses that pass are the very ones that are connected to,
 * so a name cannot answer one thing to the check and another to the connect (rebinding). What the socket reached is compared once
 * more before a byte is sent.
 */
import { lookup as resolveName } from 'node:dns/promises'
import type { LookupFunction } from 'node:net'
import type { buildConnector } from 'undici'
import { buildConnector as makeConnector } from 'undici'
import type { AllowList } from './allow-list.ts'
import { hostOf, portOf } from './allow-list.ts'
import { ForbiddenAddressError } from './http-errors.ts'

export interface ResolvedAddress {
  readonly address: string
  readonly family: number
}

/** Resolves a name to all its addresses; the default asks the system, hosts file and all. */
export type Lookup = (hostname: string) => Promise<readonly ResolvedAddress[]>

/** The resolver of the system. It runs in libuv's pool of four threads, so a resolver that hangs delays other names too. */
export const systemLookup: Lookup = (hostname) => resolveName(hostname, { all: true })

/** How long a connection to one of several addresses may take before the next is tried beside it. */
const NEXT_ADDRESS_MS = 500

/** Makes the connector for one origin. Literal addresses never reach `lookup`, so they are checked at each connect. */
export function guardedConnector(
  origin: URL,
  allow: AllowList,
  lookup: Lookup,
  connectTimeoutMs: number,
): buildConnector.connector {
  const name = hostOf(origin)
  const port = portOf(origin)
  const connect = makeConnector({
    timeout: connectTimeoutMs,
    lookup: guardedLookup(name, port, allow, lookup),
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_MS,
  })
  return (options, callback) => {
    try {
      allow.checkUrl(origin)
    } catch (error) {
      queueMicrotask(() => callback(error as Error, null))
      return
    }
    connect(options, (...[error, socket]) => {
      if (error !== null) return callback(error, null)
      const reached = socket.remoteAddress
      if (reached !== undefined && allow.admits(reached, name, port)) return callback(null, socket)
      socket.destroy()
      // A socket without an address is one that closed in this very moment.
      callback(reached === undefined ? closedEarly() : forbidden(name, port, [reached], allow), null)
    })
  }
}

/** `dns.lookup` as sockets want it, answering with the allowed addresses only; an error when there is none. */
function guardedLookup(name: string, port: number, allow: AllowList, lookup: Lookup): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname).then(
      (found) => {
        const allowed = found.filter(({ address }) => allow.admits(address, name, port))
        const [first] = allowed
        if (first === undefined) callback(nothingAllowed(name, port, found, allow), [])
        else if (options.all === true) callback(null, [...allowed])
        else callback(null, first.address, first.family)
      },
      (error: NodeJS.ErrnoException) => callback(error, []),
    )
  }
}

function nothingAllowed(name: string, port: number, found: readonly ResolvedAddress[], allow: AllowList): Error {
  const addresses = found.map(({ address }) => address)
  if (addresses.length > 0) return forbidden(name, port, addresses, allow)
  return Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND', hostname: name })
}

function forbidden(name: string, port: number, addresses: readonly string[], allow: AllowList): ForbiddenAddressError {
  return new ForbiddenAddressError({ host: `${name}:${port}`, addresses, allow: allow.entries })
}

function closedEarly(): Error {
  return Object.assign(new Error('the connection closed as it was made'), { code: 'ECONNRESET' })
}
