/** Traps 8, 17, 18, 30 and 31 where calls wait: places, turns, rates. */
import { scenario } from './scenario.ts'
import { expect, held, watch } from './watch.ts'

export const queueScenarios = [
  scenario(8, 'a wall clock that steps forward does not refill a limit', ['limiter'], async ({ limiter, time }) => {
    const one = limiter({ limit: 2, perMs: 10_000 })
    await one.take('key')
    await one.take('key')
    time.stepWall(3_600_000)
    expect(!(await one.take('key')).allowed, 'the wall clock stepped forward an hour, and a spent limit was whole again')
  }),
  scenario(8, 'a wall clock that steps back does not block a limit', ['limiter'], async ({ limiter, time }) => {
    const one = limiter({ limit: 1, perMs: 1000 })
    await one.take('key')
    time.stepWall(-3_600_000)
    const refused = await one.take('key')
    expect((refused.retryAfterMs ?? 0) <= 1000, `of 1 in a second, it says to wait ${refused.retryAfterMs} ms`)
    await time.advance(1010)
    expect((await one.take('key')).allowed, 'the second was over, but the wall clock had stepped back, and it still refuses')
  }),
  scenario(8, 'a wall clock that steps back does not stall those who wait for their turn', ['pacer'], async ({ pacer, time }) => {
    const one = pacer({ limit: 1, perMs: 250 })
    const calls = Array.from({ length: 2 }, () => watch(() => one.call(() => Promise.resolve('ok'))))
    await time.advance(10)
    time.stepWall(-3_600_000)
    for (let count = 0; count < 2; count++) calls.push(watch(() => one.call(() => Promise.resolve('ok'))))
    await time.advance(1300)
    const done = calls.filter(({ state }) => state === 'resolved').length
    expect(done === 4, `${4 - done} of 4 calls still wait for their turn: the wall clock had stepped back an hour`)
  }),
  scenario(
    8,
    'a wall clock that steps back while nothing happens does not stall the next call',
    ['pacer'],
    async ({ pacer, time }) => {
      const one = pacer({ limit: 1, perMs: 250 })
      const first = watch(() => one.call(() => Promise.resolve('ok')))
      await time.advance(1000)
      expect(first.state === 'resolved', `the first call is ${first.state}`)
      time.stepWall(-3_600_000)
      const next = watch(() => one.call(() => Promise.resolve('ok')))
      await time.advance(1000)
      expect(
        next.state === 'resolved',
        'the wall clock stepped back an hour while nothing happened, and the next call waits that hour',
      )
    },
  ),
  scenario(
    17,
    'a caller that leaves the queue is gone at once, and its place is free',
    ['cancellableBulkhead'],
    async ({ cancellableBulkhead, time }) => {
      const one = cancellableBulkhead({ limit: 1, queue: 1 })
      const running = held()
      watch(() => one.call(running.work))
      await time.advance(0)
      const caller = new AbortController()
      const given = held()
      const queued = watch(() => one.call(given.work, { signal: caller.signal }))
      await time.advance(0)
      caller.abort(new Error('the caller left'))
      await time.advance(10)
      expect(queued.state === 'rejected', 'the caller left the queue, and its promise stays pending')
      const next = watch(() => one.call(() => Promise.resolve('ok')))
      await time.advance(10)
      expect(next.state === 'pending', 'the caller left the queue, and its place is still taken: the next one was refused')
      running.succeed()
      await time.advance(10)
      expect(next.state === 'resolved', `the one who waits is ${next.state} after the place was free`)
      expect(given.begun === 0, 'work whose caller had left the queue was run')
    },
  ),
  scenario(18, 'a freed place goes to the head of the queue, not to a newcomer', ['bulkhead'], async ({ bulkhead, time }) => {
    // The gap, where there is one, is some microtasks after the work has ended: every one of them is tried.
    for (let gap = 0; gap <= 12; gap++) {
      const one = bulkhead({ limit: 1, queue: 1 })
      const order: string[] = []
      const work = held()
      const named = (name: string) => () => {
        order.push(name)
        return work.work({})
      }
      watch(() => one.call(named('first')))
      await time.advance(5)
      const head = watch(() => one.call(named('head')))
      await time.advance(5)
      work.succeed()
      for (let turn = 0; turn < gap; turn++) await Promise.resolve()
      const newcomers = [1, 2].map((number) => watch(() => one.call(named(`newcomer ${number}`))))
      await time.advance(2)
      for (let rest = 0; rest < 6; rest++) {
        if (work.running > 0) work.succeed()
        await time.advance(5)
      }
      expect(head.state !== 'rejected', 'the head of the queue was refused: a newcomer took the place that had become free')
      expect(order[1] === 'head', `a newcomer was run before the head of the queue (${gap} turns after the work had ended)`)
      expect(work.mostRunning === 1, `one may run at once, and ${work.mostRunning} ran`)
      expect(
        newcomers.every(({ state }) => state !== 'pending'),
        'a newcomer never got an answer',
      )
    }
  }),
  scenario(
    30,
    'a job that does nothing costs little, however many wait',
    ['bulkhead'],
    async ({ bulkhead, time }) => {
      const jobs = 1000
      const one = bulkhead({ limit: 1, queue: jobs })
      const started = time.now()
      await Promise.all(Array.from({ length: jobs }, () => one.call(() => Promise.resolve())))
      const each = ((time.now() - started) * 1000) / jobs
      expect(each < 500, `each of ${jobs} jobs that do nothing took ${Math.round(each)} µs: a turn of the event loop`)
    },
    'real',
  ),
  scenario(
    30,
    'a failure does not cost more because many calls came before it',
    ['rateBreaker'],
    async ({ rateBreaker, time }) => {
      const few = await costOfFailures(rateBreaker, time, 500)
      const many = await costOfFailures(rateBreaker, time, 20_000)
      expect(
        many < 10 * few + 50,
        `a failing call took ${Math.round(few)} µs after 500 calls and ${Math.round(many)} µs after 20,000 in the same window`,
      )
    },
    'real',
  ),
  scenario(31, 'keys that are not used are forgotten', ['keyedLimiter'], async ({ keyedLimiter, time }) => {
    const one = keyedLimiter({ limit: 10, perMs: 500 })
    for (let key = 0; key < 2000; key++) await one.take(`key ${key}`)
    expect(one.keys() >= 2000, 'the keys are not kept while they are in use')
    await time.advance(1100)
    for (let key = 0; key < 600; key++) await one.take(`new ${key}`)
    expect(one.keys() < 1000, `${one.keys()} keys are kept, though 2000 were not used for two windows`)
  }),
  scenario(31, 'keys for which callers waited are forgotten too', ['keyedPacer'], async ({ keyedPacer, time }) => {
    const one = keyedPacer({ limit: 10, perMs: 500 })
    for (let key = 0; key < 300; key++)
      await settledSoon(
        one.call(() => Promise.resolve(), { key: `key ${key}` }),
        time,
      )
    await time.advance(1100)
    for (let key = 0; key < 90; key++)
      await settledSoon(
        one.call(() => Promise.resolve(), { key: `new ${key}` }),
        time,
      )
    expect(one.keys() < 150, `${one.keys()} keys are kept, though 300 were not used for two windows`)
  }),
  scenario(31, 'there is a cap on keys', ['cappedLimiter'], async ({ cappedLimiter }) => {
    const one = cappedLimiter({ limit: 10, perMs: 60_000, maxKeys: 100 })
    for (let key = 0; key < 1000; key++) await one.take(`key ${key}`)
    expect(one.keys() <= 100, `${one.keys()} keys are kept where 100 are the most`)
  }),
] as const

async function settledSoon(call: Promise<unknown>, time: { advance(ms: number): Promise<void> }): Promise<void> {
  const seen = watch(() => call)
  await time.advance(0)
  if (seen.state === 'pending') await time.advance(5)
}

/** µs per failing call, once so many have succeeded in the window. */
async function costOfFailures(
  make: (spec: { failureRate: number; minimumCalls: number; windowMs: number; openMs: number }) => {
    call(work: () => unknown): Promise<unknown>
  },
  time: { now(): number },
  before: number,
): Promise<number> {
  const one = make({ failureRate: 0.99, minimumCalls: 1_000_000, windowMs: 60_000, openMs: 1000 })
  for (let count = 0; count < before; count++) await one.call(() => Promise.resolve())
  const down = new Error('the target is down')
  const costs: number[] = []
  for (let count = 0; count < 41; count++) {
    const started = time.now()
    await one.call(() => Promise.reject(down)).catch(() => {})
    costs.push((time.now() - started) * 1000)
  }
  // The median: on a busy machine a call now and then waits for the processor, which says nothing of what it costs.
  return costs.sort((a, b) => a - b)[20] as number
}
