import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { kill } from 'node:process'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { idempotency } from '../../src/work/idempotent/idempotency.ts'
import { stateAt } from '../limits/limiter-process.ts'
import { missing } from '../servers/available.ts'
import { type RedisServer, startRedis } from '../servers/redis.ts'
import { killAll, type Running, start } from '../stores/processes.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-once-'))
})
afterEach(() => {
  killAll()
  rmSync(folder, { recursive: true })
})

const process = (store: string, key: string, how: string): Running =>
  start(new URL('once-process.ts', import.meta.url).pathname, store, join(folder, 'posts'), key, how)
const posts = (): string[] => readFileSync(join(folder, 'posts'), 'utf8').trim().split('\n')
/** What it came to, once it has ended. */
const outcome = async ({ ended, lines }: Running): Promise<unknown> => {
  await ended
  return JSON.parse(lines.at(-1)!) as unknown
}

describe.each(['SQLite', 'Redis'])('processes that share keys on %s', (name) => {
  const skip = name === 'Redis' && missing('redis')
  let redis: RedisServer | undefined
  let key = ''
  beforeAll(async () => {
    if (name === 'Redis' && !skip) redis = await startRedis()
  })
  afterAll(async () => redis?.stop())
  beforeEach(() => {
    key = `key in ${folder}`
  })
  const store = (): string => redis?.url ?? join(folder, 'state.db')
  const play = (how: string): Running => process(store(), key, how)

  // R: X9
  it.skipIf(skip)('post once between them, all get the result of the one, and so does one after a restart', async () => {
    const first = play('slowly')
    await first.said(2)
    const others = [play('post'), play('post')]
    const result = await outcome(first)
    expect(await Promise.all(others.map(outcome))).toEqual([result, result])
    expect(posts()).toEqual([key])
    expect(await outcome(play('post'))).toEqual(result)
    expect(posts()).toEqual([key])
  })

  // W: 6
  it.skipIf(skip)(
    'know nothing of what one did that was killed in the middle, and post it no second time before a person has looked',
    async () => {
      const killed = play('hang')
      await killed.said(2)
      killed.kill()
      expect(await outcome(play('post'))).toBe('ERR_IDEMPOTENCY_UNKNOWN')
      expect(posts()).toEqual([key])
      const state = stateAt(store())
      await state.open()
      const once = idempotency({ state, name: 'posts' })
      expect(await once.resolve(key, 'notDone', { key })).toBe(true)
      await state.close()
      expect(await outcome(play('post'))).toMatchObject({ id: expect.stringContaining('post of') as string })
      expect(posts()).toEqual([key, key])
    },
  )

  // One store is enough for what the store has no part in.
  if (name === 'Redis') return

  // W: 6
  it('take nothing from one that was stopped for longer than its lease, and goes on', async () => {
    const stalled = play('stall')
    await stalled.said(2)
    const pid = Number(stalled.lines[0]!.split(' ')[1])
    kill(pid, 'SIGSTOP')
    const result = await outcome(play('again'))
    expect(result).toMatchObject({ id: expect.stringContaining('post of') as string })
    kill(pid, 'SIGCONT')
    expect(await outcome(stalled)).toBe('ERR_LEASE_LOST')
    expect(await outcome(play('post'))).toEqual(result)
    expect(posts()).toEqual([key, key])
  })

  // W: 6
  it('find out by themselves whether one that was killed had posted, where they can', async () => {
    const killed = play('hang')
    await killed.said(2)
    killed.kill()
    expect(await outcome(play('verify'))).toEqual({ id: 'found' })
    expect(await outcome(play('post'))).toEqual({ id: 'found' })
    expect(posts()).toEqual([key])
  })
})
