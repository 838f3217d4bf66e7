/** A TCP proxy on loopback between a test and its server, which can cut, refuse, hold and delay what passes. */
import { createServer, connect as dial, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface TcpProxy {
  readonly port: number
  /** The URL of the server, by way of the proxy. */
  readonly url: string
  /** Connections at present. */
  readonly connections: number
  /** Breaks every connection; new ones are let through. */
  cut(): void
  /** Breaks every connection and refuses new ones, until `restore`. */
  refuse(): Promise<void>
  /** Lets nothing through in either direction, without a word, until `restore`. */
  hold(): void
  /** Each piece arrives so many ms later. 0 for none. */
  delay(ms: number): void
  restore(): Promise<void>
  stop(): Promise<void>
}

/** `url` names the server: host and port of any scheme. */
export async function startProxy(url: string): Promise<TcpProxy> {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  let held = false
  let delayMs = 0
  let server: Server | undefined
  const own = new URL(url)

  const join = (from: Socket, to: Socket): void => {
    let last = Promise.resolve()
    from.on('data', (piece) => {
      last = last.then(async () => {
        if (delayMs > 0) await sleep(delayMs)
        if (!held && to.writable) to.write(piece)
      })
    })
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroy())
  }
  const accept = (client: Socket): void => {
    const upstream = dial(Number(target.port), target.hostname)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('close', () => sockets.delete(socket))
    }
    join(client, upstream)
    join(upstream, client)
  }
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const listening = createServer(accept)
      server = listening
      listening.on('error', reject)
      listening.listen(port, '127.0.0.1', () => {
        own.port = String((listening.address() as { port: number }).port)
        own.hostname = '127.0.0.1'
        resolve()
      })
    })
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      const closing = server
      server = undefined
      cut()
      if (closing === undefined) resolve()
      else closing.close(() => resolve())
    })

  await listen(0)
  return {
    get port() {
      return Number(own.port)
    },
    get url() {
      return own.href
    },
    get connections() {
      return sockets.size / 2
    },
    cut,
    refuse: close,
    hold() {
      held = true
    },
    delay(ms) {
      delayMs = ms
    },
    async restore() {
      // What was swallowed cannot be given back: those connections are of no more use.
      if (held) cut()
      held = false
      if (server === undefined) await listen(Number(own.port))
    },
    stop: close,
  }
}
