/**
 * What is used of the `ioredis` package, as shapes: a `Redis` or `Cluster` of the caller's own copy of it fits, whatever its
 * version.
 */

// As the package itself says it: each event has arguments of its own.
// biome-ignore lint/suspicious/noExplicitAny: nothing else takes, and is taken by, every listener of an emitter
type Listener = (...args: any[]) => void

export interface RedisClient {
  /** `wait`, `connecting`, `connect`, `ready`, `close`, `reconnecting` or `end`. */
  readonly status: string
  evalsha(sha: string, keys: number, ...keysAndValues: string[]): Promise<unknown>
  eval(script: string, keys: number, ...keysAndValues: string[]): Promise<unknown>
  call(command: string, ...args: string[]): Promise<unknown>
  subscribe(channel: string): Promise<unknown>
  duplicate(): RedisClient
  /** With true: and connect again. */
  disconnect(reconnect?: boolean): void
  on(event: string, listener: Listener): unknown
  removeListener(event: string, listener: Listener): unknown
}
