/** Traps 25, 28 and 29: policies that look at load. */
import { scenario } from './scenario.ts'
import { expect, failing, held, settled, watch } from './watch.ts'

const succeeds = (): Promise<string> => Promise.resolve('ok')

export const loadScenarios = [
  scenario(25, 'a fast error does not win against a slow success', ['hedge'], async ({ hedge, time }) => {
    let run = 0
    const slow = held()
    const call = watch(() =>
      hedge({ attempts: 2, delayMs: 50 }).call((context) =>
        ++run === 1 ? slow.work(context) : Promise.reject(new Error('fast')),
      ),
    )
    await time.advance(60)
    expect(run === 2, `the first run is slow, and ${run} were begun`)
    expect(call.state === 'pending', 'the second run failed fast, and its error won while the first still ran')
    slow.succeed('slow and good')
    await time.advance(0)
    expect(call.value === 'slow and good', `the first run succeeded, and the call is ${call.state}`)
  }),
  scenario(25, 'the winner returns at once, and the losers are aborted', ['hedge'], async ({ hedge, time }) => {
    const deaf = held()
    let run = 0
    const call = watch(() =>
      hedge({ attempts: 2, delayMs: 50 }).call((context) => (++run === 1 ? deaf.work(context) : succeeds())),
    )
    await time.advance(60)
    expect(call.state === 'resolved' && call.value === 'ok', 'the second run succeeded, and the caller still waits for the first')
    expect(deaf.signals[0]?.aborted === true, 'the loser was not told to stop')
    // Nobody waits for it any more: an unhandled rejection would end the process.
    deaf.fail(new Error('the loser failed later'))
    await time.advance(10)
  }),
  scenario(25, 'it fails only when all runs have failed', ['hedge'], async ({ hedge, time }) => {
    const works = [held(), held()]
    let run = 0
    const call = watch(() => hedge({ attempts: 2, delayMs: 50 }).call((context) => works[run++]!.work(context)))
    await time.advance(60)
    works[0]!.fail(new Error('first'))
    await time.advance(0)
    expect(call.state === 'pending', 'one of two runs failed, and the call failed with it')
    works[1]!.fail(new Error('second'))
    await time.advance(0)
    expect(call.state === 'rejected', `both runs failed, and the call is ${call.state}`)
  }),
  scenario(28, 'calls that have not ended count too', ['throttle'], async ({ throttle, time }) => {
    const one = throttle()
    for (let count = 0; count < 20; count++) await settled(time, () => one.call(succeeds))
    // From now on the target answers nobody.
    const hanging = held()
    let asked = 0
    const ask = async (ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += 100, asked++) {
        watch(() => one.call(hanging.work))
        await time.advance(100)
      }
    }
    await ask(15_000)
    const before = hanging.begun
    const askedBefore = asked
    await ask(5000)
    const share = (hanging.begun - before) / (asked - askedBefore)
    expect(share < 0.8, `no call ended for 15 s, and ${Math.round(share * 100)} % of the next ones were begun all the same`)
  }),
  scenario(28, 'a few always go through, to see whether the target is back', ['throttle'], async ({ throttle, time }) => {
    const one = throttle()
    const work = failing(one.refusal)
    for (let count = 0; count < 2000; count++) await settled(time, () => one.call(work))
    expect(work.runs() < 1000, `the target refused all of 2000 calls, and ${work.runs()} were made`)
    const before = work.runs()
    for (let count = 0; count < 1000; count++) await settled(time, () => one.call(work))
    expect(work.runs() > before, 'the target was down for long, and of 1000 calls none went through to see whether it is back')
  }),
  scenario(29, 'a limit that nobody needs does not grow', ['adaptiveLimiter'], async ({ adaptiveLimiter, time }) => {
    const one = adaptiveLimiter({ initial: 10, min: 1, max: 1000 })
    for (let count = 0; count < 500; count++) {
      const work = held()
      watch(() => one.call(work.work))
      await time.advance(5)
      work.succeed()
      await time.advance(0)
    }
    expect(one.limit() <= 20, `one call ran at a time, and the limit grew from 10 to ${Math.round(one.limit())}`)
  }),
  scenario(29, 'drops lower the limit', ['adaptiveLimiter'], async ({ adaptiveLimiter, time }) => {
    const one = adaptiveLimiter({ initial: 20, min: 1, max: 100 })
    for (let round = 0; round < 40; round++) {
      const all = held()
      const calls = Array.from({ length: 20 }, () => watch(() => one.call(all.work)))
      await time.advance(10)
      while (all.running > 0) all.fail(one.dropped)
      await time.advance(200)
      expect(
        calls.every(({ state }) => state !== 'pending'),
        'a call never ended',
      )
    }
    expect(one.limit() < 15, `every call was dropped for overload, and the limit is ${Math.round(one.limit())} of 20`)
  }),
] as const
