/** Who takes part, and where each keeps its jobs. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { OpenSystem } from './contender.ts'

export interface Entry {
  readonly id: string
  readonly name: string
  /** The package whose version is told; absent for Holdfast. */
  readonly library?: string
  readonly place: 'sqlite' | 'postgres' | 'redis'
  readonly note?: string
  readonly open: () => Promise<OpenSystem>
}

export const systems: readonly Entry[] = [
  {
    id: 'holdfast-sqlite',
    name: 'Holdfast, SQLite',
    place: 'sqlite',
    note: "`durability: 'normal'`: a crash of the process loses nothing, a power cut may lose the last moments",
    open: async () => (await import('./contenders/holdfast.ts')).sqlite('normal'),
  },
  {
    id: 'holdfast-sqlite-full',
    name: 'Holdfast, SQLite, full',
    place: 'sqlite',
    note: "`durability: 'full'`: every commit is synced",
    open: async () => (await import('./contenders/holdfast.ts')).sqlite('full'),
  },
  {
    id: 'holdfast-postgres',
    name: 'Holdfast, PostgreSQL',
    place: 'postgres',
    open: async () => (await import('./contenders/holdfast.ts')).postgres,
  },
  {
    id: 'graphile-worker',
    name: 'graphile-worker',
    library: 'graphile-worker',
    place: 'postgres',
    note: 'local queue of 500, completions in batches; done jobs are deleted',
    open: async () => (await import('./contenders/graphile-worker.ts')).graphileWorker,
  },
  {
    id: 'pg-boss',
    name: 'pg-boss',
    library: 'pg-boss',
    place: 'postgres',
    note: 'batches of up to 500 that run and complete together; NOTIFY on',
    open: async () => (await import('./contenders/pg-boss.ts')).pgBoss,
  },
  {
    id: 'bullmq',
    name: 'BullMQ, Redis',
    library: 'bullmq',
    place: 'redis',
    note: 'Redis with `appendfsync everysec`; done jobs are removed',
    open: async () => (await import('./contenders/bullmq.ts')).bullmq,
  },
]

export function versionOf({ library }: Entry): string {
  const manifest =
    library === undefined
      ? join(import.meta.dirname, '../../package.json')
      : join(import.meta.dirname, 'node_modules', library, 'package.json')
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
}
