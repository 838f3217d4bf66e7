/** What the set-up of a server puts at risk, from what it says of itself. */
import type { SharedWarning } from '../../core/shared-state.ts'
import type { Connection } from './connection.ts'

const OLDEST = 5

/** Older ones lack what scripts here need, and would answer each of them with an error that says nothing. */
export async function tooOld(connection: Connection): Promise<SharedWarning | undefined> {
  const version = fieldsOf(String(await connection.command('INFO', 'server'))).get('redis_version')
  if (version === undefined || Number.parseInt(version, 10) >= OLDEST) return undefined
  return {
    code: 'redis-too-old',
    message: `Redis ${version} is too old to share anything by`,
    hint: `Use Redis ${OLDEST} or later, or Valkey; or leave HOLDFAST_STATE out to share by the store.`,
  }
}

export async function warningsOf(connection: Connection): Promise<readonly SharedWarning[]> {
  const said = fieldsOf(String(await connection.command('INFO', 'memory')))
  for (const [name, value] of fieldsOf(String(await connection.command('INFO', 'persistence')))) said.set(name, value)
  return [...eviction(said), ...(await persistence(said, connection))]
}

function fieldsOf(info: string): Map<string, string> {
  const lines = info.split(/\r?\n/).filter((line) => line.includes(':'))
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]))
}

function eviction(said: ReadonlyMap<string, string>): SharedWarning[] {
  const [limit, policy] = [Number(said.get('maxmemory') ?? 0), said.get('maxmemory_policy')]
  if (limit === 0 || policy === undefined || policy === 'noeviction') return []
  return [
    {
      code: 'redis-evicts',
      message: `Redis may drop leases, limits and records of done work when its memory is full: maxmemory-policy is ${policy}`,
      hint: "Set 'maxmemory-policy noeviction', or give Holdfast a Redis of its own beside the cache.",
    },
  ]
}

async function persistence(said: ReadonlyMap<string, string>, connection: Connection): Promise<SharedWarning[]> {
  const warnings: SharedWarning[] = []
  if (said.get('aof_enabled') === '0' && (await saves(connection)) === false)
    warnings.push({
      code: 'redis-forgets',
      message: 'Redis forgets everything when it restarts, records of done work among it: neither appendonly nor save is set',
      hint: "Set 'appendonly yes', or keep what must happen once in SQLite or PostgreSQL.",
    })
  const failed = ['rdb_last_bgsave_status', 'aof_last_write_status', 'aof_last_bgrewrite_status'].filter(
    (name) => (said.get(name) ?? 'ok') !== 'ok',
  )
  if (failed.length > 0)
    warnings.push({
      code: 'redis-cannot-save',
      message: `Redis could not write its data to disk when it last tried: ${failed.join(', ')}`,
      hint: "Look at the server's disk and log; it may soon refuse writes.",
    })
  return warnings
}

/** Undefined when it does not tell: services that run Redis for others often hide their configuration. */
async function saves(connection: Connection): Promise<boolean | undefined> {
  try {
    const [, value] = (await connection.command('CONFIG', 'GET', 'save')) as string[]
    return value === undefined ? undefined : value !== ''
  } catch {
    return undefined
  }
}
