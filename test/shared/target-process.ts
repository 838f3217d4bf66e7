/**
 * A process that shares its targets, for tests that need several, or kill one. It says what happens, with the epoch ms.
 * Usage: node target-process.ts PLACE opener COUNT | listener COUNT | prober FLAG
 */
import { randomUUID } from 'node:crypto'
import { existsSync, writeSync } from 'node:fs'
import { sleep, systemClock } from '../../src/core/clock.ts'
import type { SharedState } from '../../src/core/shared-state.ts'
import { postgresSharedState } from '../../src/stores/postgres/postgres-shared-state.ts'
import { redisSharedState } from '../../src/stores/redis/redis-shared-state.ts'
import { sqliteSharedState } from '../../src/stores/sqlite/sqlite-shared-state.ts'
import { TargetRegistry } from '../../src/targets/registry.ts'
import { SharedTargets } from '../../src/targets/shared/shared-targets.ts'

const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
const [place = '', role, argument = ''] = process.argv.slice(2)

function say(line: string): void {
  writeSync(1, `${line} ${Date.now()}\n`)
}

function sharedAt(where: string): SharedState {
  if (where.startsWith('redis:')) return redisSharedState({ url: where })
  return where.startsWith('postgres:') ? postgresSharedState({ url: where }) : sqliteSharedState({ path: where })
}

async function join(breaker: object, every?: string) {
  const registry = new TargetRegistry({ defaults: { breaker } })
  const shared = sharedAt(place)
  await shared.open()
  const reporter = `${process.pid}-${randomUUID().slice(0, 8)}`
  const sharing = new SharedTargets({ registry, shared, reporter, ...(every && { every }) })
  registry.observe((event) => {
    if (event.type === 'circuit-breaker.changed') say(`${event.target} ${event.to}`)
  })
  return { registry, sharing }
}

const fail = (registry: TargetRegistry, target: string): Promise<unknown> =>
  registry
    .get(target)
    .execute(() => Promise.reject(refused))
    .catch(() => {})

/** Opens so many targets, one after the other, once somebody listens. */
async function openThem(count: number): Promise<void> {
  const { registry, sharing } = await join({ failures: 1, openFor: '1m' })
  await sharing.start()
  while (sharing.health().processes < 2) await sleep(systemClock, 20)
  for (let index = 0; index < count; index++) {
    await sleep(systemClock, 60)
    await fail(registry, `t${index}`)
  }
  await sleep(systemClock, 5000)
}

async function listen(count: number): Promise<void> {
  const { registry, sharing } = await join({ failures: 1, openFor: '1m' })
  for (let index = 0; index < count; index++) registry.get(`t${index}`)
  await sharing.start()
  say('ready')
  await sleep(systemClock, 30_000)
}

/** Calls without a pause; the target answers while the file `flag` is there, after a moment. */
async function probe(flag: string): Promise<void> {
  const { registry, sharing } = await join({ failures: 1, openFor: '250ms' }, '150ms')
  await sharing.start()
  const operation = async (): Promise<void> => {
    say('begin')
    await sleep(systemClock, 60)
    say('end')
    if (!existsSync(flag)) throw refused
  }
  for (;;) {
    await registry
      .get('api')
      .execute(operation)
      .catch(() => {})
    await sleep(systemClock, 5)
  }
}

if (role === 'opener') await openThem(Number(argument))
else if (role === 'listener') await listen(Number(argument))
else await probe(argument)
process.exit(0)
