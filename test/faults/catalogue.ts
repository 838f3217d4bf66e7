/** The trials there are. Each makes the place that it needs, and leaves nothing. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PostgresServer } from '../servers/postgres.ts'
import { startPostgres } from '../servers/postgres.ts'
import { startProxy } from '../servers/proxy.ts'
import { startRedis } from '../servers/redis.ts'
import { dropSchema, freshSchema } from '../stores/postgres-schema.ts'
import type { SmallDisk } from '../stores/small-disk.ts'
import { smallDisk } from '../stores/small-disk.ts'
import { rounds } from './rounds.ts'
import type { StoreAddress } from './store-address.ts'
import type { TrialOptions, TrialResult, World } from './trial.ts'
import { runTrial } from './trial.ts'
import { clockSteps, forgetfulRedis, fullDisk, network, readOnlyDisk, restarts } from './troubles.ts'

/** How much of everything. */
export interface Scale {
  readonly seed: number
  readonly rounds: number
  readonly jobs: number
  /** Of the trials that are not rounds. */
  readonly spells: number
  readonly workers: number
  readonly leaseMs: number
}

export interface TrialEntry {
  readonly name: string
  readonly store: 'sqlite' | 'postgres'
  /** One sentence for the report. */
  readonly about: string
  run(scale: Scale, onProgress?: TrialOptions['onProgress']): Promise<TrialResult>
}

/** Jobs of a trial for each spell of trouble, which takes about three seconds. */
const JOBS_PER_SPELL = 300
const JOBS_PER_SECOND = 100

export const CATALOGUE: readonly TrialEntry[] = [
  {
    name: 'kills and stops, SQLite',
    store: 'sqlite',
    about:
      'SIGKILL, or SIGSTOP for longer than the lease and then SIGCONT, at random moments; who dies is replaced. Half of the workers are neighbours who can see that one is dead, the others seem to be on machines of their own.',
    run: (scale, onProgress) => onFile((address) => trial('kills and stops, SQLite', address, inRounds(scale), onProgress)),
  },
  {
    name: 'kills and stops, PostgreSQL',
    store: 'postgres',
    about: 'The same on PostgreSQL.',
    run: (scale, onProgress) =>
      onServer((_, address) => trial('kills and stops, PostgreSQL', address, inRounds(scale), onProgress)),
  },
  {
    name: 'PostgreSQL restarted',
    store: 'postgres',
    about: 'Fast (connections are ended) and immediate (a crash, recovered from the log) in turn, under load.',
    run: (scale, onProgress) =>
      onServer((server, address) =>
        trial('PostgreSQL restarted', address, inSpells(scale, restarts(server, scale.spells, scale.workers)), onProgress),
      ),
  },
  {
    name: 'the way to PostgreSQL',
    store: 'postgres',
    about:
      'Through a TCP proxy: connections cut again and again, delayed, refused, and swallowed without a word for longer than the lease.',
    run: (scale, onProgress) =>
      onServer(async (_, direct) => {
        const proxy = await startProxy((direct as { url: string }).url)
        const { spells, workers, leaseMs } = scale
        const options = { ...inSpells(scale, network(proxy, spells, workers, leaseMs)), direct }
        try {
          return await trial('the way to PostgreSQL', { ...direct, url: proxy.url } as StoreAddress, options, onProgress)
        } finally {
          await proxy.stop()
        }
      }),
  },
  {
    name: 'Redis restarted, scripts flushed',
    store: 'sqlite',
    about:
      'Workers on a SQLite file share a breaker and a rate limit by Redis, which is restarted and forgets everything, or forgets its scripts. A lost Redis makes state local, and fails no call.',
    run: async (scale, onProgress) => {
      const redis = await startRedis()
      const options = { ...inSpells(scale, forgetfulRedis(redis, scale.spells, scale.workers)), redis: redis.url }
      try {
        return await onFile((address) => trial('Redis restarted, scripts flushed', address, options, onProgress))
      } finally {
        await redis.stop()
      }
    },
  },
  {
    name: 'disk full',
    store: 'sqlite',
    about: 'Not a byte is left on the disk of the SQLite file for longer than the lease.',
    run: (scale, onProgress) =>
      onSmallDisk((disk, address) => {
        const { spells, workers, leaseMs } = scale
        return trial('disk full', address, inSpells(scale, fullDisk(disk, spells, workers, leaseMs)), onProgress)
      }),
  },
  {
    name: 'file read-only',
    store: 'sqlite',
    about: 'All workers die, their disk is read-only as others come in their place, and writable again some seconds later.',
    run: (scale, onProgress) =>
      onSmallDisk((disk, address) =>
        trial('file read-only', address, inSpells(scale, readOnlyDisk(disk, Math.ceil(scale.spells / 2))), onProgress),
      ),
  },
  {
    name: 'clock stepped, SQLite',
    store: 'sqlite',
    about: 'The wall clock of all processes goes an hour forward, back, an hour back, forward, at once, as on one host.',
    run: (scale, onProgress) =>
      onFile((address) => {
        const options = inSpells(scale, clockSteps(scale.spells, scale.workers, true))
        return trial('clock stepped, SQLite', address, { ...options, failing: 0 }, onProgress)
      }),
  },
  {
    name: 'clock stepped, PostgreSQL',
    store: 'postgres',
    about: 'The same steps in half of the workers alone: the clock of the server is the one that counts.',
    run: (scale, onProgress) =>
      onServer((_, address) =>
        trial('clock stepped, PostgreSQL', address, inSpells(scale, clockSteps(scale.spells, scale.workers, false)), onProgress),
      ),
  },
]

type Plan = Pick<TrialOptions, 'seed' | 'jobs' | 'workers' | 'leaseMs' | 'trouble'> & Partial<TrialOptions>

function inRounds({ seed, rounds: count, jobs, workers, leaseMs }: Scale): Plan {
  return { seed, jobs, workers, leaseMs, trouble: rounds({ rounds: count, seed, workers, leaseMs }) }
}

function inSpells({ seed, spells, workers, leaseMs }: Scale, trouble: (world: World) => Promise<void>): Plan {
  return { seed, jobs: spells * JOBS_PER_SPELL, pace: JOBS_PER_SECOND, workers, leaseMs, trouble }
}

function trial(name: string, address: StoreAddress, plan: Plan, onProgress: TrialOptions['onProgress']): Promise<TrialResult> {
  return runTrial({ name, address, ...plan, ...(onProgress && { onProgress }) })
}

async function onFile<T>(work: (address: StoreAddress) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-faults-'))
  try {
    return await work({ kind: 'sqlite', path: join(folder, 'work.db'), durability: 'normal' })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function onSmallDisk<T>(work: (disk: SmallDisk, address: StoreAddress) => Promise<T>): Promise<T> {
  const disk = smallDisk(48)
  if (disk === undefined) throw new NotHere('a small disk of its own needs Linux, root and the right to mount')
  try {
    return await work(disk, { kind: 'sqlite', path: join(disk.path, 'work.db'), durability: 'full' })
  } finally {
    disk.remove()
  }
}

async function onServer<T>(work: (server: PostgresServer, address: StoreAddress) => Promise<T>): Promise<T> {
  const server = await startPostgres()
  const schema = freshSchema()
  // What it acknowledges must outlive a crash of it, if not of the machine.
  const url = `${server.url}?options=${encodeURIComponent('-c synchronous_commit=on')}`
  try {
    return await work(server, { kind: 'postgres', url, schema })
  } finally {
    await dropSchema(server.url, schema).catch(() => {})
    await server.stop()
  }
}

/** This machine cannot have this trial. */
export class NotHere extends Error {}
