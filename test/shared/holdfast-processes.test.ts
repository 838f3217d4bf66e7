/** Two whole Holdfasts on one SQLite file; and one whose shared state is not there. */
import { expect, it } from 'vitest'
import type { Status } from '../../src/ops/source.ts'
import type { TargetAnswer } from '../recovery/answers.ts'
import { HoldfastProcess, temporaryFolder } from '../recovery/holdfast-process.ts'
import { all, jobsOf, send } from '../recovery/http-jobs.ts'
import { ScriptedTarget } from '../recovery/scripted-target.ts'
import { eventually } from '../recovery/waiting.ts'

const config = { http: { allow: ['loopback'] }, breaker: { failures: 3, openFor: '1m' }, audit: false } as const

it('on one file hold what either of them was told to hold, and say how many they are', { timeout: 40_000 }, async () => {
  const folder = await temporaryFolder()
  const first = await HoldfastProcess.in(folder, config)
  await first.start()
  const second = HoldfastProcess.on(folder)
  await second.start()
  const target = await ScriptedTarget.up()
  await send(first, target, 1, 'seen')
  await eventually(() => jobsOf(first, target), all('succeeded'))
  const seenBy = (holdfast: HoldfastProcess) => async () => {
    const { targets } = await holdfast.get<{ targets: (TargetAnswer & { name: string })[] }>('/v1/targets')
    return targets.find(({ name }) => name === target.origin)
  }

  await first.post(`${target.apiPath}/pause`)
  await eventually(seenBy(second), (seen) => seen?.heldBy === 'pause', 5000)
  await second.post(`${target.apiPath}/resume`)
  await eventually(seenBy(first), (seen) => seen?.heldBy === undefined, 5000)
  await second.post(`${target.apiPath}/isolate`)
  await eventually(seenBy(first), (seen) => seen?.breaker?.state === 'isolated', 5000)
  await first.post(`${target.apiPath}/reset`)
  await eventually(seenBy(second), (seen) => seen?.breaker?.state === 'closed', 5000)
  const status = await second.get<Status>('/v1/status')
  expect(status.shared).toMatchObject({ name: 'sqlite', ok: true, processes: 2 })
})

it('without its shared state works alone, degraded, and says why', { timeout: 40_000 }, async () => {
  const holdfast = await HoldfastProcess.in(await temporaryFolder(), { ...config, state: 'redis://:hunter2@127.0.0.1:1' })
  await holdfast.start()
  const target = await ScriptedTarget.up()
  await send(holdfast, target, 1, 'alone')
  await eventually(() => jobsOf(holdfast, target), all('succeeded'))
  const status = await holdfast.get<Status>('/v1/status')
  expect(status.reasons.map(({ check, status: health }) => [check, health])).toEqual([['shared-state', 'degraded']])
  expect(status.shared).toMatchObject({ name: 'redis', ok: false, processes: 1 })
  expect(JSON.stringify(status) + holdfast.output).not.toContain('hunter2')
})
