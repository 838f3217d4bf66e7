/** Traps 10 to 13, 26, 27 and 33: attempts, waits between them, and who may end them. */
import type { ConformanceTime } from './adapter.ts'
import { scenario } from './scenario.ts'
import { expect, failing, held, settled, watch } from './watch.ts'

/** Work that fails and notes when it ran. */
function noting(time: ConformanceTime, error: () => unknown = () => new Error('the target is down')) {
  const at: number[] = []
  const work = (): Promise<never> => {
    at.push(time.now())
    return Promise.reject(error())
  }
  return { work, at, waits: () => at.slice(1).map((moment, index) => Math.round(moment - at[index]!)) }
}

export const retryScenarios = [
  scenario(10, 'jitter is still there when waits have reached their cap', ['jitteredRetry'], async ({ jitteredRetry, time }) => {
    expect(time.exact, 'this needs a clock that stands still')
    const capped: number[] = []
    for (let run = 0; run < 4; run++) {
      const { work, waits } = noting(time)
      watch(() => jitteredRetry({ attempts: 8, delayMs: 100, factor: 2, maxDelayMs: 400 }).call(work))
      await time.advance(8 * 1000)
      expect(waits().length === 7, `it made ${waits().length + 1} attempts of 8`)
      capped.push(...waits().slice(4))
    }
    const different = new Set(capped).size
    expect(different > 4, `${capped.length} waits at the cap had ${different} different lengths: everybody comes back at once`)
  }),
  scenario(11, 'the growth that was asked for is the growth of the waits', ['growingRetry'], async ({ growingRetry, time }) => {
    const { work, waits } = noting(time)
    watch(() => growingRetry({ attempts: 4, delayMs: 10, factor: 5, maxDelayMs: 10_000 }).call(work))
    for (const wait of [10, 50, 250]) await time.advance(wait + 5)
    const [first = 0, , third = 0] = waits()
    expect(waits().length === 3 && third > 12 * first, `waits that should grow fivefold were ${waits().join(', ')} ms`)
  }),
  scenario(11, 'an option that does not exist is an error', ['unknownOptions'], async ({ unknownOptions }) => {
    for (const [name, make] of unknownOptions()) {
      let refused = false
      try {
        make()
      } catch {
        refused = true
      }
      expect(refused, `${name} took an option that does not exist`)
    }
  }),
  scenario(
    12,
    'an abort ends the wait between attempts at once, and there is no further attempt',
    ['cancellableRetry'],
    async ({ cancellableRetry, time }) => {
      const work = failing()
      const caller = new AbortController()
      const call = watch(() => cancellableRetry({ attempts: 3, delayMs: 400 }).call(work, { signal: caller.signal }))
      await time.advance(50)
      caller.abort(new Error('the caller left'))
      await time.advance(0)
      const atOnce = call.state
      await time.advance(1000)
      expect(work.runs() === 1, `the caller left during the wait, and the work was run ${work.runs() - 1} times more`)
      expect(atOnce === 'rejected', 'the caller left, and the call stayed pending until its wait was over')
    },
  ),
  scenario(12, 'a signal that is aborted beforehand runs nothing', ['cancellableRetry'], async ({ cancellableRetry, time }) => {
    const work = failing()
    await settled(time, () => cancellableRetry({ attempts: 1, delayMs: 1 }).call(work, { signal: AbortSignal.abort() }))
    expect(work.runs() === 0, 'the signal was aborted beforehand, and the work was run')
  }),
  scenario(
    13,
    'an attempt that ignores its signal does not keep the caller',
    ['cancellableRetry'],
    async ({ cancellableRetry, time }) => {
      const deaf = held()
      const caller = new AbortController()
      const call = watch(() => cancellableRetry({ attempts: 3, delayMs: 10 }).call(deaf.work, { signal: caller.signal }))
      await time.advance(0)
      expect(deaf.begun === 1, 'the work was not run')
      caller.abort(new Error('the caller left'))
      await time.advance(50)
      expect(call.state === 'rejected', 'the caller left, and its promise stays pending as long as the attempt hangs')
    },
  ),
  scenario(
    26,
    'the budget is taken before the wait, so that waiting calls are counted',
    ['budgetedRetry'],
    async ({ budgetedRetry, time }) => {
      const shared = budgetedRetry({ attempts: 2, delayMs: 100, budget: 2 })
      const works = Array.from({ length: 10 }, () => failing())
      const calls = works.map((work) => watch(() => shared.call(work)))
      await time.advance(0)
      const refused = calls.filter(({ state }) => state === 'rejected').length
      expect(refused >= 8, `${10 - refused} of 10 calls wait for a retry that a budget of 2 cannot pay for`)
      await time.advance(200)
      const retried = works.filter((work) => work.runs() > 1).length
      expect(retried <= 2, `${retried} calls were retried on a budget of 2`)
    },
  ),
  scenario(26, 'a budget that refuses leaves the real error to be seen', ['budgetedRetry'], async ({ budgetedRetry, time }) => {
    const shared = budgetedRetry({ attempts: 2, delayMs: 100, budget: 1 })
    watch(() => shared.call(failing()))
    const real = new Error('the real error')
    const refused = await settled(time, () => shared.call(failing(real)))
    await time.advance(300)
    expect(refused.error === real, `the call failed with '${String(refused.error)}' in place of its own error`)
  }),
  scenario(
    27,
    'a server that asks for a wait gets it: in seconds, as a date, in milliseconds',
    ['obedientRetry'],
    async ({ obedientRetry, time }) => {
      // A date has whole seconds, so the moment it is read from must be one.
      await time.advance(1000 - (time.wallNow() % 1000))
      const inThreeSeconds = new Date(time.wallNow() + 3000).toUTCString()
      const forms: readonly (readonly [Readonly<Record<string, string>>, number])[] = [
        [{ 'retry-after': inThreeSeconds }, 3000],
        [{ 'retry-after': '2' }, 2000],
        [{ 'retry-after-ms': '1500' }, 1500],
        [{ 'retry-after': '0' }, 0],
      ]
      for (const [headers, wanted] of forms) {
        const retry = obedientRetry({ attempts: 2, delayMs: 700, longestMs: 60_000 })
        const { work, waits } = noting(time, () => retry.failure(headers))
        watch(() => retry.call(work))
        await time.advance(5000)
        expect(waits()[0] === wanted, `told ${JSON.stringify(headers)}, it waited ${waits()[0]} ms in place of ${wanted}`)
      }
    },
  ),
  scenario(27, 'a server that asks for too long is not obeyed for ever', ['obedientRetry'], async ({ obedientRetry, time }) => {
    const retry = obedientRetry({ attempts: 2, delayMs: 10, longestMs: 1000 })
    const work = failing(retry.failure({ 'retry-after': '86400' }))
    const call = watch(() => retry.call(work))
    await time.advance(1500)
    expect(call.state === 'rejected', 'told to wait a day where a second is the most, the call still waits')
  }),
  scenario(27, 'a wait beyond the deadline is given up now', ['boundedObedientRetry'], async ({ boundedObedientRetry, time }) => {
    const retry = boundedObedientRetry({ attempts: 2, delayMs: 10, withinMs: 1000 })
    const failure = retry.failure({ 'retry-after': '30' })
    const call = await settled(time, () => retry.call(failing(failure)))
    expect(call.state === 'rejected', 'told to wait 30 s of the 1 s it has, the call waits instead of failing now')
    expect(call.error === failure, 'it failed with another error than that of its last attempt')
  }),
  scenario(33, 'maxAttempts counts the first call', ['maxAttempts'], async ({ maxAttempts, time }) => {
    const work = failing()
    watch(() => maxAttempts(3).call(work))
    await time.advance(1000)
    expect(work.runs() === 3, `with maxAttempts 3 the work was run ${work.runs()} times`)
  }),
] as const
