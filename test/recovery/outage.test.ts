/** What a target does to its jobs, and what they do meanwhile: wait, without burning attempts. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { JobAnswer } from './answers.ts'
import { all, attempts, jobsOf, send, start, targetOf, untilBreaker } from './http-jobs.ts'
import { ScriptedTarget } from './scripted-target.ts'
import { eventually } from './waiting.ts'

interface Change {
  readonly at: number
  readonly target: string
  readonly to: string
}
async function changesIn(folder: string, target: ScriptedTarget): Promise<readonly Change[]> {
  const lines = (await readFile(join(folder, 'audit.jsonl'), 'utf8'))
    .split('\n')
    .filter((line) => line.includes('circuit-breaker.changed'))
  return lines.map((line) => JSON.parse(line) as Change).filter((change) => change.target === target.origin)
}

// R: X6, R1, U2, U5
// W: 7
it('holds the jobs of an origin that is down without burning attempts, over a restart, and lets them go after one probe', async () => {
  const { folder, holdfast } = await start()
  const [sick, well] = [await ScriptedTarget.up(), await ScriptedTarget.up()]
  await sick.down()
  await send(holdfast, sick, 30)
  await untilBreaker(holdfast, sick, 'open')
  const held = await eventually(
    () => jobsOf(holdfast, sick),
    (jobs) => jobs.every(({ state }) => state !== 'running') && jobs.some(({ heldBy }) => heldBy === 'breaker'),
  )
  for (const job of held.filter(({ heldBy }) => heldBy !== undefined)) {
    expect(job).toMatchObject({ heldBy: 'breaker', state: 'available', heldReason: expect.stringMatching(/^circuit/) })
    expect(job.nextRunAt).toBe(job.heldUntil)
  }
  const before = attempts(held)

  // Meanwhile another origin is not affected.
  await send(holdfast, well, 10, 'well')
  await eventually(() => jobsOf(holdfast, well), all('succeeded'), 3000)
  expect(await targetOf(holdfast, well)).toMatchObject({ breaker: { state: 'closed' }, held: 0 })

  // A restart neither closes the breaker nor takes the outage for the job's own fault.
  await untilBreaker(holdfast, sick, 'open')
  expect(await holdfast.signal('SIGTERM')).toBe(0)
  await holdfast.start()
  expect(await targetOf(holdfast, sick)).toMatchObject({ breaker: { state: 'open' } })
  const probes = async () => (await changesIn(folder, sick)).filter(({ to }) => to === 'half-open').length
  const probesBefore = await probes()
  await eventually(probes, (count) => count >= probesBefore + 2, 12_000)
  const after = attempts(await jobsOf(holdfast, sick))
  console.log(`attempts during the outage: ${before} -> ${after}, probes: ${await probes()}`)
  expect(after - before).toBeLessThanOrEqual(1)

  sick.reply = () => ({ status: 200, afterMs: 300 })
  await sick.up()
  await eventually(() => jobsOf(holdfast, sick), all('succeeded'), 12_000)
  // The first to come is alone until it has answered.
  const [first, second] = sick.calls.map(({ at }) => at)
  expect(second! - first!).toBeGreaterThanOrEqual(250)
  expect([...sick.byKey.values()]).toEqual(Array(30).fill(1))
  expect((await changesIn(folder, sick)).map(({ to }) => to).slice(-2)).toEqual(['half-open', 'closed'])
})

// T: 27
it('obeys Retry-After: of 503 for the job, of 429 for everybody at that target', async () => {
  const { holdfast } = await start()
  const refusing = (status: number) => {
    let refused = false
    return () => {
      if (refused) return { status: 200 }
      refused = true
      return { status, headers: { 'retry-after': '2' } }
    }
  }
  const [busy, limited] = [await ScriptedTarget.up(refusing(503)), await ScriptedTarget.up(refusing(429))]
  await send(holdfast, busy, 1)
  await send(holdfast, limited, 1)
  await eventually(
    () => limited.calls.length + busy.calls.length,
    (count) => count === 2,
  )
  await send(holdfast, limited, 3, 'later')
  await send(holdfast, busy, 3, 'later')
  await eventually(
    () => jobsOf(holdfast, busy),
    (jobs) => jobs.filter(({ state }) => state === 'succeeded').length === 3,
    1500,
  )
  const waiting = (await jobsOf(holdfast, limited)).filter(({ state }) => state === 'available')
  expect(waiting).toHaveLength(3)
  for (const job of waiting) expect(job).toMatchObject({ heldBy: 'limit', attempts: 0, heldUntil: expect.any(Number) })
  expect(await targetOf(holdfast, limited)).toMatchObject({ heldBy: 'limit', held: 3, breaker: { state: 'closed' } })
  for (const target of [busy, limited]) {
    await eventually(() => jobsOf(holdfast, target), all('succeeded'))
    const times = target.calls.filter(({ path }) => path === '/k').map(({ at }) => at)
    expect(times).toHaveLength(2)
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(1950)
    expect(times[1]! - times[0]!).toBeLessThan(3500)
  }
  expect(limited.calls.filter(({ path, at }) => path === '/later' && at < limited.calls[0]!.at + 1950)).toEqual([])
})

it('gives up what hangs or breaks off in time, and tries it again', async () => {
  const { holdfast } = await start()
  const replies = ['hang', 'reset', { status: 500 }, { status: 204 }] as const
  const target = await ScriptedTarget.up()
  target.reply = () => replies[target.calls.length - 1] ?? { status: 200 }
  const [id] = await send(holdfast, target, 1)
  const job = await eventually(
    () => holdfast.get<JobAnswer>(`/v1/jobs/${id}`),
    ({ state }) => state === 'succeeded',
  )
  expect(job.attempts).toBe(4)
  const failures = job.history!.filter(({ event }) => event === 'failed')
  expect(failures.map(({ error }) => error?.code)).toEqual(['ERR_TIMEOUT', expect.any(String), 'ERR_HTTP_STATUS'])
  const [hung, retried] = target.calls.map(({ at }) => at)
  expect(retried! - hung!).toBeGreaterThanOrEqual(1050)
  expect([...target.byKey.values()]).toEqual([4])
})
