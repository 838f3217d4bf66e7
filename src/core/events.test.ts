import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { EventBus, type HoldfastEvent, listenerErrors } from './events.ts'

/** Reports are made once per type and process, so each test tells of a type of its own. */
let types = 0
const event = (): HoldfastEvent => ({ type: `test.event-${++types}`, at: 0 }) as unknown as HoldfastEvent

const report = listenerErrors.report
const reports: [unknown, string][] = []
beforeEach(() => {
  reports.length = 0
  listenerErrors.report = (error, type) => reports.push([error, type])
})
afterEach(() => {
  listenerErrors.report = report
})

describe('an event bus', () => {
  it('is active only while somebody listens', () => {
    const bus = new EventBus()
    expect(bus.active).toBe(false)
    const stops = [bus.observe(() => {}), bus.observe(() => {})]
    expect(bus.active).toBe(true)
    stops[0]!()
    stops[0]!()
    expect(bus.active).toBe(true)
    stops[1]!()
    expect(bus.active).toBe(false)
  })

  it('tells every listener, in the order they came', () => {
    const bus = new EventBus()
    const heard: string[] = []
    bus.observe(({ type }) => heard.push(`a ${type}`))
    bus.observe(({ type }) => heard.push(`b ${type}`))
    const one = event()
    bus.emit(one)
    expect(heard).toEqual([`a ${one.type}`, `b ${one.type}`])
  })

  // T: 19
  it('isolates a listener that throws: the others hear, and it is reported once', () => {
    const bus = new EventBus()
    const heard = vi.fn()
    const error = new Error('in the listener')
    bus.observe(() => {
      throw error
    })
    bus.observe(heard)
    const one = event()
    bus.emit(one)
    bus.emit(one)
    expect(heard).toHaveBeenCalledTimes(2)
    expect(reports).toEqual([[error, one.type]])
  })

  // T: 19
  it('isolates an async listener that rejects', async () => {
    const bus = new EventBus()
    const error = new Error('later')
    bus.observe(async () => {
      throw error
    })
    const one = event()
    bus.emit(one)
    await Promise.resolve()
    expect(reports).toEqual([[error, one.type]])
  })

  // T: 19
  it('isolates a report that throws', () => {
    const bus = new EventBus()
    listenerErrors.report = () => {
      throw new Error('in the report')
    }
    bus.observe(() => {
      throw new Error('in the listener')
    })
    expect(() => bus.emit(event())).not.toThrow()
  })

  // T: 19
  it('reports on the console, where nobody replaced that', () => {
    const said = vi.spyOn(console, 'error').mockImplementation(() => {})
    const error = new Error('in the listener')
    report(error, 'retry.scheduled')
    expect(said.mock.calls).toEqual([["holdfast: a listener or rule threw on 'retry.scheduled' and was ignored:", error]])
    said.mockRestore()
  })

  it('stops one observation of a function that listens twice', () => {
    const bus = new EventBus()
    const heard = vi.fn()
    const stop = bus.observe(heard)
    bus.observe(heard)
    bus.emit(event())
    stop()
    stop()
    bus.emit(event())
    expect(heard).toHaveBeenCalledTimes(3)
    expect(bus.active).toBe(true)
  })

  it('lets listeners come and go while it tells', () => {
    const bus = new EventBus()
    const late = vi.fn()
    const stop = bus.observe(() => {
      stop()
      bus.observe(late)
    })
    bus.emit(event())
    expect(late).not.toHaveBeenCalled()
    bus.emit(event())
    expect(late).toHaveBeenCalledTimes(1)
  })
})
