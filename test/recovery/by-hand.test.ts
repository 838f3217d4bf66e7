/** A person takes over: isolates, pauses, redrives. And what comes back by itself when a breaker closes. */
import { expect, it } from 'vitest'
import type { DeadLetterAnswer, TargetAnswer } from './answers.ts'
import { all, jobsOf, send, start } from './http-jobs.ts'
import { ScriptedTarget } from './scripted-target.ts'
import { eventually, pause } from './waiting.ts'

it('is steered by hand over the API; a pause survives a restart', async () => {
  const { holdfast } = await start()
  const target = await ScriptedTarget.up()
  await send(holdfast, target, 1, 'first')
  await eventually(() => jobsOf(holdfast, target), all('succeeded'))
  const steer = (what: string, body?: object) => holdfast.post<TargetAnswer>(`${target.apiPath}/${what}`, body)
  const waiting = async (heldBy: string) => {
    await pause(300)
    const jobs = (await jobsOf(holdfast, target)).filter(({ state }) => state !== 'succeeded')
    expect(jobs.map((job) => [job.state, job.heldBy, job.attempts])).toEqual([['available', heldBy, 0]])
  }

  expect(await steer('isolate')).toMatchObject({ status: 200, body: { breaker: { state: 'isolated' }, heldBy: 'breaker' } })
  await send(holdfast, target, 1, 'isolated')
  await waiting('breaker')
  expect(await steer('reset')).toMatchObject({ status: 200, body: { breaker: { state: 'closed' } } })
  await eventually(() => jobsOf(holdfast, target), all('succeeded'))

  expect(await steer('pause')).toMatchObject({ status: 200, body: { paused: {}, heldBy: 'pause' } })
  await send(holdfast, target, 1, 'paused')
  await waiting('pause')
  await holdfast.kill()
  await holdfast.start()
  await waiting('pause')
  expect(await steer('resume')).toMatchObject({ status: 200, body: { held: 0 } })
  await eventually(() => jobsOf(holdfast, target), all('succeeded'))

  const until = Date.now() + 1000
  expect(await steer('pause', { until })).toMatchObject({ status: 200, body: { paused: { until }, heldUntil: until } })
  await send(holdfast, target, 1, 'until')
  await eventually(() => jobsOf(holdfast, target), all('succeeded'))
  expect(target.calls.find(({ path }) => path === '/until')!.at).toBeGreaterThanOrEqual(until)
  expect((await holdfast.post('/v1/targets/nobody/pause')).status).toBe(404)
})

// R: R4, R9, X14
it('makes a dead letter of what fails for good, at once and with its cause; a redrive by hand brings it back', async () => {
  const { holdfast } = await start({ http: { maxAttempts: 2 } })
  const target = await ScriptedTarget.up(({ path }) => ({ status: path === '/gone' ? 404 : 500 }))
  const [gone] = await send(holdfast, target, 1, 'gone')
  const [weak] = await send(holdfast, target, 1, 'weak')
  const letters = await eventually(
    async () => (await holdfast.get<{ deadLetters: DeadLetterAnswer[] }>('/v1/dead-letters')).deadLetters,
    (found) => found.length === 2,
  )
  const letter = (id: string | undefined) => letters.find((found) => found.id === id)
  expect(letter(gone)).toMatchObject({ cause: 'rejected', status: 'exhausted', error: { code: 'ERR_HTTP_STATUS', status: 404 } })
  expect(letter(weak)).toMatchObject({ cause: 'attempts', status: 'pending', error: { status: 500 } })
  expect(target.calls.map(({ path }) => path).sort()).toEqual(['/gone', '/weak', '/weak'])
  expect((await holdfast.get<{ status: string }>('/v1/status')).status).toBe('degraded')

  target.reply = () => ({ status: 200 })
  expect(await holdfast.post('/v1/dead-letters/redrive', { dryRun: true })).toMatchObject({ body: { count: 2, dryRun: true } })
  expect(await holdfast.post(`/v1/dead-letters/${gone}/redrive`)).toMatchObject({ status: 200, body: { ids: [gone] } })
  expect(await holdfast.post('/v1/dead-letters/redrive', { target: target.origin })).toMatchObject({ body: { ids: [weak] } })
  const jobs = await eventually(() => jobsOf(holdfast, target), all('succeeded'))
  for (const job of jobs) expect(job.generation).toBe(1)
  await eventually(
    () => holdfast.get<{ status: string }>('/v1/status'),
    ({ status }) => status === 'healthy',
  )
})

// W: 18
it('brings back what died of an outage when the breaker closes: a canary first, then more', async () => {
  // Two callers are no outage, so they use up their attempts; their failures open the breaker all the same.
  const { holdfast } = await start({ http: { maxAttempts: 3 }, breaker: { failures: 4 } })
  const target = await ScriptedTarget.up({ status: 503 })
  await send(holdfast, target, 2)
  const died = await eventually(
    async () => (await holdfast.get<{ deadLetters: DeadLetterAnswer[] }>('/v1/dead-letters?status=pending')).deadLetters,
    (letters) => letters.length === 2,
  )
  for (const letter of died) expect(letter).toMatchObject({ cause: 'attempts', targetDown: true })
  expect(target.calls).toHaveLength(6)

  target.reply = () => ({ status: 200 })
  await send(holdfast, target, 1, 'probe')
  const jobs = await eventually(() => jobsOf(holdfast, target), all('succeeded'), 8000)
  expect(jobs.reduce((sum, { generation }) => sum + generation, 0)).toBe(2)
  const [probe, canary, next] = target.calls.slice(6)
  expect(probe!.path).toBe('/probe')
  // Half a second apart as they are sent; what is seen of it here depends on how busy the machine is.
  expect(next!.at - canary!.at).toBeGreaterThanOrEqual(100)
})
