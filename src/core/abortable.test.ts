import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { abortable } from './abortable.ts'

const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length

describe('waiting for something that knows no signal', () => {
  it('ends as it does, and leaves no listener', async () => {
    const { signal } = new AbortController()
    const answer = abortable(Promise.resolve('answer'), signal)
    expect(listeners(signal)).toBe(1)
    expect([await answer, listeners(signal)]).toEqual(['answer', 0])
    await expect(abortable(Promise.reject(new Error('down')), signal)).rejects.toThrow('down')
    expect(listeners(signal)).toBe(0)
  })

  it('ends with the reason of the signal as soon as that aborts, or has', async () => {
    const controller = new AbortController()
    const never = new Promise<string>(() => {})
    const left = abortable(never, controller.signal)
    controller.abort('enough')
    await expect(left).rejects.toBe('enough')
    expect(listeners(controller.signal)).toBe(0)
    await expect(abortable(never, controller.signal)).rejects.toBe('enough')
    await expect(abortable(Promise.resolve('too late'), controller.signal)).rejects.toBe('enough')
  })

  it('is the promise itself without a signal', () => {
    const promise = Promise.resolve(1)
    expect(abortable(promise, undefined)).toBe(promise)
  })
})
