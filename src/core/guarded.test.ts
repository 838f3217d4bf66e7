import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { bulkhead } from '../policies/bulkhead/bulkhead.ts'
import { scripted } from '../testing/scripted-operation.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { policy } from './policy.ts'

const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length

describe('a call that its caller may cancel', () => {
  it('leaves no listener on the signal, however it ends', async () => {
    const clock = new VirtualClock()
    const slots = bulkhead({ limit: 9, clock })
    const within = '1s'
    const { signal } = new AbortController()
    const reading = (end: () => unknown) => slots.execute((execution) => execution.signal.aborted || end(), { signal, within })
    expect(await reading(() => 'ok')).toBe('ok')
    await expect(reading(() => Promise.reject(new Error('down')))).rejects.toThrow('down')
    expect(listeners(signal)).toBe(0)
    const late = reading(() => new Promise(() => {})).catch((error: Error) => error)
    await clock.advance(1000)
    expect(await late).toMatchObject({
      ...{ code: 'ERR_TIMEOUT', policy: 'within', limitMs: 1000 },
      hint: 'The whole call, attempts and waits included, took too long.',
    })
    expect(listeners(signal)).toBe(0)
    const caller = new AbortController()
    const left = slots.execute(scripted().hangs(), { signal: caller.signal, within })
    caller.abort('enough')
    await expect(left).rejects.toBe('enough')
    expect(listeners(caller.signal)).toBe(0)
    await clock.advance(5000)
    expect(clock.pendingTimers({ includeIdle: true })).toBe(0)
  })

  it('is told what to do where no time is left', async () => {
    await expect(policy('layer', (next) => next).execute(() => 1, { within: 0 })).rejects.toMatchObject({
      ...{ code: 'ERR_DEADLINE_EXCEEDED', message: 'no time is left for this call', policy: 'within' },
      hint: 'Nothing was sent. Give the call more time, or call less.',
    })
  })

  it('does not begin when it was cancelled beforehand: not even a layer is entered', async () => {
    let entered = 0
    const layer = policy('layer', (next) => (execution) => {
      entered++
      return next(execution)
    })
    await expect(layer.execute(() => 1, { signal: AbortSignal.abort('before') })).rejects.toBe('before')
    expect(entered).toBe(0)
  })
})
