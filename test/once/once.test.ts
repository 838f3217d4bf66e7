import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sqliteSharedState } from '../../src/stores/sqlite/sqlite-shared-state.ts'
import { idempotency } from '../../src/work/idempotent/idempotency.ts'
import { killAll, type Running, start } from '../stores/processes.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-once-'))
})
afterEach(() => {
  killAll()
  rmSync(folder, { recursive: true })
})

const process = (key: string, how: string): Running =>
  start(new URL('once-process.ts', import.meta.url).pathname, join(folder, 'state.db'), join(folder, 'posts'), key, how)
const posts = (): string[] => readFileSync(join(folder, 'posts'), 'utf8').trim().split('\n')
/** What it came to, once it has ended. */
const outcome = async ({ ended, lines }: Running): Promise<unknown> => {
  await ended
  return JSON.parse(lines.at(-1)!) as unknown
}

describe('processes that share a SQLite file', () => {
  // R: X9
  it('post once between them, all get the result of the one, and so does one after a restart', async () => {
    const first = process('k', 'slowly')
    await first.said(2)
    const others = [process('k', 'post'), process('k', 'post')]
    const result = await outcome(first)
    expect(await Promise.all(others.map(outcome))).toEqual([result, result])
    expect(posts()).toEqual(['k'])
    expect(await outcome(process('k', 'post'))).toEqual(result)
    expect(posts()).toEqual(['k'])
  })

  // W: 6
  it('know nothing of what one did that was killed in the middle, and post it no second time before a person has looked', async () => {
    const killed = process('k', 'hang')
    await killed.said(2)
    killed.kill()
    expect(await outcome(process('k', 'post'))).toBe('ERR_IDEMPOTENCY_UNKNOWN')
    expect(posts()).toEqual(['k'])
    const state = sqliteSharedState({ path: join(folder, 'state.db') })
    await state.open()
    const once = idempotency({ state, name: 'posts' })
    expect(await once.resolve('k', 'notDone', { key: 'k' })).toBe(true)
    await state.close()
    expect(await outcome(process('k', 'post'))).toMatchObject({ id: expect.stringContaining('post of') as string })
    expect(posts()).toEqual(['k', 'k'])
  })

  // W: 6
  it('find out by themselves whether one that was killed had posted, where they can', async () => {
    const killed = process('k', 'hang')
    await killed.said(2)
    killed.kill()
    expect(await outcome(process('k', 'verify'))).toEqual({ id: 'found' })
    expect(await outcome(process('k', 'post'))).toEqual({ id: 'found' })
    expect(posts()).toEqual(['k'])
  })
})
