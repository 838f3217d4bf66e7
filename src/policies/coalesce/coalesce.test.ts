import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { type HoldfastEvent, listenerErrors } from '../../core/events.ts'
import type { Execution } from '../../core/operation.ts'
import { compose, policy as layered } from '../../core/policy.ts'
import { scripted } from '../../testing/scripted-operation.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { bulkhead } from '../bulkhead/bulkhead.ts'
import { circuitBreaker } from '../circuit-breaker/circuit-breaker.ts'
import { retry } from '../retry/retry.ts'
import { timeout } from '../timeout/timeout.ts'
import { coalesce } from './coalesce.ts'
import type { CoalesceOptions } from './options.ts'

function setup(options: CoalesceOptions = {}) {
  const clock = new VirtualClock()
  const policy = coalesce({ clock, ...options })
  const operation = scripted<unknown>({ clock })
  const events: HoldfastEvent[] = []
  policy.observe((event) => events.push(event))
  return { clock, policy, operation, events }
}

const settled = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )

describe('calls of one key', () => {
  it('that run at the same time are one call, and all get its result', async () => {
    const { clock, policy, operation } = setup()
    const calls = Array.from({ length: 5 }, () => policy.execute(operation.resolvesAfter(10, { user: 1 }), { key: 'k' }))
    await clock.advance(10)
    const results = await Promise.all(calls)
    expect([operation.calls.length, new Set(results).size]).toEqual([1, 1])
    expect(policy.status()).toEqual({ inFlight: 0, callers: 0, entries: 0, abandoned: 0 })
  })

  it('share an error too', async () => {
    const { clock, policy, operation } = setup()
    const down = new Error('down')
    const calls = [1, 2, 3].map(() => settled(policy.execute(operation.rejectsAfter(10, down), { key: 'k' })))
    await clock.advance(10)
    expect(await Promise.all(calls)).toEqual([{ error: down }, { error: down }, { error: down }])
    expect(operation.calls).toHaveLength(1)
  })

  it('that come one after the other each run', async () => {
    const { policy, operation } = setup()
    operation.resolves('a')
    await policy.execute(operation, { key: 'k' })
    await policy.execute(operation, { key: 'k' })
    expect(operation.calls).toHaveLength(2)
  })

  // T: 32
  it('may be synchronous, throw, resolve to nothing or to a thenable', async () => {
    const { policy } = setup()
    const pair = (run: () => unknown) => Promise.all([1, 2].map(() => settled(policy.execute(run, { key: 'k' }))))
    expect(await pair(() => undefined)).toEqual([{ value: undefined }, { value: undefined }])
    const bare = () => {
      throw 'bare'
    }
    expect(await pair(bare)).toEqual([{ error: 'bare' }, { error: 'bare' }])
    const thenable = { then: (yes: (value: unknown) => void) => yes('adopted') }
    expect(await pair(() => thenable)).toEqual([{ value: 'adopted' }, { value: 'adopted' }])
  })

  it('count once for the policies further in', async () => {
    const { clock, policy, operation } = setup()
    const breaker = circuitBreaker({ clock, trip: { consecutive: 2 } })
    const stack = compose(policy, retry({ maxAttempts: 2, backoff: () => 1, clock }), breaker, bulkhead({ limit: 1, clock }))
    const calls = [1, 2, 3].map(() => stack.execute(operation.fails(1).resolves('ok'), { key: 'k' }))
    await clock.advance(10)
    expect(await Promise.all(calls)).toEqual(['ok', 'ok', 'ok'])
    expect([breaker.state, operation.attempts]).toEqual(['closed', [1, 2]])
  })

  it('may each get a copy of their own', async () => {
    const { policy } = setup({ copy: structuredClone, ttl: '1m' })
    const run = async () => ({ tags: ['a'] })
    const [first, second] = await Promise.all([policy.execute(run, { key: 'k' }), policy.execute(run, { key: 'k' })])
    first.tags.push('mine')
    const third = await policy.execute(run, { key: 'k' })
    expect([second, third]).toEqual([{ tags: ['a'] }, { tags: ['a'] }])
    const failing = coalesce({
      copy: () => {
        throw new Error('no copy')
      },
    })
    await expect(failing.execute(run, { key: 'k' })).rejects.toThrow('no copy')
  })
})

describe('the key', () => {
  // T: 20
  it('is nobody else’s: other keys, other operations and calls without one run by themselves', async () => {
    const { policy, operation } = setup()
    operation.hangs()
    for (const options of [
      { key: 'a' },
      { key: 'b' },
      { key: 'a', operation: 'read' },
      { key: 'a', operation: 'list' },
      { key: ':a', operation: 'list' },
      { key: 'list:a' },
      { key: '4:list:a' },
      {},
      {},
      { operation: 'read' },
    ])
      void policy.execute(operation, options)
    await Promise.resolve()
    expect(operation.calls).toHaveLength(10)
    void policy.execute(operation, { key: 'a', operation: 'read' })
    expect([operation.calls.length, policy.status()]).toEqual([10, { inFlight: 7, callers: 8, entries: 0, abandoned: 0 }])
  })

  // T: 20
  it('is another one in each policy, if made of the same options', async () => {
    const options = { ttl: '1m' }
    const [one, other] = [coalesce(options), coalesce(options)]
    expect(await one.execute(() => 'mine', { key: 'k' })).toBe('mine')
    expect(await other.execute(() => 'theirs', { key: 'k' })).toBe('theirs')
    expect(Object.keys(options)).toEqual(['ttl'])
  })

  it('is what a function makes of the execution; undefined shares nothing', async () => {
    const key = ({ attributes }: Execution) => attributes.id as string | undefined
    const { policy, operation } = setup({ key })
    operation.hangs()
    for (const id of ['1', '1', '2', undefined, undefined]) void policy.execute(operation, { key: 'same', attributes: { id } })
    await Promise.resolve()
    expect(operation.calls).toHaveLength(4)
    await expect(policy.execute(operation, { attributes: { id: 7 } })).rejects.toThrow(/'coalesce.key\(\)' must answer a string/)
  })

  it('that cannot be made fails the call', async () => {
    const key = () => {
      throw new Error('no key')
    }
    await expect(coalesce({ key }).execute(() => 1)).rejects.toThrow('no key')
  })
})

describe('a caller who leaves', () => {
  // T: 12
  it('before the call runs nothing and joins nothing', async () => {
    const { policy, operation } = setup()
    await expect(policy.execute(operation.hangs(), { key: 'k', signal: AbortSignal.abort('bye') })).rejects.toBe('bye')
    expect([operation.calls.length, policy.status().inFlight]).toEqual([0, 0])
  })

  // T: 12, 13, 15
  it('is released at once, and the others get the result, whoever came first', async () => {
    for (const leaver of [0, 1, 2]) {
      const { clock, policy, operation } = setup()
      const controllers = [0, 1, 2].map(() => new AbortController())
      const calls = controllers.map(({ signal }) =>
        settled(policy.execute(operation.resolvesAfter(10, 'ok'), { key: 'k', signal })),
      )
      await clock.advance(5)
      controllers[leaver]!.abort('bye')
      expect(await calls[leaver]).toEqual({ error: 'bye' })
      expect([policy.status().callers, operation.signals[0]!.aborted]).toEqual([2, false])
      await clock.advance(5)
      for (const stayer of [0, 1, 2].filter((one) => one !== leaver)) expect(await calls[stayer]).toEqual({ value: 'ok' })
      for (const { signal } of controllers) expect(getEventListeners(signal, 'abort')).toHaveLength(0)
    }
  })

  it('as the last one takes the call with them; a newcomer begins anew', async () => {
    const { clock, policy, operation, events } = setup({ ttl: '1m' })
    const controllers = [new AbortController(), new AbortController()]
    operation.resolvesAfter(10, 'old', 1).resolvesAfter(10, 'new')
    const calls = controllers.map(({ signal }) => settled(policy.execute(operation, { key: 'k', signal })))
    await clock.advance(3)
    for (const controller of controllers) controller.abort('bye')
    expect(await Promise.all(calls)).toEqual([{ error: 'bye' }, { error: 'bye' }])
    expect([operation.signals[0]!.reason, policy.status()]).toEqual([
      'bye',
      { inFlight: 0, callers: 0, entries: 0, abandoned: 1 },
    ])
    expect(events.map(({ type }) => type)).toEqual(['coalesce.joined', 'coalesce.cancelled'])
    const next = policy.execute(operation, { key: 'k' })
    await clock.advance(10)
    expect([await next, policy.status()]).toEqual(['new', { inFlight: 0, callers: 0, entries: 1, abandoned: 0 }])
    expect(await policy.execute(operation, { key: 'k' })).toBe('new')
  })

  it('does not take the call with them while somebody stays who cannot leave', async () => {
    const { clock, policy, operation } = setup()
    const controller = new AbortController()
    const stays = policy.execute(operation.resolvesAfter(10, 'ok'), { key: 'k' })
    const leaves = settled(policy.execute(operation, { key: 'k', signal: controller.signal }))
    await clock.advance(1)
    controller.abort('bye')
    await clock.advance(10)
    expect([await leaves, await stays, operation.signals[0]!.aborted]).toEqual([{ error: 'bye' }, 'ok', false])
  })

  it('while it settles changes nothing for the others', async () => {
    const { policy } = setup()
    const controller = new AbortController()
    const run = async () => {
      controller.abort('bye')
      return 'ok'
    }
    const calls = [
      settled(policy.execute(run, { key: 'k', signal: controller.signal })),
      settled(policy.execute(run, { key: 'k' })),
    ]
    expect(await Promise.all(calls)).toEqual([{ error: 'bye' }, { value: 'ok' }])
  })

  // T: 12
  it('as the last one ends waits further in at once', async () => {
    const { clock, policy, operation } = setup()
    const controller = new AbortController()
    const stack = compose(policy, retry({ backoff: () => 300, clock }))
    const call = settled(stack.execute(operation.fails(), { key: 'k', signal: controller.signal }))
    await clock.advance(5)
    expect(clock.pendingTimers()).toBe(1)
    controller.abort('bye')
    await clock.advance(0)
    expect([await call, clock.pendingTimers(), policy.status().abandoned]).toEqual([{ error: 'bye' }, 0, 0])
    await clock.advance(1000)
    expect(operation.calls).toHaveLength(1)
  })

  // T: 12, 13
  it('is released by this policy itself, for what stands outside of it', async () => {
    const { clock, policy, operation } = setup()
    const controllers = [new AbortController(), new AbortController()]
    let early = true
    const inner: Promise<unknown>[] = []
    const watching = layered('watching', (next) => (execution) => {
      if (early) controllers[0]!.abort('early')
      const result = next(execution)
      inner.push(settled(result as Promise<unknown>))
      return result
    })
    const call = (controller: AbortController) =>
      compose(watching, policy).execute(operation.hangs(), { key: 'k', signal: controller.signal })
    await expect(call(controllers[0]!)).rejects.toBe('early')
    expect(operation.calls).toHaveLength(0)
    early = false
    const second = settled(call(controllers[1]!))
    await clock.advance(1)
    controllers[1]!.abort('bye')
    expect(await Promise.all([second, ...inner])).toEqual([{ error: 'bye' }, { error: 'bye' }])
  })

  it('by a listener of the news leaves too', async () => {
    const { clock, policy, operation } = setup()
    const controller = new AbortController()
    policy.observe(({ type }) => type === 'coalesce.joined' && controller.abort('bye'))
    const stays = policy.execute(operation.resolvesAfter(10, 'ok'), { key: 'k' })
    const leaves = settled(policy.execute(operation, { key: 'k', signal: controller.signal }))
    await clock.advance(10)
    expect([await leaves, await stays, policy.status().callers]).toEqual([{ error: 'bye' }, 'ok', 0])
  })

  // T: 14
  it('for a timeout of their own, outside, leaves the others', async () => {
    const { clock, policy, operation } = setup()
    const run = operation.resolvesAfter(20, 'ok')
    const hasty = settled(compose(timeout({ limit: 5, clock }), policy).execute(run, { key: 'k' }))
    const patient = policy.execute(run, { key: 'k', within: 50 })
    await clock.advance(20)
    expect(await hasty).toMatchObject({ error: { code: 'ERR_TIMEOUT' } })
    expect([await patient, operation.calls.length]).toEqual(['ok', 1])
  })

  it('gives the call as much time as the most patient of them has', async () => {
    const { clock, policy } = setup()
    let seen: Execution | undefined
    const run = (execution: Execution) => {
      seen = execution
      return new Promise<void>((resolve) => clock.setTimer(30, resolve))
    }
    const calls = [20, 70, 40].map((within) =>
      settled(policy.execute(run, { key: 'k', within, operation: 'read', id: `w${within}` })),
    )
    await clock.advance(0)
    expect([seen!.deadline, seen!.key, seen!.operation, seen!.id, seen!.attempt]).toEqual([70, 'k', 'read', 'w20', 1])
    await clock.advance(100)
    expect(await Promise.all(calls)).toMatchObject([
      { error: { code: 'ERR_TIMEOUT' } },
      { value: undefined },
      { value: undefined },
    ])
  })

  it('leaves nothing behind, at any time, whoever else is there', async () => {
    const caller = fc.record({
      at: fc.nat(30),
      leaves: fc.option(fc.nat(30), { nil: undefined }),
      key: fc.constantFrom('a', 'b'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(caller, { maxLength: 12 }), fc.nat(20), async (callers, ms) => {
        const clock = new VirtualClock()
        const policy = coalesce({ clock })
        const { signal: long } = new AbortController()
        let running = 0
        const ends: unknown[] = []
        const run = ({ signal, key }: Execution) =>
          new Promise((resolve, reject) => {
            running++
            const end = (settle: () => void) => () => {
              running--
              cancel()
              signal.removeEventListener('abort', stop)
              settle()
            }
            const cancel = clock.setTimer(ms + 0.5, () => end(() => resolve(key))())
            const stop = end(() => reject(signal.reason))
            signal.addEventListener('abort', stop)
          })
        for (const [index, { at, leaves, key }] of callers.entries())
          clock.setTimer(at, () => {
            const controller = new AbortController()
            const signal = leaves === undefined ? long : controller.signal
            policy.execute(run, { key, signal }).then(
              (value) => {
                ends[index] = value
              },
              (error) => {
                ends[index] = error
              },
            )
            if (leaves !== undefined) clock.setTimer(leaves, () => controller.abort('bye'))
          })
        await clock.advance(100)
        for (const [index, { leaves, key }] of callers.entries())
          expect(leaves === undefined ? [key] : [key, 'bye']).toContain(ends[index])
        expect([running, policy.status(), clock.pendingTimers({ includeIdle: true })]).toEqual([
          0,
          { inFlight: 0, callers: 0, entries: 0, abandoned: 0 },
          0,
        ])
        expect(getEventListeners(long, 'abort')).toHaveLength(0)
      }),
      { numRuns: 200 },
    )
  }, 20_000)
})

describe('results that are kept', () => {
  it('are given to later calls until their time is over', async () => {
    const { clock, policy, operation, events } = setup({ ttl: '1s' })
    operation.resolves('a', 1).resolves('b')
    await policy.execute(operation, { key: 'k' })
    await clock.advance(999)
    expect(await policy.execute(operation, { key: 'k' })).toBe('a')
    await clock.advance(1)
    expect(await policy.execute(operation, { key: 'k' })).toBe('b')
    expect(events).toMatchObject([{ type: 'coalesce.hit', ageMs: 999, key: 'k' }])
    expect([operation.calls.length, clock.pendingTimers({ includeIdle: true })]).toEqual([2, 0])
  })

  it('are kept as long as a function of the result says', async () => {
    const { policy } = setup({ ttl: (value) => (value === null ? 0 : '1s'), errorTtl: (error) => (error === 'gone' ? 500 : 0) })
    const run = vi.fn((): unknown => null)
    await policy.execute(run, { key: 'k' })
    await policy.execute(run, { key: 'k' })
    run.mockImplementation(() => 'found')
    await policy.execute(run, { key: 'k' })
    await policy.execute(run, { key: 'k' })
    expect(run).toHaveBeenCalledTimes(3)
    const fail = vi.fn(() => Promise.reject('down' as unknown))
    for (const error of ['down', 'down', 'gone', 'gone', 'gone']) {
      fail.mockImplementation(() => Promise.reject(error))
      await expect(policy.execute(fail, { key: 'e' })).rejects.toBe(error)
    }
    expect(fail).toHaveBeenCalledTimes(3)
  })

  it('by a rule that throws or answers nonsense are not kept, and the call succeeds', async () => {
    const report = vi.spyOn(listenerErrors, 'report').mockImplementation(() => {})
    for (const ttl of [
      () => -1,
      () => {
        throw new Error('rule')
      },
    ]) {
      const { policy } = setup({ ttl })
      expect(await policy.execute(() => 'ok', { key: 'k' })).toBe('ok')
      expect(policy.status().entries).toBe(0)
    }
    expect(report.mock.calls.map(([, where]) => where)).toEqual(['coalesce.ttl'])
    report.mockRestore()
  })

  // T: 3
  it('are never what was refused, misused or cancelled', async () => {
    const { clock, policy } = setup({ errorTtl: '1h' })
    const breaker = circuitBreaker({ clock })
    breaker.isolate()
    const stack = compose(policy, breaker)
    await expect(stack.execute(() => 1, { key: 'k' })).rejects.toMatchObject({ code: 'ERR_CIRCUIT_ISOLATED' })
    breaker.reset()
    expect(await stack.execute(() => 1, { key: 'k' })).toBe(1)
    const misused = compose(policy, timeout({ limit: () => -1, clock }))
    await expect(misused.execute(() => 1, { key: 'm' })).rejects.toMatchObject({ code: 'ERR_OPTION' })
    expect(policy.status().entries).toBe(0)
    const timed = compose(policy, timeout({ limit: 5, clock }))
    const slow = vi.fn(() => new Promise(() => {}))
    const calls = [settled(timed.execute(slow, { key: 't' }))]
    await clock.advance(5)
    calls.push(settled(timed.execute(slow, { key: 't' })))
    expect([await calls[0], slow.mock.calls.length]).toEqual([await calls[1], 1])
    await expect(policy.execute(() => Promise.reject('down'), { key: 'e' })).rejects.toBe('down')
    await expect(policy.execute(() => 1, { key: 'e' })).rejects.toBe('down')
  })

  // T: 31
  it('are no more than allowed', async () => {
    const { policy } = setup({ ttl: '1h', maxEntries: 3 })
    for (let i = 0; i < 10; i++) await policy.execute(() => i, { key: `${i}` })
    expect(policy.status().entries).toBe(3)
    expect([await policy.execute(() => 'new', { key: '9' }), await policy.execute(() => 'new', { key: '6' })]).toEqual([9, 'new'])
  })

  it('are forgotten when told to, and what runs then is not kept', async () => {
    const { clock, policy, operation } = setup({ ttl: '1h' })
    operation.resolvesAfter(10, 'old', 1).resolvesAfter(10, 'new')
    const before = policy.execute(operation, { key: 'k', operation: 'read' })
    await clock.advance(5)
    await policy.invalidate('k', 'read')
    const after = policy.execute(operation, { key: 'k', operation: 'read' })
    await clock.advance(20)
    expect([await before, await after]).toEqual(['old', 'new'])
    expect(await policy.execute(operation, { key: 'k', operation: 'read' })).toBe('new')
    await policy.invalidate('k')
    expect(policy.status().entries).toBe(1)
    await policy.invalidate('k', 'read')
    expect(policy.status().entries).toBe(0)
    const keyed = coalesce({ key: () => 'one', ttl: 1000 })
    await keyed.execute(() => 1)
    await expect(keyed.invalidate('one', 'read')).rejects.toThrow(/is no part of the key/)
    await keyed.invalidate('one')
    expect(keyed.status().entries).toBe(0)
  })

  it('are all forgotten by clear', async () => {
    const { clock, policy, operation } = setup({ ttl: '1h' })
    await policy.execute(() => 1, { key: 'a' })
    const running = policy.execute(operation.resolvesAfter(10, 'b'), { key: 'b' })
    await clock.advance(1)
    policy.clear()
    await clock.advance(10)
    expect([await running, policy.status().entries]).toEqual(['b', 0])
  })

  // T: 21, 8
  it('go on after a restart for what is left of their time', async () => {
    const { clock, policy } = setup({ ttl: '10s', errorTtl: '10s' })
    await policy.execute(() => ({ user: 1 }), { key: 'a', operation: 'read' })
    await policy.execute(() => Promise.reject('down'), { key: 'e' }).catch(() => {})
    await clock.advance(4000)
    const stored = JSON.parse(JSON.stringify(policy.snapshot())) as { entries: object[] }
    expect(stored.entries).toEqual([{ key: '4:read:a', value: { user: 1 }, expiresAt: clock.wallNow() + 6000 }])
    const restart = (wallStep: number, ttl: number) => {
      const next = new VirtualClock({ now: 7, wallNow: clock.wallNow() + wallStep })
      const restarted = coalesce({ clock: next, ttl })
      restarted.hydrate(stored)
      return { next, ask: () => restarted.execute(() => 'new', { key: 'a', operation: 'read' }) }
    }
    const { next, ask } = restart(1000, 10_000)
    await next.advance(4999)
    expect(await ask()).toEqual({ user: 1 })
    await next.advance(1)
    expect(await ask()).toBe('new')
    expect(await restart(7000, 10_000).ask()).toBe('new')
    const back = restart(-3_600_000, 2000)
    await back.next.advance(1999)
    expect(await back.ask()).toEqual({ user: 1 })
    await back.next.advance(1)
    expect(await back.ask()).toBe('new')
    expect(await restart(0, 0).ask()).toBe('new')
    const over = coalesce({ clock, ttl: 1000 })
    const entries = [0, -1].map((leftMs) => ({ key: `${leftMs}`, value: 1, expiresAt: clock.wallNow() + leftMs }))
    over.hydrate({ version: 1, entries })
    expect(over.status().entries, 'what is over is not kept').toBe(0)
    const { policy: elsewhere } = setup({ ttl: 1000, name: 'users', store: { get() {}, set() {}, delete() {} } })
    elsewhere.hydrate(stored)
    expect(elsewhere.snapshot().entries).toEqual([])
    expect(() => setup().policy.hydrate(stored)).not.toThrow()
    expect(setup().policy.snapshot()).toEqual({ version: 1, entries: [] })
  })

  it.each([
    undefined,
    {},
    { version: 2, entries: [] },
    { version: 1 },
    { version: 1, entries: [7] },
    { version: 1, entries: [null] },
    { version: 1, entries: [{ key: 1, value: 1, expiresAt: 1 }] },
    { version: 1, entries: [{ key: 'a', expiresAt: 1 }] },
    { version: 1, entries: [{ key: 'a', value: 1, expiresAt: 'soon' }] },
    { version: 1, entries: [{ key: 'a', value: 1, expiresAt: 1 }, { key: 'b' }] },
  ])('refuse %j, which is no snapshot', (stored) => {
    expect(() => setup({ ttl: 1 }).policy.hydrate(stored)).toThrow(/coalesce snapshot of version 1/)
  })
})

describe('a synchronous call', () => {
  it('takes what is kept, or runs', async () => {
    const { policy } = setup({ ttl: '1m', errorTtl: '1m', copy: (value) => [value] })
    const run = vi.fn(() => 'a')
    expect([policy.executeSync(run, { key: 'k' }), policy.executeSync(run, { key: 'k' })]).toEqual([['a'], ['a']])
    expect(await policy.execute(run, { key: 'k' })).toEqual(['a'])
    expect(run).toHaveBeenCalledTimes(1)
    const fail = vi.fn(() => {
      throw new Error('down')
    })
    for (let i = 0; i < 2; i++) expect(() => policy.executeSync(fail, { key: 'e' })).toThrow('down')
    expect(fail).toHaveBeenCalledTimes(1)
  })

  it('does not wait for one that is in flight', async () => {
    const { policy, operation } = setup()
    void policy.execute(operation.hangs(), { key: 'k' })
    expect(policy.executeSync(() => 'by itself', { key: 'k' })).toBe('by itself')
  })

  it('that turns out to be a promise is refused and not kept', () => {
    const { policy } = setup({ ttl: '1m' })
    expect(() => policy.executeSync(async () => 1, { key: 'k' })).toThrow(/value, not a promise/)
    expect(policy.status().entries).toBe(0)
  })

  it('that its caller cancelled meanwhile is not kept', () => {
    const { policy } = setup({ ttl: '1m', errorTtl: '1m' })
    for (const fails of [false, true]) {
      const controller = new AbortController()
      const run = () => {
        controller.abort()
        if (fails) throw new Error('down')
      }
      const call = () => policy.executeSync(run, { key: 'k', signal: controller.signal })
      if (fails) expect(call).toThrow('down')
      else call()
    }
    expect(policy.status().entries).toBe(0)
  })

  it('cannot ask a store', () => {
    const store = { get: () => undefined, set: () => {}, delete: () => {} }
    const policy = coalesce({ store, ttl: 1, name: 'users' })
    expect(() => policy.executeSync(() => 1, { key: 'k' })).toThrow(/cannot ask a store/)
  })
})

describe('results in a store', () => {
  function stored(options: CoalesceOptions = {}) {
    const kept = new Map<string, { value: unknown }>()
    const store = {
      get: vi.fn(async (key: string): Promise<unknown> => kept.get(key)),
      set: vi.fn(async (key: string, value: unknown, _ttlMs: number): Promise<void> => void kept.set(key, { value })),
      delete: vi.fn(async (key: string) => void kept.delete(key)),
    }
    return { ...setup({ store, ttl: '5s', name: 'users', ...options }), kept, store }
  }

  // T: 23
  it('are awaited: a miss runs the operation, and its result is written', async () => {
    const { policy, store, kept, clock } = stored()
    const run = vi.fn(async () => undefined as unknown)
    const calls = [1, 2].map(() => policy.execute(run, { key: 'k' }))
    expect(await Promise.all(calls)).toEqual([undefined, undefined])
    await clock.advance(0)
    expect(store.set.mock.calls).toEqual([['users::k', undefined, 5000]])
    expect([await policy.execute(run, { key: 'k' }), run.mock.calls.length, kept.size]).toEqual([undefined, 1, 1])
  })

  it('are found by another process, and not written again', async () => {
    const { policy, store, kept, events, clock } = stored()
    kept.set('users:4:read:k', { value: 'theirs' })
    const run = vi.fn()
    expect(await policy.execute(run, { key: 'k', operation: 'read' })).toBe('theirs')
    await clock.advance(0)
    expect([run.mock.calls.length, store.set.mock.calls.length]).toEqual([0, 0])
    expect(events).toEqual([expect.objectContaining({ type: 'coalesce.hit', key: 'k' })])
    expect(events[0]).not.toHaveProperty('ageMs')
  })

  it('may come from a store that answers at once, or with nonsense, which is a miss', async () => {
    for (const answer of [{ value: 'kept' }, null, undefined, 'text', {}]) {
      const { policy, store } = stored()
      store.get.mockReturnValue(answer as never)
      expect(await policy.execute(() => 'fresh', { key: 'k' })).toBe(
        answer && typeof answer === 'object' && 'value' in answer ? 'kept' : 'fresh',
      )
    }
  })

  it('that cannot be read or written fail no call', async () => {
    const { policy, store, events, clock } = stored()
    store.get.mockImplementation(() => {
      throw new Error('not a promise either')
    })
    store.set.mockRejectedValue(new Error('read only'))
    store.delete.mockRejectedValue(new Error('gone'))
    expect(await policy.execute(() => 'fresh', { key: 'k' })).toBe('fresh')
    await clock.advance(0)
    await policy.invalidate('k')
    expect(events).toMatchObject([
      { type: 'coalesce.store-failed', during: 'get', error: { message: 'not a promise either' } },
      { type: 'coalesce.store-failed', during: 'set', error: { message: 'read only' } },
      { type: 'coalesce.store-failed', during: 'delete', error: { message: 'gone' } },
    ])
    expect(policy.status().inFlight).toBe(0)
  })

  it('that take too long are not waited for', async () => {
    const { policy, store, events, clock } = stored({ storeTimeout: 20 })
    let late: (error: Error) => void = () => {}
    store.get.mockReturnValue(new Promise((_, reject) => (late = reject)))
    store.set.mockReturnValue(new Promise(() => {}))
    const call = policy.execute(() => 'fresh', { key: 'k' })
    await clock.advance(20)
    expect(await call).toBe('fresh')
    late(new Error('late, and heard by nobody'))
    await clock.advance(20)
    expect(events).toMatchObject([
      { during: 'get', error: { code: 'ERR_TIMEOUT' } },
      { during: 'set', error: { code: 'ERR_TIMEOUT' } },
    ])
    expect(clock.pendingTimers({ includeIdle: true })).toBe(0)
  })

  it('are given to newcomers while they are written', async () => {
    const { policy, store, clock } = stored()
    let written = () => {}
    store.set.mockReturnValue(new Promise<void>((resolve) => (written = resolve)))
    const run = vi.fn(async () => 'fresh')
    await policy.execute(run, { key: 'k' })
    expect([await policy.execute(run, { key: 'k' }), run.mock.calls.length]).toEqual(['fresh', 1])
    expect(policy.status()).toMatchObject({ inFlight: 0, callers: 0 })
    written()
    await clock.advance(0)
    await policy.execute(run, { key: 'k' })
    expect(run).toHaveBeenCalledTimes(2)
  })

  it('are kept only where the rule says so, and never when they failed or everybody left', async () => {
    const { policy, store, clock } = stored({ ttl: (value) => (value === 'keep' ? 7 : 0) })
    await policy.execute(() => 'drop', { key: 'a' })
    await policy.execute(() => 'keep', { key: 'b' })
    await policy.execute(() => Promise.reject('down'), { key: 'c' }).catch(() => {})
    const controller = new AbortController()
    const run = vi.fn(() => 'keep')
    const left = settled(policy.execute(run, { key: 'd', signal: controller.signal }))
    controller.abort('bye')
    expect(await left).toEqual({ error: 'bye' })
    await clock.advance(0)
    expect(store.set.mock.calls).toEqual([['users::b', 'keep', 7]])
    expect([run.mock.calls.length, policy.status()]).toEqual([0, { inFlight: 0, callers: 0, entries: 0, abandoned: 0 }])
  })

  it('are forgotten when told to', async () => {
    const { policy, kept } = stored()
    await policy.execute(() => 'a', { key: 'k' })
    await policy.invalidate('k')
    expect(kept.size).toBe(0)
  })
})

describe('the news of coalescing', () => {
  // T: 24
  it.each([true, false])('are told alone and composed', async (alone) => {
    const clock = new VirtualClock()
    const policy = coalesce({ clock, ttl: 1000 })
    const events: HoldfastEvent[] = []
    const watched = alone ? policy : compose(retry({ clock }), policy)
    watched.observe((event) => events.push(event))
    const call = () => watched.execute(async () => 1, { key: 'k', operation: 'read', id: 'x9' })
    await Promise.all([call(), call(), call()])
    await call()
    const about = { policy: 'coalesce', at: clock.wallNow(), key: 'k', operation: 'read', execution: 'x9' }
    expect(events).toEqual([
      { ...about, type: 'coalesce.joined', callers: 2 },
      { ...about, type: 'coalesce.joined', callers: 3 },
      { ...about, type: 'coalesce.hit', ageMs: 0 },
    ])
  })
})

describe('the options of coalescing', () => {
  const store = { get: () => undefined, set: () => {}, delete: () => {} }

  // T: 11
  it.each<[object, string]>([
    [{ key: 'id' }, 'coalesce.key'],
    [{ ttl: -1 }, 'coalesce.ttl'],
    [{ ttl: 'soon' }, 'coalesce.ttl'],
    [{ errorTtl: -1 }, 'coalesce.errorTtl'],
    [{ maxEntries: 5 }, 'coalesce.maxEntries'],
    [{ ttl: 1, maxEntries: 0 }, 'coalesce.maxEntries'],
    [{ copy: true }, 'coalesce.copy'],
    [{ storeTimeout: 5 }, 'coalesce.storeTimeout'],
    [{ store, name: 'users' }, 'coalesce.store'],
    [{ store, ttl: 1 }, 'coalesce.store'],
    [{ store: { get() {} }, ttl: 1, name: 'users' }, 'coalesce.store'],
    [{ store, ttl: 1, errorTtl: 1, name: 'users' }, 'coalesce.errorTtl'],
    [{ store, ttl: 1, maxEntries: 1, name: 'users' }, 'coalesce.maxEntries'],
    [{ store, ttl: 1, storeTimeout: 0, name: 'users' }, 'coalesce.storeTimeout'],
    [{ name: '' }, 'coalesce.name'],
    [{ tll: 5 }, 'coalesce.tll'],
  ])('refuses %j and names %s', (options, option) => {
    expect(() => coalesce(options as CoalesceOptions)).toThrow(expect.objectContaining({ code: 'ERR_OPTION', option }) as Error)
  })

  it('keeps nothing, or a thousand results, when nothing is said', async () => {
    const bare = coalesce()
    await bare.execute(() => 1, { key: 'k' })
    expect(bare.status().entries).toBe(0)
    const keeping = coalesce({ ttl: '1h' })
    for (let i = 0; i < 1001; i++) await keeping.execute(() => i, { key: `${i}` })
    expect(keeping.status().entries).toBe(1000)
  })
})
