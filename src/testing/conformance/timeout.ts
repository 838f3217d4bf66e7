/** Traps 9 and 13 to 16: what a limit on time does to the caller, to the work, and to others. */
import { scenario } from './scenario.ts'
import { cooperative, expect, failing, held, MONTH, settled, watch } from './watch.ts'

export const timeoutScenarios = [
  scenario(9, 'a timeout beyond the longest timer does not fire at once', ['timeout'], async ({ timeout, time }) => {
    const work = held()
    const one = timeout(MONTH)
    const call = watch(() => one.call(work.work))
    await time.advance(100)
    expect(call.state === 'pending', 'a timeout of 30 days was over within 100 ms')
    work.succeed('ok')
    await time.advance(10)
    expect(call.state === 'resolved', `the work succeeded, and the call is ${call.state}`)
  }),
  scenario(9, 'a wait beyond the longest timer does not end at once', ['retry'], async ({ retry, time }) => {
    const work = failing()
    const one = retry({ attempts: 2, delayMs: MONTH, maxDelayMs: MONTH })
    watch(() => one.call(work))
    await time.advance(100)
    expect(work.runs() === 1, 'a wait of 30 days before the second attempt was over within 100 ms')
  }),
  scenario(9, 'an open time beyond the longest timer does not end at once', ['breaker'], async ({ breaker, time }) => {
    const one = breaker({ failures: 1, openMs: MONTH })
    await settled(time, () => one.call(failing()))
    await time.advance(100)
    const next = await settled(time, () => one.call(() => Promise.resolve('ok')))
    expect(next.state === 'rejected', 'a breaker that opened for 30 days let a call through after 100 ms')
  }),
  scenario(9, 'a limit over more than the longest timer limits', ['limiter'], async ({ limiter, time }) => {
    const one = limiter({ limit: 2, perMs: MONTH })
    const answers: boolean[] = []
    for (let count = 0; count < 4; count++) {
      answers.push((await one.take('key')).allowed)
      await time.advance(20)
    }
    expect(answers.filter(Boolean).length === 2, `of 2 in 30 days, ${answers.filter(Boolean).length} of 4 were let through`)
  }),
  scenario(9, 'a pace over more than the longest timer is kept', ['pacer'], async ({ pacer, time }) => {
    const one = pacer({ limit: 2, perMs: MONTH })
    const work = held()
    for (let count = 0; count < 4; count++) watch(() => one.call(work.work))
    await time.advance(100)
    expect(work.begun === 2, `of 2 in 30 days, ${work.begun} of 4 were begun within 100 ms`)
  }),
  scenario(
    13,
    'work that ignores its signal does not keep the caller beyond the limit',
    ['timeout'],
    async ({ timeout, time }) => {
      const deaf = held()
      const call = watch(() => timeout(100).call(deaf.work))
      await time.advance(110)
      expect(call.state === 'rejected', 'the time is up, and the caller still waits for work that ignores its signal')
    },
  ),
  scenario(
    14,
    "a caller's cancel is not reported as a timeout",
    ['cancellableTimeout'],
    async ({ cancellableTimeout, time, isTimeout }) => {
      for (const work of [cooperative, held().work]) {
        const caller = new AbortController()
        const call = watch(() => cancellableTimeout(1000).call(work, { signal: caller.signal }))
        await time.advance(30)
        caller.abort(new Error('the caller left'))
        await time.advance(10)
        expect(call.state === 'rejected', `the caller left, and the call is ${call.state}`)
        expect(!isTimeout?.(call.error), `the caller left after 30 of 1000 ms, and is told: '${String(call.error)}'`)
      }
    },
  ),
  scenario(
    14,
    'a timeout is not reported as a cancel',
    ['cancellableTimeout'],
    async ({ cancellableTimeout, time, isTimeout }) => {
      const call = watch(() => cancellableTimeout(50).call(cooperative, { signal: new AbortController().signal }))
      await time.advance(60)
      expect(call.state === 'rejected', `the time is up, and the call is ${call.state}`)
      expect(isTimeout?.(call.error) ?? false, `the time was up, and the caller is told: '${String(call.error)}'`)
    },
  ),
  scenario(
    15,
    "one call's timeout leaves the signals of others alone",
    ['signallingTimeout'],
    async ({ signallingTimeout, time }) => {
      const shared = signallingTimeout(100)
      const work = held()
      watch(() => shared.call(work.work))
      await time.advance(60)
      watch(() => shared.call(work.work))
      await time.advance(60)
      const [first, second] = work.signals
      expect(first?.aborted === true, 'the first call timed out, and its signal did not abort')
      expect(second?.aborted === false, 'one call timed out, and the signal of another, which had time left, aborted too')
      watch(() => shared.call(work.work))
      await time.advance(0)
      expect(work.signals[2]?.aborted === false, 'after a timeout a later call begins with an aborted signal')
    },
  ),
  scenario(
    16,
    'a place is not given away while the work that timed out still runs',
    ['timedBulkhead'],
    async ({ timedBulkhead, time }) => {
      const shared = timedBulkhead({ limit: 1, limitMs: 50 })
      const work = held()
      for (let count = 0; count < 4; count++) {
        watch(() => shared.call(work.work))
        await time.advance(60)
      }
      expect(
        work.mostRunning === 1,
        `one may run at once; ${work.mostRunning} ran, since work that timed out gave its place away`,
      )
    },
  ),
] as const
