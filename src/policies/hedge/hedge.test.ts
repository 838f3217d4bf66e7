import { getEventListeners } from 'node:events'
import { describe, expect, it, vi } from 'vitest'
import { type HoldfastEvent, listenerErrors } from '../../core/events.ts'
import type { Execution } from '../../core/operation.ts'
import { compose, policy as layered } from '../../core/policy.ts'
import { seededRandom } from '../../core/random.ts'
import { wheelOf } from '../../core/timer-wheel.ts'
import { scripted } from '../../testing/scripted-operation.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { budget } from '../budget/budget.ts'
import { bulkhead } from '../bulkhead/bulkhead.ts'
import { circuitBreaker } from '../circuit-breaker/circuit-breaker.ts'
import { coalesce } from '../coalesce/coalesce.ts'
import { retry } from '../retry/retry.ts'
import { timeout } from '../timeout/timeout.ts'
import { type HedgeOptions, hedge } from './hedge.ts'
import { hedgeFailuresOf } from './history.ts'
import { hedgeNumberOf } from './number.ts'

const broken = () => {
  throw new Error('rule')
}

function setup(options: HedgeOptions = {}) {
  const clock = new VirtualClock()
  const policy = hedge({ delay: 10, clock, ...options })
  const operation = scripted<string>({ clock })
  const events: HoldfastEvent[] = []
  const told = () => events.map(({ type }) => type)
  return { clock, policy, operation, events, told, watch: () => policy.observe((event) => events.push(event)) }
}

/** What a call came to, and when. */
function ends(clock: VirtualClock, call: Promise<unknown>) {
  const end: { at?: number; value?: unknown; error?: unknown } = {}
  call.then(
    (value) => Object.assign(end, { at: clock.now(), value }),
    (error) => Object.assign(end, { at: clock.now(), error }),
  )
  return end
}

describe('a hedge', () => {
  it('calls once when the answer comes in time, and leaves nothing', async () => {
    const { clock, policy, operation } = setup()
    const end = ends(clock, policy.execute(operation.resolvesAfter(9, 'first')))
    await clock.advance(50)
    expect(end).toEqual({ at: 9, value: 'first' })
    expect([operation.calls.length, clock.pendingTimers({ includeIdle: true })]).toEqual([1, 0])
  })

  it('calls again when it takes too long, and the first answer wins', async () => {
    const { clock, policy, operation } = setup()
    const end = ends(clock, policy.execute(operation.resolvesAfter(100, 'first', 1).resolvesAfter(5, 'second')))
    await clock.advance(15)
    expect(end).toEqual({ at: 15, value: 'second' })
    expect(operation.calls.map(({ at }) => at)).toEqual([0, 10])
  })

  it('lets the first call win over its hedge too', async () => {
    const { clock, policy, operation } = setup()
    const end = ends(clock, policy.execute(operation.resolvesAfter(12, 'first', 1).resolvesAfter(5, 'second')))
    await clock.advance(50)
    expect(end).toEqual({ at: 12, value: 'first' })
  })

  it('starts each hedge a delay after the one before, and no more than it may', async () => {
    const { clock, policy, operation } = setup({ maxHedges: 3 })
    void policy.execute(operation.hangsUntilAborted())
    await clock.advance(1000)
    expect(operation.calls.map(({ at }) => at)).toEqual([0, 10, 20, 30])
  })

  it('starts all at once without a delay', async () => {
    const { clock, policy, operation, events, watch } = setup({ delay: 0, maxHedges: 2 })
    watch()
    const end = ends(clock, policy.execute(operation.resolvesAfter(9, 'a', 1).resolvesAfter(3, 'b', 1).resolvesAfter(5, 'c')))
    expect(operation.calls).toHaveLength(3)
    expect(events).toMatchObject([1, 2].map((number) => ({ type: 'hedge.started', hedge: number, reason: 'delay' })))
    await clock.advance(3)
    expect(end).toEqual({ at: 3, value: 'b' })
    expect(operation.calls.map(({ at }) => at)).toEqual([0, 0, 0])
  })

  it('waits for the others when one of those that started at once fails', async () => {
    const { clock, policy, operation } = setup({ delay: 0 })
    const end = ends(clock, policy.execute(operation.rejectsAfter(5, new Error('down'), 1).resolvesAfter(9, 'b')))
    await clock.advance(20)
    expect(end).toEqual({ at: 9, value: 'b' })
  })

  it('calls once when the answer is there at once, whatever the delay', async () => {
    const { policy, operation } = setup({ delay: 0 })
    expect(await policy.execute(operation.returns('now'))).toBe('now')
    expect(operation.calls).toHaveLength(1)
  })

  it('starts none by time with an endless delay, and the next at once after a failure', async () => {
    const { clock, policy, operation } = setup({ delay: Number.POSITIVE_INFINITY })
    const end = ends(clock, policy.execute(operation.rejectsAfter(500, new Error('down'), 1).resolvesAfter(5, 'b')))
    expect([clock.pendingTimers({ includeIdle: true }), wheelOf(clock).size]).toEqual([1, 0])
    await clock.advance(1000)
    expect(end).toEqual({ at: 505, value: 'b' })
  })

  it('asks for each delay, with the number of the hedge', async () => {
    const delay = vi.fn((execution: Execution, number: number) => (execution.operation === 'search' ? number * 10 : 0))
    const { clock, policy, operation } = setup({ delay, maxHedges: 2 })
    void policy.execute(operation.hangsUntilAborted(), { operation: 'search' })
    await clock.advance(100)
    expect(operation.calls.map(({ at }) => at)).toEqual([0, 10, 30])
    expect(delay.mock.calls.map(([, number]) => number)).toEqual([1, 2])
  })

  it('can be switched off', async () => {
    const { clock, policy, operation } = setup({ maxHedges: 0 })
    const end = ends(clock, policy.execute(operation.resolvesAfter(100, 'first')))
    await clock.advance(100)
    expect([end.value, operation.calls.length, policy.executeSync(() => 'sync')]).toEqual(['first', 1, 'sync'])
  })

  it('tells the operation which of the calls it is, also through policies further in', async () => {
    const { clock, policy } = setup({ maxHedges: 2 })
    const numbers: number[] = []
    const stack = compose(policy, retry({ maxAttempts: 2, backoff: () => 1, clock }), timeout({ limit: 500, clock }))
    const call = stack.execute((execution) => {
      numbers.push(hedgeNumberOf(execution), execution.attempt)
      if (numbers.length === 2) throw new Error('again')
      if (numbers.length === 8) return 'done'
      return new Promise(() => {})
    })
    await clock.advance(30)
    expect([await call, numbers]).toEqual(['done', [0, 1, 0, 2, 1, 1, 2, 1]])
    expect(hedgeNumberOf({} as Execution)).toBe(0)
  })

  it('may stand in another: the number is that of the innermost that is not a first call', async () => {
    const { clock, policy } = setup({ delay: 10 })
    const numbers: number[] = []
    const stack = compose(policy, hedge({ delay: 4, maxHedges: 2, clock }))
    void stack.execute((execution) => {
      numbers.push(hedgeNumberOf(execution))
      return new Promise(() => {})
    })
    await clock.advance(100)
    expect(numbers).toEqual([0, 1, 2, 1, 1, 2])
  })
})

describe('a failure under a hedge', () => {
  // T: 25
  it('never wins while another call can: the next starts at once and its answer is the answer', async () => {
    const { clock, policy, operation } = setup()
    const end = ends(clock, policy.execute(operation.rejectsAfter(2, new Error('fast'), 1).resolvesAfter(50, 'slow')))
    await clock.advance(100)
    expect(end).toEqual({ at: 52, value: 'slow' })
  })

  // T: 25
  it('of the hedge does not end the first call', async () => {
    const { clock, policy, operation } = setup()
    const end = ends(clock, policy.execute(operation.resolvesAfter(90, 'slow', 1).rejectsAfter(1)))
    await clock.advance(100)
    expect(end).toEqual({ at: 90, value: 'slow' })
  })

  it('is the answer when all have failed: the last, with the others to be read', async () => {
    const { clock, policy, operation } = setup({ isAcceptable: (value) => value !== 'poor' })
    const [first, last] = [new Error('first'), new Error('last')]
    operation.rejectsAfter(15, last, 1).rejectsAfter(2, first, 1)
    const end = ends(clock, policy.execute(operation))
    await clock.advance(100)
    expect(end).toEqual({ at: 15, error: last })
    expect(hedgeFailuresOf(end.error)).toEqual([
      { hedge: 1, error: first },
      { hedge: 0, error: last },
    ])
    expect([hedgeFailuresOf(first), hedgeFailuresOf('text'), hedgeFailuresOf(null)]).toEqual([[], [], []])
  })

  it('is an unacceptable result too, which is returned when it comes last', async () => {
    const { clock, policy, operation } = setup({ isAcceptable: (value) => value !== 'poor' })
    const end = ends(clock, policy.execute(operation.resolvesAfter(1, 'poor', 1).resolvesAfter(7, 'good')))
    await clock.advance(100)
    expect(end).toEqual({ at: 8, value: 'good' })
    const poor = scripted({ clock }).resolvesAfter(1, 'poor')
    const second = ends(clock, policy.execute(poor))
    await clock.advance(100)
    expect([second.value, poor.calls.length]).toEqual(['poor', 2])
  })

  it('that another call could not mend starts none, and lets those that run go on', async () => {
    const { clock, policy, operation } = setup({ maxHedges: 2 })
    const refused = Object.assign(new Error('no such thing'), { status: 404 })
    const alone = ends(clock, policy.execute(scripted({ clock }).rejectsAfter(5, refused)))
    const pair = ends(clock, policy.execute(operation.resolvesAfter(50, 'found', 1).rejectsAfter(1, refused)))
    await clock.advance(100)
    expect(alone).toEqual({ at: 5, error: refused })
    expect([pair, operation.calls.length]).toEqual([{ at: 50, value: 'found' }, 2])
  })

  it('that is fatal is the answer at once', async () => {
    const fatal = new Error('fatal')
    const { clock, policy, operation } = setup({ isFatal: (error) => error === fatal })
    const end = ends(clock, policy.execute(operation.hangsUntilAborted(1).rejectsAfter(1, fatal)))
    await clock.advance(100)
    expect(end).toEqual({ at: 11, error: fatal })
    expect(operation.running).toBe(0)
  })

  it('is whatever the user says', async () => {
    const { clock, policy, operation } = setup({ hedgeIf: () => false })
    const end = ends(clock, policy.execute(operation.rejectsAfter(5, 'down')))
    await clock.advance(100)
    expect([end, operation.calls.length]).toEqual([{ at: 5, error: 'down' }, 1])
  })

  // T: 32
  it('may be synchronous, and so may be the answer', async () => {
    const { clock, policy, operation } = setup({ maxHedges: 4 })
    expect(await policy.execute(() => undefined)).toBeUndefined()
    expect(clock.pendingTimers({ includeIdle: true })).toBe(0)
    operation.throwsSync(2).returns('now')
    expect(await policy.execute(operation)).toBe('now')
    const always = scripted().throwsSync()
    await expect(policy.execute(always)).rejects.toThrow('scripted failure 5')
    const thenable = { then: (yes: (value: string) => void) => yes('adopted') } as PromiseLike<string>
    expect(await policy.execute(() => thenable)).toBe('adopted')
    await clock.advance(10)
    expect(clock.pendingTimers({ includeIdle: true })).toBe(0)
  })

  it.each<[string, HedgeOptions, Record<string, unknown>]>([
    ['isAcceptable', { isAcceptable: broken }, { value: 'ok', at: 10 }],
    ['hedgeIf', { hedgeIf: broken, maxHedges: 2 }, { error: new Error('scripted failure 2'), at: 60 }],
    ['isFatal', { isFatal: broken }, { error: new Error('scripted failure 2'), at: 60 }],
    ['delay', { delay: broken }, { value: 'slow', at: 60 }],
    ['budget.reserve', { budget: { noteCall() {}, refund() {}, reserve: broken } }, { value: 'slow', at: 60 }],
  ])('in the rule %s is reported, and takes away neither a value nor an error', async (rule, options, expected) => {
    const report = vi.spyOn(listenerErrors, 'report').mockImplementation(() => {})
    const { clock, policy, operation } = setup(options)
    if (rule === 'delay' || rule === 'budget.reserve' || rule === 'isAcceptable') operation.resolvesAfter(60, 'slow', 1)
    else operation.rejectsAfter(60, new Error('scripted failure 2'), 1)
    if (rule === 'isAcceptable') operation.resolves('ok')
    else operation.fails()
    const end = ends(clock, policy.execute(operation))
    await clock.advance(100)
    expect(end).toEqual(expected)
    expect(clock.pendingTimers({ includeIdle: true })).toBe(0)
    expect(report).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message: 'rule' }), `hedge.${rule}`)
    report.mockRestore()
  })
})

describe('the losers of a hedge', () => {
  // T: 25, 15
  it('are aborted by a signal of their own, and the winner is not', async () => {
    const { clock, policy, operation } = setup({ maxHedges: 2 })
    operation.hangsUntilAborted(1).resolvesAfter(15, 'b', 1).hangsUntilAborted()
    await Promise.all([policy.execute(operation), clock.advance(50)])
    const [first, second, third] = operation.signals
    expect([first!.aborted, second!.aborted, third!.aborted]).toEqual([true, false, true])
    expect(first!.reason).toMatchObject({ name: 'AbortError', message: 'another call of this hedge has answered' })
    expect(operation.running).toBe(0)
  })

  // T: 25
  it('make the winner wait for nothing, and reject unheard', async () => {
    const hedgeIf = vi.fn(() => true)
    const { clock, policy, operation } = setup({ hedgeIf })
    const end = ends(clock, policy.execute(operation.rejectsAfter(500, new Error('late'), 1).resolvesAfter(5, 'b')))
    await clock.advance(20)
    expect(end).toEqual({ at: 15, value: 'b' })
    await clock.advance(1000)
    expect(hedgeIf, 'no rule is asked about them').not.toHaveBeenCalled()
  })

  // T: 16
  it('count as abandoned while they go on', async () => {
    const { clock, policy, operation, told, watch } = setup()
    watch()
    void policy.execute(operation.hangs(1).resolves('b'))
    await clock.advance(10)
    expect([policy.status().abandoned, told()]).toEqual([1, ['hedge.started', 'hedge.won', 'hedge.cancelled', 'hedge.abandoned']])
    operation.release()
    await clock.advance(0)
    expect(policy.status().abandoned).toBe(0)
  })

  it('keep no process alive for being counted', () => {
    const { clock, policy, operation } = setup({ delay: 0 })
    void policy.execute(operation.hangs(1).returns('b'))
    expect([clock.pendingTimers(), clock.pendingTimers({ includeIdle: true })]).toEqual([0, 1])
  })

  // T: 25
  it('are no failures for a breaker further in, whatever they end with', async () => {
    const { clock, policy } = setup()
    const breaker = circuitBreaker({ clock, trip: { consecutive: 1 } })
    for (const loser of [scripted({ clock }).hangsUntilAborted(1), scripted({ clock }).rejectsAfter(500, new Error('late'), 1)]) {
      const call = compose(policy, breaker).execute(loser.resolvesAfter(1, 'b'))
      await clock.advance(1000)
      await call
    }
    expect(breaker.status()).toMatchObject({ state: 'closed', failures: 0, stale: 0 })
  })

  // T: 16
  it('keep their place in a bulkhead further in until they end', async () => {
    const { clock, policy, operation } = setup()
    const places = bulkhead({ limit: 2, clock })
    const call = compose(policy, places).execute(operation.hangs(1).resolves('b'))
    await clock.advance(10)
    await call
    expect(places.snapshot().inFlight).toBe(1)
    operation.release()
    await clock.advance(0)
    expect(places.snapshot().inFlight).toBe(0)
  })

  // T: 17
  it('leave a queue further in at once', async () => {
    const { clock, policy, operation } = setup()
    const places = bulkhead({ limit: 1, queue: 1, clock })
    const controller = new AbortController()
    const { signal } = controller
    const end = ends(clock, compose(policy, places).execute(operation.hangsUntilAborted(), { signal }))
    await clock.advance(15)
    expect(places.snapshot().queued).toBe(1)
    controller.abort('bye')
    await clock.advance(0)
    expect([end.error, places.snapshot(), operation.calls.length]).toMatchObject(['bye', { queued: 0, inFlight: 0 }, 1])
  })

  it('that are handed the place of the winner are aborted in the same turn', async () => {
    const { clock, policy, operation } = setup()
    const places = bulkhead({ limit: 1, queue: 1, clock })
    const end = ends(clock, compose(policy, places).execute(operation.resolvesAfter(20, 'a', 1).hangsUntilAborted()))
    await clock.advance(20)
    expect([end.value, places.snapshot(), operation.running]).toMatchObject(['a', { queued: 0, inFlight: 0 }, 0])
  })

  it('are not retried further in, and a backoff ends at once', async () => {
    const { clock, policy, operation } = setup()
    const stack = compose(policy, retry({ maxAttempts: 5, backoff: () => 300, clock }))
    const end = ends(clock, stack.execute(operation.fails(1).resolvesAfter(5, 'b')))
    await clock.advance(15)
    expect([end.value, clock.pendingTimers()]).toEqual(['b', 0])
    await clock.advance(1000)
    expect(operation.calls).toHaveLength(2)
  })
})

describe('a hedge and the caller who cancels', () => {
  // T: 12, 14
  it('before: nothing is called', async () => {
    const { policy, operation } = setup()
    await expect(policy.execute(operation.resolves('a'), { signal: AbortSignal.abort('bye') })).rejects.toBe('bye')
    expect(operation.calls).toHaveLength(0)
  })

  // T: 12
  it('in a policy outside: nothing is called, and no hedge is told of', async () => {
    const { policy, operation, told, watch } = setup({ hedgeIf: () => true })
    watch()
    const controller = new AbortController()
    const leaving = layered('leaving', (next) => (execution) => {
      controller.abort('bye')
      return next(execution)
    })
    const call = compose(leaving, policy).execute(operation.resolves('a'), { signal: controller.signal })
    await expect(call).rejects.toBe('bye')
    expect([operation.calls.length, told()]).toEqual([0, []])
  })

  // T: 12, 13, 14
  it.each([5, 12])('after %d ms: is released at once with their reason, and no hedge follows', async (at) => {
    const { clock, policy, operation, told, watch } = setup({ maxHedges: 3 })
    watch()
    const controller = new AbortController()
    const end = ends(clock, policy.execute(operation.hangs(), { signal: controller.signal }))
    await clock.advance(at)
    controller.abort('bye')
    await clock.advance(0)
    const started = operation.calls.length
    expect(end).toEqual({ at, error: 'bye' })
    expect(policy.status().abandoned).toBe(started)
    await clock.advance(1000)
    expect(operation.calls).toHaveLength(started)
    expect(operation.signals.every(({ reason }) => reason === 'bye')).toBe(true)
    expect(told(), 'none of them has lost').not.toContain('hedge.cancelled')
    operation.release()
    await clock.advance(0)
    expect([policy.status().abandoned, clock.pendingTimers({ includeIdle: true })]).toEqual([0, 0])
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
  })

  it('while it settles: the reason is theirs', async () => {
    const { policy } = setup()
    const controller = new AbortController()
    const settling = policy.execute(
      async () => {
        controller.abort('bye')
        throw new Error('down')
      },
      { signal: controller.signal },
    )
    await expect(settling).rejects.toBe('bye')
  })

  it('by a listener: what was reserved goes back', async () => {
    const extra = budget({ minPerSecond: 1, window: '1s' })
    for (const options of [{ budget: extra }, {}]) {
      const controller = new AbortController()
      const { clock, operation, policy } = setup(options)
      policy.observe(({ type }) => type === 'hedge.started' && controller.abort('bye'))
      const end = ends(clock, policy.execute(operation.hangsUntilAborted(), { signal: controller.signal }))
      await clock.advance(100)
      expect([end, operation.calls.length]).toEqual([{ at: 10, error: 'bye' }, 1])
    }
    expect(extra.snapshot().extras).toBe(0)
  })

  it('by the rule that says how long to wait: no hedge is told of, and no timer set', async () => {
    const controller = new AbortController()
    const delay = () => {
      controller.abort('bye')
      return 10
    }
    const { clock, operation, policy, told, watch } = setup({ delay })
    watch()
    const end = ends(clock, policy.execute(operation.hangsUntilAborted(), { signal: controller.signal }))
    expect(clock.pendingTimers({ includeIdle: true }), 'the one that counts the abandoned').toBe(1)
    await clock.advance(100)
    expect([end, told()]).toEqual([{ at: 0, error: 'bye' }, []])
  })

  it('by the rule that looks at an answer: it is no answer any more', async () => {
    const controller = new AbortController()
    const isAcceptable = () => {
      controller.abort('bye')
      return true
    }
    const { clock, operation, policy, told, watch } = setup({ isAcceptable })
    watch()
    const end = ends(clock, policy.execute(operation.hangs(1).resolves('b'), { signal: controller.signal }))
    await clock.advance(100)
    expect([end, told(), policy.status().abandoned]).toEqual([{ at: 10, error: 'bye' }, ['hedge.started', 'hedge.abandoned'], 1])
  })

  it('is told apart from a timeout outside, which ends all of them', async () => {
    const { clock, policy, operation } = setup({ maxHedges: 5 })
    const stack = compose(timeout({ limit: 25, clock }), policy)
    const end = ends(clock, stack.execute(operation.hangsUntilAborted()))
    await clock.advance(1000)
    expect(end).toMatchObject({ at: 25, error: { code: 'ERR_TIMEOUT' } })
    expect([operation.calls.length, operation.running, clock.pendingTimers({ includeIdle: true })]).toEqual([3, 0, 0])
  })

  it('through a policy outside that lets go of it ends it at once, though the work goes on', async () => {
    const { clock, policy, operation } = setup()
    const shared = coalesce({ clock })
    const controller = new AbortController()
    const stack = compose(shared, policy)
    const end = ends(clock, stack.execute(operation.hangs(), { key: 'k', signal: controller.signal }))
    await clock.advance(5)
    controller.abort('bye')
    await clock.advance(0)
    expect([end.error, shared.status().abandoned, policy.status().abandoned]).toEqual(['bye', 0, 1])
  })

  it('leaves no listener on a signal that lives long', async () => {
    const { clock, policy } = setup()
    const { signal } = new AbortController()
    for (let i = 0; i < 100; i++) {
      const operation = scripted({ clock })
        .resolvesAfter(i % 3 === 0 ? 5 : 100, 'a', 1)
        .resolvesAfter(5, 'b')
      operation.plays(({ signal: own }) => own.aborted)
      const reading = async (execution: Execution) => (execution.signal.aborted ? 'aborted' : operation(execution))
      void policy.execute(reading, { signal })
    }
    await clock.advance(1000)
    expect([getEventListeners(signal, 'abort').length, clock.pendingTimers({ includeIdle: true })]).toEqual([0, 0])
  })
})

describe('a hedge and the deadline', () => {
  it('starts none that would begin after it', async () => {
    const { clock, policy, operation, events, watch } = setup({ maxHedges: 5 })
    watch()
    const end = ends(clock, policy.execute(operation.hangsUntilAborted(), { within: 25 }))
    await clock.advance(1000)
    expect(end).toMatchObject({ at: 25, error: { code: 'ERR_TIMEOUT' } })
    expect(operation.calls.map(({ at }) => at)).toEqual([0, 10, 20])
    expect(events.some(({ type }) => type === 'hedge.denied')).toBe(false)
  })

  it('starts none that usually could not finish by it, and says so after a failure', async () => {
    const { clock, policy, operation, events, watch } = setup({ delay: { minimumSamples: 1, quantile: 0.5 } })
    const known = policy.execute(scripted({ clock }).resolvesAfter(40, 'a'))
    await clock.advance(40)
    await known
    watch()
    const end = ends(clock, policy.execute(operation.rejectsAfter(30, new Error('down')), { within: 60 }))
    await clock.advance(100)
    expect([end.at, operation.calls.length]).toEqual([70, 1])
    expect(events).toMatchObject([{ type: 'hedge.denied', hedge: 1, reason: 'deadline' }])
    events.length = 0
    const slow = scripted({ clock }).resolvesAfter(55, 'a')
    const second = ends(clock, policy.execute(slow, { within: 60 }))
    await clock.advance(100)
    expect([second.value, slow.calls.length, events]).toEqual(['a', 1, []])
  })
})

describe('a hedge and its budget', () => {
  // T: 26
  it('calls again only where it may, and goes on without where it may not', async () => {
    const extra = budget({ ratio: 0, minPerSecond: 1, window: '1s' })
    const { clock, policy, operation, events, watch } = setup({ budget: extra, maxHedges: 3 })
    watch()
    const end = ends(clock, policy.execute(operation.resolvesAfter(50, 'a')))
    await clock.advance(100)
    expect([end, operation.calls.length]).toEqual([{ at: 50, value: 'a' }, 2])
    expect(events.filter(({ type }) => type !== 'hedge.cancelled' && type !== 'hedge.abandoned')).toMatchObject([
      { type: 'hedge.started', hedge: 1, elapsedMs: 10, reason: 'delay' },
      { type: 'hedge.denied', hedge: 2, reason: 'budget' },
      { type: 'hedge.won', hedge: 0, elapsedMs: 50, started: 2 },
    ])
  })

  // T: 26
  it('keeps the error of the call where the budget refuses', async () => {
    const down = new Error('down')
    const { clock, policy, operation } = setup({ budget: budget({ minPerSecond: 0 }) })
    const end = ends(clock, policy.execute(operation.rejectsAfter(5, down)))
    await clock.advance(100)
    expect([end, operation.calls.length]).toEqual([{ at: 5, error: down }, 1])
  })

  it('gets back what a policy further in refused', async () => {
    const extra = { noteCall() {}, reserve: vi.fn(() => true), refund: vi.fn() }
    const { clock, policy, operation } = setup({ budget: extra })
    const end = ends(clock, compose(policy, bulkhead({ limit: 1, clock })).execute(operation.resolvesAfter(50, 'a')))
    await clock.advance(100)
    expect([end.value, extra.reserve.mock.calls.length, extra.refund.mock.calls.length]).toEqual(['a', 1, 1])
  })

  it('is not needed for a hedge that a policy further in refuses', async () => {
    const { clock, policy, operation } = setup()
    const down = new Error('down')
    const end = ends(clock, compose(policy, bulkhead({ limit: 1, clock })).execute(operation.rejectsAfter(50, down)))
    await clock.advance(100)
    expect(end).toEqual({ at: 50, error: down })
    expect(hedgeFailuresOf(down)).toEqual([
      { hedge: 1, error: expect.objectContaining({ code: 'ERR_BULKHEAD_FULL' }) },
      { hedge: 0, error: down },
    ])
  })

  it('gets nothing back for hedges that failed, nor for a first call that was refused', async () => {
    const extra = { noteCall() {}, reserve: vi.fn(() => true), refund: vi.fn() }
    const { clock, policy, operation } = setup({ budget: extra, hedgeIf: () => true })
    const failed = ends(clock, policy.execute(operation.rejectsAfter(20)))
    await clock.advance(100)
    const breaker = circuitBreaker({ clock })
    breaker.isolate()
    policy.observe(({ type }) => type === 'hedge.started' && breaker.reset())
    const first = ends(
      clock,
      compose(policy, breaker).execute(() => 'b'),
    )
    await clock.advance(100)
    expect([failed.at, first.value, extra.reserve.mock.calls.length, extra.refund.mock.calls.length]).toEqual([30, 'b', 2, 0])
  })

  it('is taken from by a composition that counts its calls', async () => {
    const clock = new VirtualClock()
    const extra = budget({ ratio: 0.1, minPerSecond: 0, clock })
    const stack = compose(extra, hedge({ delay: 10, budget: extra, clock }))
    for (let i = 0; i < 100; i++) await stack.execute(async () => 'a')
    let calls = 0
    const slowly = () => {
      calls++
      return new Promise<void>((done) => clock.setTimer(50, done))
    }
    const slow = Array.from({ length: 30 }, () => stack.execute(slowly))
    await clock.advance(100)
    await Promise.all(slow)
    expect(calls).toBe(30 + 13)
    expect(extra.snapshot()).toMatchObject({ calls: 130, extras: 13, available: 0 })
  })
})

describe('a hedge that learns its delay', () => {
  it('hedges what takes longer than most calls lately', async () => {
    const { clock, policy } = setup({ delay: { quantile: 0.9, minimumSamples: 10, initial: '1h' } })
    for (let i = 1; i <= 10; i++) {
      const call = policy.execute(scripted({ clock }).resolvesAfter(i, 'a'))
      await clock.advance(i)
      await call
    }
    const { delayMs, samples } = policy.status()
    expect([samples, delayMs! >= 9, delayMs! < 9.5]).toEqual([10, true, true])
    const slow = scripted({ clock }).resolvesAfter(1000, 'a', 1).resolvesAfter(1, 'b')
    const end = ends(clock, policy.execute(slow))
    await clock.advance(12)
    expect(end).toEqual({ at: 55 + delayMs! + 1, value: 'b' })
  })

  it('learns nothing from failures and from cancelled calls', async () => {
    const { clock, policy } = setup({ delay: { initial: '1h' }, maxHedges: 1 })
    const controller = new AbortController()
    const failed = ends(clock, policy.execute(scripted({ clock }).rejectsAfter(5)))
    const cancelled = ends(clock, policy.execute(scripted({ clock }).hangs(), { signal: controller.signal }))
    await clock.advance(20)
    controller.abort()
    await clock.advance(0)
    expect([failed.at, cancelled.at, policy.status().samples]).toEqual([10, 20, 0])
  })

  it('learns how long the first call took, or had taken when a hedge answered, and nothing where it failed', async () => {
    const { clock, policy } = setup({ delay: { quantile: 0.5, minimumSamples: 1, initial: 10 }, maxHedges: 2 })
    const down = new Error('down')
    for (const [script, expected] of [
      [scripted({ clock }).resolvesAfter(8, 'a'), ['a', 1, 8]],
      [scripted({ clock }).resolvesAfter(500, 'a', 1).resolvesAfter(5, 'b'), ['b', 1, 15]],
      [scripted({ clock }).resolvesAfter(500, 'a', 1).rejectsAfter(1, down, 1).resolvesAfter(9, 'c'), ['c', 1, 20]],
      [scripted({ clock }).rejectsAfter(2, down, 1).resolvesAfter(50, 'b', 1).resolvesAfter(1, 'c'), ['c', 0, 10]],
    ] as const) {
      policy.hydrate({ version: 1, samples: [] })
      const end = ends(clock, policy.execute(script))
      await clock.advance(1000)
      const { samples, delayMs } = policy.status()
      expect([end.value, samples, Math.floor(delayMs!)]).toEqual(expected)
    }
  })

  // The delay would shrink call by call if it were learnt from those that won: of slow calls only their fast hedges are seen.
  it('keeps hedging the share of calls that it was told, over thousands of them', async () => {
    const clock = new VirtualClock()
    const policy = hedge({ delay: { quantile: 0.95, window: '1h' }, clock })
    const random = seededRandom(7)
    const latency = () => 20 * Math.exp(Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()))
    let hedges = 0
    policy.observe(({ type }) => type === 'hedge.started' && hedges++)
    for (let i = 0; i < 3000; i++) {
      if (i === 1000) hedges = 0
      let done = false
      const call = policy
        .execute(() => new Promise<void>((resolve) => clock.setTimer(latency(), resolve)))
        .then(() => (done = true))
      while (!done) await clock.advance(25)
      await call
    }
    expect(hedges / 2000).toBeGreaterThan(0.035)
    expect(hedges / 2000).toBeLessThan(0.065)
  }, 20_000)

  // T: 21
  it('goes on with what it knew after a restart', async () => {
    const { clock, policy } = setup({ delay: { quantile: 0.9, minimumSamples: 5 } })
    for (let i = 0; i < 5; i++) await Promise.all([policy.execute(scripted({ clock }).resolvesAfter(50, 'a')), clock.advance(50)])
    const stored = JSON.parse(JSON.stringify(policy.snapshot())) as unknown
    const restarted = hedge({ delay: { quantile: 0.9, minimumSamples: 5 }, clock: new VirtualClock({ now: 9e6 }) })
    expect(restarted.status()).toEqual({ delayMs: 1000, samples: 0, abandoned: 0 })
    restarted.hydrate(stored)
    expect(restarted.status()).toEqual(policy.status())
    restarted.hydrate({ version: 1, samples: [[3, 1e15]] })
    expect(restarted.status().samples).toBe(1_000_000)
    expect(setup().policy.snapshot()).toEqual({ version: 1, samples: [] })
    expect(() => setup().policy.hydrate(stored)).not.toThrow()
  })

  it.each([
    undefined,
    {},
    { version: 2, samples: [] },
    { version: 1 },
    { version: 1, samples: [7] },
    { version: 1, samples: [[-1, 1]] },
    { version: 1, samples: [[480, 1]] },
    { version: 1, samples: [[1, 0]] },
    { version: 1, samples: [[0.5, 1]] },
    { version: 1, samples: [[1, 1.5]] },
  ])('refuses %j, which is no snapshot', (stored) => {
    expect(() => setup().policy.hydrate(stored)).toThrow(/hedge snapshot of version 1/)
  })

  it('tells no delay where a function decides', () => {
    expect(setup({ delay: () => 5 }).policy.status().delayMs).toBeUndefined()
    expect(setup().policy.status().delayMs).toBe(10)
  })
})

describe('the news of a hedge', () => {
  // T: 24
  it.each([true, false])('are told alone and composed', async (alone) => {
    const { clock, policy, operation, events } = setup({ maxHedges: 2 })
    const watched = alone ? policy : compose(retry({ clock }), policy)
    watched.observe((event) => events.push(event))
    await clock.advance(7)
    operation.hangs(1).rejectsAfter(2, new Error('down'), 1).resolvesAfter(3, 'c')
    void watched.execute(operation, { operation: 'search', key: 'k', id: 'x9' })
    await clock.advance(100)
    const about = { policy: 'hedge', operation: 'search', key: 'k', execution: 'x9' }
    const at = Date.UTC(2026, 0, 1) + 7
    expect(events).toEqual([
      { ...about, at: at + 10, type: 'hedge.started', hedge: 1, elapsedMs: 10, reason: 'delay' },
      { ...about, at: at + 12, type: 'hedge.started', hedge: 2, elapsedMs: 12, reason: 'failure' },
      { ...about, at: at + 15, type: 'hedge.won', hedge: 2, elapsedMs: 15, started: 3 },
      { ...about, at: at + 15, type: 'hedge.cancelled', hedge: 0 },
      { ...about, at: at + 15, type: 'hedge.abandoned', hedge: 0, running: 1 },
    ])
  })

  it('are none for a call that needed no hedge', async () => {
    const { policy, told, watch } = setup()
    watch()
    await policy.execute(() => 1)
    expect(told()).toEqual([])
  })
})

describe('the options of a hedge', () => {
  // T: 11
  it.each([
    [{ maxHedges: -1 }, 'hedge.maxHedges'],
    [{ maxHedges: 101 }, 'hedge.maxHedges'],
    [{ maxHedges: 1.5 }, 'hedge.maxHedges'],
    [{ delay: 'x' }, 'hedge.delay'],
    [{ delay: { quantile: 2 } }, 'hedge.delay.quantile'],
    [{ isAcceptable: 1 }, 'hedge.isAcceptable'],
    [{ hedgeIf: 1 }, 'hedge.hedgeIf'],
    [{ isFatal: 1 }, 'hedge.isFatal'],
    [{ budget: 1 }, 'hedge.budget'],
    [{ name: '' }, 'hedge.name'],
    [{ maxAttempts: 2 }, 'hedge.maxAttempts'],
  ])('refuses %j and names %s', (options, option) => {
    expect(() => hedge(options as HedgeOptions)).toThrow(expect.objectContaining({ code: 'ERR_OPTION', option }) as Error)
  })

  it('one hedge, learnt at the 95th percentile, when nothing is said', () => {
    const policy = hedge()
    expect([policy.maxHedges, policy.status()]).toEqual([1, { delayMs: 1000, samples: 0, abandoned: 0 }])
  })

  it('no synchronous call, which cannot run beside another', () => {
    expect(() => setup().policy.executeSync(() => 1)).toThrow(/side by side/)
    const { clock, policy } = setup()
    const run = vi.fn()
    expect(() => compose(retry({ clock, maxAttempts: 3 }), policy).executeSync(run)).toThrow(/side by side/)
    expect(run).not.toHaveBeenCalled()
  })
})
