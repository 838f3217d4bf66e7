/** Targets shared by real processes, in a SQLite file and in Redis. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { missing } from '../servers/available.ts'
import { type RedisServer, startRedis } from '../servers/redis.ts'
import { killAll, type Running, start } from '../stores/processes.ts'
import { SCRIPT, staleness } from './staleness.ts'

const TARGETS = 20
const folder = mkdtempSync(join(tmpdir(), 'holdfast-shared-'))
let redis: RedisServer | undefined

beforeAll(async () => {
  if (!missing('redis')) redis = await startRedis()
})
afterAll(async () => {
  killAll()
  await redis?.stop()
  rmSync(folder, { recursive: true, force: true })
})

function told(place: string, ms: readonly number[]): void {
  console.log(`open in one process, held in another, ${place}: p50 ${ms[Math.floor(ms.length / 2)]} ms, p99 ${ms.at(-1)} ms`)
}

describe.concurrent('an open breaker reaches another process', () => {
  it('within a beat in a SQLite file, which gives no hints', { timeout: 20_000 }, async () => {
    const ms = await staleness(join(folder, 'state.db'), TARGETS)
    told('SQLite', ms)
    expect(ms).toHaveLength(TARGETS)
    expect(ms.at(-1)).toBeLessThan(2500)
  })

  it.skipIf(missing('redis'))('at once in Redis, which hints', { timeout: 20_000 }, async () => {
    const ms = await staleness(redis?.url ?? '', TARGETS)
    told('Redis', ms)
    expect(ms).toHaveLength(TARGETS)
    expect(ms.at(-1)).toBeLessThan(1000)
  })
})

describe.concurrent('three processes that call a target that is down', () => {
  it('probe it one at a time, go on when the one that probes is killed, and are all back when it is', {
    timeout: 20_000,
  }, async () => {
    const place = join(folder, 'probes.db')
    const flag = join(folder, 'is-up')
    const processes = [1, 2, 3].map(() => start(SCRIPT, place, 'prober', flag))
    await Promise.all(processes.map((each) => each.said(4)))
    await pause(700)
    const from = Date.now()
    await pause(1000)
    const victim = processes.find((each) => each.lines.at(-1)?.startsWith('begin')) ?? processes[0]
    victim?.kill()
    const killedAt = Date.now()
    await pause(1700)
    const upAt = Date.now()
    writeFileSync(flag, '')
    await pause(900)
    const alive = processes.filter((each) => each !== victim)
    for (const each of alive) each.kill()
    const probes = processes.flatMap((each, who) => callsOf(each).map((call) => ({ ...call, who })))
    const whileDown = probes.filter(({ beganAt }) => beganAt > from && beganAt < upAt).toSorted((a, b) => a.beganAt - b.beganAt)
    expect(whileDown.length).toBeGreaterThan(3)
    const overlaps = whileDown.filter((call, index) => index > 0 && call.beganAt < (whileDown[index - 1]?.endedAt ?? 0))
    expect(overlaps).toEqual([])
    expect(whileDown.some(({ beganAt }) => beganAt > killedAt)).toBe(true)
    for (const each of alive) expect(stateOf(each)).toBe('closed')
  })
})

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** A call that was cut off by a kill has ended with its process. */
function callsOf({ lines }: Running): { beganAt: number; endedAt: number }[] {
  const calls: { beganAt: number; endedAt: number }[] = []
  for (const line of lines) {
    const [what, at] = line.split(' ')
    if (what === 'begin') calls.push({ beganAt: Number(at), endedAt: Number(at) })
    else if (what === 'end' && calls.length > 0) (calls.at(-1) as { endedAt: number }).endedAt = Number(at)
  }
  return calls
}

function stateOf({ lines }: Running): string | undefined {
  return lines.findLast((line) => line.startsWith('api '))?.split(' ')[1]
}
