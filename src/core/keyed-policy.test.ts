import { describe, expect, it } from 'vitest'
import { bulkhead } from '../policies/bulkhead/bulkhead.ts'
import { circuitBreaker } from '../policies/circuit-breaker/circuit-breaker.ts'
import { retry } from '../policies/retry/retry.ts'
import { scripted } from '../testing/scripted-operation.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import type { OptionError } from './errors.ts'
import { type HoldfastEvent, listenerErrors } from './events.ts'
import { explain } from './explain.ts'
import { type KeyedOptions, keyed } from './keyed-policy.ts'
import { compose, noop, policy } from './policy.ts'

const clock = new VirtualClock()
const breakers = (options: KeyedOptions<ReturnType<typeof circuitBreaker>> = {}) =>
  keyed((key) => circuitBreaker({ trip: { consecutive: 1 }, name: `breaker ${key}`, clock }), { clock, ...options })
const fails = () => Promise.reject(new Error('down'))

describe('a keyed policy', () => {
  // R: P6, U2
  it('has a policy for each key, which knows nothing of the others', async () => {
    const peers = breakers()
    await peers.execute(fails, { key: 'a' }).catch(() => {})
    await expect(peers.execute(() => 1, { key: 'a' })).rejects.toMatchObject({ code: 'ERR_CIRCUIT_OPEN', policy: 'breaker a' })
    await expect(peers.execute(() => 1, { key: 'b' })).resolves.toBe(1)
    expect(peers.executeSync(() => 1, { key: 'c' })).toBe(1)
    expect([...peers].map(([key, { state }]) => `${key} ${state}`)).toEqual(['a open', 'b closed', 'c closed'])
    expect([peers.at('a').state, peers.find('d'), peers.size]).toEqual(['open', undefined, 3])
  })

  it('chooses by what it is told, and has one for all calls without a key', async () => {
    const peers = breakers({ by: ({ operation }) => operation })
    await peers.execute(fails, { operation: 'goto' }).catch(() => {})
    await peers.execute(() => 1, { key: 'a' })
    await peers.execute(() => 1)
    expect([...peers].map(([key]) => key)).toEqual(['goto', ''])
  })

  it('composes with others, outside and inside', async () => {
    const operation = scripted({ clock }).fails(1).thenReturns('ok')
    const slots = keyed(() => bulkhead({ limit: 1, clock }), { clock })
    const stack = compose(
      keyed(() => retry({ backoff: [10], clock }), { clock }),
      slots,
    )
    const end = stack.execute(operation, { key: 'a' })
    await clock.advance(10)
    expect([await end, slots.at('a').snapshot().inFlight]).toEqual(['ok', 0])
    await expect(keyed(() => noop, { clock }).execute(() => 1)).resolves.toBe(1)
  })

  it('passes calls on to what stands inside of it, whichever policy is chosen', async () => {
    const inner = policy('inner', (next) => async (execution) => `[${await next(execution)}]` as never)
    const stack = compose(
      keyed(() => bulkhead({ limit: 1, clock }), { clock }),
      inner,
    )
    expect([await stack.execute(() => 'x', { key: 'a' }), await stack.execute(() => 'y', { key: 'b' })]).toEqual(['[x]', '[y]'])
  })

  it('applies a layer of a key once, when the key is first used', async () => {
    let applied = 0
    const counted = keyed(
      (key) =>
        policy(key, (next) => {
          applied++
          return next
        }),
      { clock },
    )
    for (const key of ['a', 'b', 'a', 'a']) await counted.execute(() => 1, { key })
    expect(applied).toBe(2)
  })

  // T: 31
  it('keeps a key when the rule about keeping throws', async () => {
    const { report } = listenerErrors
    listenerErrors.report = () => {}
    const keep = () => {
      throw new Error('in the rule')
    }
    const peers = breakers({ idleAfter: '1m', keep })
    peers.at('old')
    await clock.advance(60_000)
    peers.at('new')
    listenerErrors.report = report
    expect(peers.size).toBe(2)
  })

  // T: 31
  it('forgets what is idle and what is too much, but not what is to be kept; running calls end under their own', async () => {
    const peers = breakers({ idleAfter: '1m', maxKeys: 3, keep: ({ state }) => state !== 'closed' })
    await peers.execute(fails, { key: 'down' }).catch(() => {})
    const operation = scripted().hangs()
    const end = peers.execute(operation, { key: 'busy' })
    await clock.advance(60_000)
    peers.at('new')
    expect([...peers].map(([key]) => key)).toEqual(['down', 'new'])
    operation.release('ok')
    expect(await end).toBe('ok')
    for (let key = 0; key < 1000; key++) peers.at(String(key))
    expect([...peers].map(([key]) => key)).toEqual(['down', '998', '999'])
    expect([peers.delete('down'), peers.delete('down'), peers.size]).toEqual([true, false, 2])
  })

  // T: 24
  it('is one bus: tells with the key what each of them tells, those made later too, and stops with its last listener', async () => {
    const peers = breakers()
    await peers.execute(() => 1, { key: 'early' })
    const events: HoldfastEvent[] = []
    const stop = peers.observe((event) => events.push(event))
    await peers.execute(fails, { key: 'early' }).catch(() => {})
    await peers.execute(fails, { key: 'late' }).catch(() => {})
    expect(events).toMatchObject([
      { type: 'circuit-breaker.changed', key: 'early', to: 'open' },
      { type: 'circuit-breaker.changed', key: 'late', to: 'open' },
    ])
    const late = peers.at('late')
    peers.delete('late')
    late.reset()
    stop()
    peers.at('early').reset()
    expect(events.length).toBe(2)
    expect([peers.at('early').events.active, late.events.active]).toEqual([false, false])
  })

  // T: 24
  it('is heard by those who still listen when another stops, and by those who begin again', async () => {
    const peers = breakers()
    const heard: string[] = []
    const listen = (name: string) => peers.observe(({ type }) => heard.push(`${name} ${type}`))
    const [stopFirst, stopSecond] = [listen('first'), listen('second')]
    peers.at('a').trip()
    stopFirst()
    peers.at('a').reset()
    stopSecond()
    peers.at('a').trip()
    listen('third')
    peers.at('a').reset()
    expect(heard.map((one) => one.split(' ')[0])).toEqual(['first', 'second', 'second', 'third'])
  })

  it('is explained with what its policies decide', async () => {
    const peers = breakers()
    const { decisions } = await explain(peers, fails, { key: 'a' })
    expect(decisions.map(({ policy: name, verdict }) => `${name} ${verdict}`)).toEqual([
      ...['breaker a admitted', 'operation failed', 'breaker a changed', 'breaker a learnt'],
    ])
  })

  it('describes the policy of a key', () => {
    const peers = breakers({ name: 'peers' })
    peers.at('a').trip()
    expect(peers.describe()).toMatchObject({ name: 'peers', type: 'keyed', options: { maxKeys: 10_000 }, state: { keys: 1 } })
    expect(peers.describe('a')).toMatchObject({ choices: { default: { name: 'breaker a', state: { state: 'open' } } } })
    expect(peers.describe('b').choices).toBeUndefined()
  })

  it('fails the call when there is no policy to be had', async () => {
    const broken = keyed(
      () => {
        throw new Error('in the rule')
      },
      { clock },
    )
    await expect(broken.execute(() => 1)).rejects.toThrow('in the rule')
    for (const [made, shown] of [
      [5, '5'],
      [undefined, 'undefined'],
    ])
      await expect(keyed(() => made as never, { clock }).execute(() => 1)).rejects.toThrow(
        `'keyed.make' must give a policy: got ${shown}`,
      )
    await expect(keyed(() => circuitBreaker(), { clock }).execute(() => 1)).rejects.toThrow(
      `'keyed.clock' must be the clock of the policies that it makes: got "another one"`,
    )
  })

  // T: 11
  it('refuses options that are unknown or wrong', () => {
    for (const [options, option] of [
      [{ max: 5 }, 'keyed.max'],
      [{ maxKeys: 0 }, 'keyed.maxKeys'],
      [{ idleAfter: 0 }, 'keyed.idleAfter'],
      [{ by: 'key' }, 'keyed.by'],
      [{ keep: true }, 'keyed.keep'],
      [{ name: '' }, 'keyed.name'],
      [{ clock: {} }, 'keyed.clock'],
    ] as [object, string][]) {
      let error: unknown
      try {
        keyed(() => noop, options)
      } catch (thrown) {
        error = thrown
      }
      expect((error as OptionError)?.option).toBe(option)
    }
    expect(() => keyed('policy' as never)).toThrow("'keyed.make'")
  })
})
