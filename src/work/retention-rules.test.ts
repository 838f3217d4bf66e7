import { describe, expect, it } from 'vitest'
import { memoryStore } from '../stores/memory/memory-store.ts'
import { newJob } from '../testing/store-contract/harness.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { defineKind, type KindOptions } from './kind.ts'
import { Pruner } from './pruner.ts'

const DAY = 86_400_000

const kind = (name: string, retention?: KindOptions['retention']) =>
  defineKind({ name, target: 't', handler: () => {}, ...(retention && { retention }) })

/** A store, processes on it, and how many of each kind are left. */
async function rig() {
  const clock = new VirtualClock()
  const store = memoryStore({ clock })
  await store.open()
  const process = (...kinds: ReturnType<typeof kind>[]) => new Pruner({ store, clock, kinds, olderThan: '7d', keep: 5 })
  const end = async (name: string, count = 1): Promise<void> => {
    for (const { id } of await store.enqueue(Array.from({ length: count }, () => newJob({ kind: name })))) await store.cancel(id)
  }
  const left = async () => Object.fromEntries((await store.counts()).map((row) => [row.kind, row.count]))
  return { clock, store, process, end, left }
}

describe('the retention of a kind', () => {
  it('is its own, and the others keep the one for all', async () => {
    const { clock, process, end, left } = await rig()
    const pruner = process(kind('invoice', { olderThan: '365d', keep: 1000 }), kind('ping', { olderThan: 0 }), kind('mail'))
    for (const name of ['invoice', 'ping', 'mail']) await end(name, 4)
    expect(await pruner.prune()).toBe(0)
    await clock.advance(1)
    expect(await pruner.prune()).toBe(4)
    expect(await left()).toEqual({ invoice: 4, mail: 4 })
    await clock.advance(7 * DAY)
    expect(await pruner.prune()).toBe(4)
    expect(await left()).toEqual({ invoice: 4 })
    await clock.advance(358 * DAY)
    expect(await pruner.prune()).toBe(4)
  })

  it('takes from the one for all what it leaves out, and is counted alone', async () => {
    const { clock, process, end, left } = await rig()
    const pruner = process(kind('year', { olderThan: '365d' }), kind('few', { keep: 2 }))
    for (const name of ['year', 'few', 'mail']) await end(name, 7)
    await pruner.prune()
    expect(await left()).toEqual({ year: 5, few: 2, mail: 5 })
    await clock.advance(8 * DAY)
    await pruner.prune()
    expect(await left()).toEqual({ year: 5 })
  })

  it('holds in a process that does not know the kind', async () => {
    const { clock, process, end, left } = await rig()
    await end('invoice')
    await end('mail')
    await process(kind('invoice', { olderThan: '365d' })).prune()
    await clock.advance(8 * DAY)
    const stranger = process(kind('mail'))
    expect(await stranger.prune()).toBe(1)
    expect(await left()).toEqual({ invoice: 1 })
    await clock.advance(358 * DAY)
    expect(await stranger.prune()).toBe(1)
  })

  it('is forgotten by all when who knows the kind has none any more', async () => {
    const { clock, store, process, end, left } = await rig()
    await end('invoice')
    await process(kind('invoice', { olderThan: '365d' })).prune()
    expect(await store.readStates('retention:')).toMatchObject([{ name: 'retention:invoice' }])
    await clock.advance(8 * DAY)
    expect(await process(kind('invoice')).prune()).toBe(1)
    expect(await store.readStates('retention:')).toEqual([])
    await end('invoice')
    await clock.advance(8 * DAY)
    await process().prune()
    expect(await left()).toEqual({})
  })

  it('is told once: of two releases side by side each prunes the kinds that it knows by its own', async () => {
    const { store, process } = await rig()
    const before = process(kind('invoice', { olderThan: '30d' }))
    await before.prune()
    await process(kind('invoice', { olderThan: '365d', keep: 9 })).prune()
    await before.prune()
    expect((await store.readStates('retention:'))[0]?.value).toEqual({ version: 1, olderThanMs: 365 * DAY, keep: 9 })
  })

  it('that another release wrote in other words is passed over', async () => {
    const { clock, store, process, end } = await rig()
    await store.writeState('retention:mail', { version: 2, olderThan: 'for ever' })
    await store.writeState('retention:sms', null)
    await end('mail')
    await end('sms')
    await clock.advance(8 * DAY)
    expect(await process().prune()).toBe(2)
  })

  it.each<[string, unknown, RegExp]>([
    ['an unknown word', { every: '1h' }, /kind 'mail'\.retention\.every/],
    ['no age', { olderThan: 'long' }, /kind 'mail'\.retention\.olderThan/],
    ['a negative age', { olderThan: -1 }, /kind 'mail'\.retention\.olderThan/],
    ['part of a job', { keep: 1.5 }, /kind 'mail'\.retention\.keep/],
    ['null', null, /kind\.retention' must not be null/],
    ['null further in', { olderThan: null }, /kind 'mail'\.retention\.olderThan/],
    ['a duration alone', '7d', /kind 'mail'\.retention/],
  ])('is not %s', (_what, retention, message) => {
    expect(() => defineKind({ name: 'mail', target: 't', handler: () => {}, retention: retention as never })).toThrow(message)
  })
})
