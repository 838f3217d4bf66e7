/** Traps 19 to 24 and 32: listeners, options, restarts, ends, stores, and what an operation may be. */
import type { BreakerPart, ConformanceTime } from './adapter.ts'
import { scenario } from './scenario.ts'
import { expect, failing, settled, watch } from './watch.ts'

const SPEC = { failures: 2, openMs: 1000 }
const succeeds = (): Promise<string> => Promise.resolve('ok')

async function trip(breaker: BreakerPart, time: ConformanceTime): Promise<void> {
  for (let count = 0; count < SPEC.failures; count++) await settled(time, () => breaker.call(failing()))
  expect(breaker.state() === 'open', `it is ${breaker.state()} after ${SPEC.failures} failures in a row`)
}

export const surroundingScenarios = [
  scenario(19, 'a listener that throws does not touch the call', ['observed'], async ({ observed, time }) => {
    let heard = 0
    const one = observed(() => {
      heard++
      throw new Error('the listener broke')
    })
    const good = watch(() => one.call(succeeds))
    await time.advance(50)
    expect(good.state === 'resolved' && good.value === 'ok', `a listener threw, and the call that succeeded is ${good.state}`)
    const real = new Error('the real error')
    const bad = watch(() => one.call(failing(real)))
    await time.advance(500)
    expect(heard > 0, 'the listener heard nothing')
    expect(bad.error === real, `a listener threw, and the call failed with '${String(bad.error)}' in place of its own error`)
  }),
  scenario(
    20,
    'options are not written into, and what is made of the same options shares nothing',
    ['twins'],
    async ({ twins, time }) => {
      const { options, make } = twins()
      const before = Object.keys(options).sort().join(', ')
      const [one, other] = [make(options), make(options)]
      const first = watch(() => one.call(() => Promise.resolve('of one')))
      await time.advance(20)
      const second = watch(() => other.call(() => Promise.resolve('of the other')))
      await time.advance(20)
      expect(first.value === 'of one', `one answered '${String(first.value)}'`)
      expect(second.value === 'of the other', `two were made of the same options, and one returned the data of the other`)
      const after = Object.keys(options).sort().join(', ')
      expect(after === before, `the caller's options object was written into: it had ${before}, and has ${after}`)
    },
  ),
  scenario(21, 'a breaker that has just opened is open after a restart', ['storedBreaker'], async ({ storedBreaker, time }) => {
    const old = storedBreaker(SPEC)
    await time.advance(3 * SPEC.openMs)
    await trip(old, time)
    await time.advance(100)
    const revived = storedBreaker(SPEC, structuredClone(old.snapshot()))
    const call = await settled(time, () => revived.call(succeeds))
    expect(call.state === 'rejected', 'it had just opened, and after a restart it let a call through')
  }),
  scenario(21, 'a restart does not begin the open time again', ['storedBreaker'], async ({ storedBreaker, time }) => {
    const old = storedBreaker(SPEC)
    await trip(old, time)
    await time.advance(0.8 * SPEC.openMs)
    const revived = storedBreaker(SPEC, structuredClone(old.snapshot()))
    await time.advance(0.4 * SPEC.openMs)
    const call = await settled(time, () => revived.call(succeeds))
    expect(call.state === 'resolved', 'its open time was over, but it counts from the restart')
  }),
  scenario(
    21,
    'a breaker that was taken out of use can be put back after a restart',
    ['isolatableBreaker'],
    async ({ isolatableBreaker, time }) => {
      const old = isolatableBreaker(SPEC)
      old.isolate()
      const revived = isolatableBreaker(SPEC, structuredClone(old.snapshot()))
      const refused = await settled(time, () => revived.call(succeeds))
      expect(refused.state === 'rejected', 'it was taken out of use, and after a restart it lets calls through')
      revived.release()
      const call = await settled(time, () => revived.call(succeeds))
      expect(call.state === 'resolved', 'it was put back into use after a restart, and still refuses every call')
    },
  ),
  scenario(22, 'what was shut down stays so, and holds nothing', ['stoppable'], async ({ stoppable, time }) => {
    const timersBefore = time.pendingTimers?.() ?? 0
    let healthy = true
    const check = (): Promise<void> => (healthy ? Promise.resolve() : Promise.reject(new Error('unhealthy')))
    const one = stoppable({ checkEveryMs: 50, check })
    await time.advance(10)
    let ran = 0
    watch(() => one.call(() => Promise.resolve(++ran)))
    await time.advance(20)
    expect(ran === 1, 'it ran nothing before its end')
    healthy = false
    await quiet(one.stop())
    await quiet(one.stop())
    let runs = 0
    for (let round = 0; round < 3; round++) {
      const call = await settled(time, () => one.call(() => Promise.resolve(++runs)))
      expect(call.state !== 'resolved' && runs === 0, `${round === 0 ? 'just' : 'some time'} after its end it ran a call`)
      await time.advance(1000)
    }
    const left = (time.pendingTimers?.() ?? 0) - timersBefore
    expect(left <= 0, `${left} timers are left after its end`)
  }),
  scenario(23, 'a store that answers with promises is waited for', ['storedCache'], async ({ storedCache, time }) => {
    const kept = new Map<string, unknown>()
    const one = storedCache({
      get: async (key) => kept.get(key),
      set: async (key, value) => {
        kept.set(key, await value)
      },
    })
    let runs = 0
    const work = (): Promise<string> => Promise.resolve(`answer ${++runs}`)
    const first = await settled(time, () => one.call(work, { key: 'question' }))
    expect(
      first.state === 'resolved' && first.value === 'answer 1',
      `the store was empty, and the first call answered '${String(first.value)}'`,
    )
    await time.advance(10)
    const second = await settled(time, () => one.call(work, { key: 'question' }))
    expect(second.value === 'answer 1', `the answer is in the store, and the second call answered '${String(second.value)}'`)
  }),
  scenario(
    24,
    'a composition tells of what happens in any of its parts',
    ['observedCompositions'],
    async ({ observedCompositions, time }) => {
      let heard = 0
      const listener = (): void => {
        heard++
      }
      for (const [name, one] of Object.entries(observedCompositions(listener))) {
        heard = 0
        let runs = 0
        const call = watch(() =>
          one.call(() => (++runs < 3 ? Promise.reject(new Error('the target is down')) : Promise.resolve('ok'))),
        )
        await time.advance(1000)
        expect(call.state === 'resolved' && runs === 3, `${name} made ${runs} attempts and is ${call.state}`)
        expect(
          heard > 0,
          `a call through ${name} failed twice, was retried and succeeded, and who listens to the whole heard nothing`,
        )
      }
    },
  ),
  scenario(32, 'an operation may be anything that can be awaited', ['callers'], async ({ callers, time }) => {
    const thenable = { then: (resolve: (value: string) => void) => resolve('in the end') }
    const thrown = new Error('thrown before there was a promise')
    for (const [name, caller] of Object.entries(callers())) {
      const run = async (work: () => unknown): Promise<ReturnType<typeof watch>> => {
        const seen = watch(() => caller.call(work))
        await time.advance(100)
        return seen
      }
      const nothing = await run(() => undefined)
      expect(
        nothing.state === 'resolved' && nothing.value === undefined,
        `${name}: an operation that returns nothing ${told(nothing)}`,
      )
      const plain = await run(() => 5)
      expect(plain.value === 5, `${name}: an operation that returns 5 without a promise ${told(plain)}`)
      const late = await run(() => thenable)
      expect(late.value === 'in the end', `${name}: an operation that returns a thenable ${told(late)}`)
      const sync = await run(() => {
        throw thrown
      })
      expect(sync.error === thrown, `${name}: an operation that throws before there is a promise ${told(sync)}`)
      const odd = await run(() => Promise.reject('a string'))
      expect(odd.error === 'a string', `${name}: an operation that rejects with a string ${told(odd)}`)
    }
  }),
] as const

function told({ state, value, error }: { state: string; value: unknown; error: unknown }): string {
  if (state === 'pending') return 'never ended'
  return state === 'resolved' ? `resolved to ${JSON.stringify(value)}` : `failed with '${String(error)}'`
}

/** An end may be told by a promise, and a second one may be refused: neither is the point. */
async function quiet(end: unknown): Promise<void> {
  try {
    await end
  } catch {}
}
