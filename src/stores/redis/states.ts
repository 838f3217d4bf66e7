/** Small named states of targets, in one hash: `time:json` each. */
import type { StoredState } from '../../core/state-store.ts'
import type { Connection } from './connection.ts'
import type { Keys } from './keys.ts'
import { script } from './script.ts'

/** All of them end so long after the last one was written: a system that is no more leaves nothing behind. */
const KEEP_MS = 30 * 86_400_000

const READ = script(`return redis.call('HGETALL', KEYS[1])`)

const WRITE = script(`
redis.call('HSET', KEYS[1], ARGV[2], whole(now) .. ':' .. ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
`)

const DELETE = script(`return redis.call('HDEL', KEYS[1], ARGV[2])`)

export async function readStates(connection: Connection, keys: Keys, prefix: string): Promise<readonly StoredState[]> {
  const fields = (await connection.run(READ, [keys.states], [])) as string[]
  const states: StoredState[] = []
  for (let index = 0; index < fields.length; index += 2) {
    const [name, text] = [fields[index] as string, fields[index + 1] as string]
    if (!name.startsWith(prefix)) continue
    const colon = text.indexOf(':')
    states.push({ name, value: JSON.parse(text.slice(colon + 1)) as unknown, updatedAt: Number(text.slice(0, colon)) })
  }
  return states.sort((a, b) => (a.name < b.name ? -1 : 1))
}

export async function writeState(connection: Connection, keys: Keys, name: string, json: string): Promise<void> {
  await connection.run(WRITE, [keys.states], [name, json, KEEP_MS])
}

export async function deleteState(connection: Connection, keys: Keys, name: string): Promise<void> {
  await connection.run(DELETE, [keys.states], [name])
}
