import { describe, expect, it } from 'vitest'
import { EventBus } from '../../core/events.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import type { FeedOptions } from './event-feed.ts'
import { eventFeed } from './event-feed.ts'

function stage(options: Partial<FeedOptions> = {}): {
  bus: EventBus
  clock: VirtualClock
  stream: ReadableStream<Uint8Array>
  read: () => Promise<string>
  stop: () => Promise<void>
} {
  const bus = new EventBus()
  const clock = new VirtualClock()
  const stream = eventFeed(bus, { clock, ...options })
  const reader = stream.getReader()
  const decoder = new TextDecoder()
  const read = async (): Promise<string> => decoder.decode((await reader.read()).value)
  return { bus, clock, stream, read, stop: () => reader.cancel() }
}

const released = (at: number) => ({ type: 'target.released' as const, at, target: 't' })

describe('the event feed', () => {
  it('sends what happened in bursts', async () => {
    const { bus, clock, read } = stage({ everyMs: 200 })
    expect(await read()).toContain('event: hello')
    bus.emit(released(1))
    bus.emit(released(2))
    await clock.advance(200)
    expect(await read()).toBe(
      'data: {"type":"target.released","at":1,"target":"t"}\n\ndata: {"type":"target.released","at":2,"target":"t"}\n\n',
    )
  })

  it('keeps the newest of a storm, and says how many went', async () => {
    const { bus, clock, read } = stage({ buffer: 3 })
    await read()
    for (let at = 1; at <= 1000; at++) bus.emit(released(at))
    await clock.advance(200)
    const text = await read()
    expect(text.match(/"at":\d+/g)).toEqual(['"at":998', '"at":999', '"at":1000'])
    expect(text).toContain('event: lost\ndata: {"count":997}')
  })

  it('costs a bounded buffer when nobody reads', async () => {
    const { bus, clock, read } = stage({ buffer: 3 })
    for (let round = 0; round < 50; round++) {
      for (let at = 0; at < 100; at++) bus.emit(released(at))
      await clock.advance(200)
    }
    // The hello, one burst that still fitted, and then only what the last buffer holds.
    await read()
    await read()
    await clock.advance(200)
    expect(await read()).toContain('"count":4897')
  })

  it('says now and then that it is still there', async () => {
    const { clock, read } = stage({ heartbeatMs: 15_000 })
    await read()
    await clock.advance(15_000)
    expect(await read()).toBe(': still here\n\n')
  })

  it('masks secrets', async () => {
    const { bus, clock, read } = stage()
    await read()
    bus.emit({ type: 'store.degraded', at: 1, reason: 'postgres://u:hunter2@db is gone' })
    await clock.advance(200)
    expect(await read()).toContain('postgres://u:[redacted]@db')
  })

  it('leaves no listener and no timer when it is over', async () => {
    let ended = 0
    const { bus, clock, read, stop } = stage({ onEnd: () => ended++ })
    await read()
    bus.emit(released(1))
    await stop()
    expect([bus.active, clock.pendingTimers({ includeIdle: true }), ended]).toEqual([false, 0, 1])
  })

  it('ends at once on a server that is closing already', async () => {
    const closing = AbortSignal.abort()
    const { bus, clock, read } = stage({ closing })
    await read()
    expect(await read()).toBe('')
    expect([bus.active, clock.pendingTimers({ includeIdle: true })]).toEqual([false, 0])
  })
})
