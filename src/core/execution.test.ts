import { getEventListeners } from 'node:events'
import { describe, expect, it, vi } from 'vitest'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { LiveExecution } from './execution.ts'
import type { ExecuteOptions } from './operation.ts'

const root = (options?: ExecuteOptions, clock = new VirtualClock()) => new LiveExecution(clock, () => 0, options)

describe('an execution', () => {
  it('lends the signal of its caller, untouched, also to attempts that nobody can abort apart', () => {
    const { signal } = new AbortController()
    const add = vi.spyOn(signal, 'addEventListener')
    const call = root({ signal })
    expect([call.signal, call.child(2, false).signal]).toEqual([signal, signal])
    expect(add).not.toHaveBeenCalled()
  })

  it('makes one signal when nobody can cancel, and always the same', () => {
    const call = root()
    expect(call.signal).toBe(call.signal)
    expect([call.signal.aborted, call.cancellable]).toEqual([false, false])
  })

  // T: 15
  it('aborts one attempt and neither its siblings nor the signal of the caller', () => {
    const { signal } = new AbortController()
    const call = root({ signal })
    const [one, two] = [call.child(1, true), call.child(2, true)]
    const [first, second] = [one.signal, two.signal]
    one.abort('late')
    expect([first.aborted, first.reason, second.aborted, signal.aborted]).toEqual([true, 'late', false, false])
  })

  it('shows an abort from before the first reading of the signal', () => {
    const attempt = root().child(1, true)
    attempt.abort('late')
    attempt.abort('later')
    expect([attempt.aborted, attempt.signal.aborted, attempt.signal.reason]).toEqual([true, true, 'late'])
  })

  it('aborts all that derives from it', () => {
    const controller = new AbortController()
    const inner = root({ signal: controller.signal }).child(1, true).child(3, true)
    const { signal } = inner
    controller.abort('enough')
    expect([signal.aborted, signal.reason, inner.aborted, inner.abortReason]).toEqual([true, 'enough', true, 'enough'])
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    const outer = root().child(1, true)
    const derived = outer.child(2, false)
    expect([derived.aborted, derived.abortReason]).toEqual([false, undefined])
    outer.abort('late')
    expect([derived.aborted, derived.abortReason, derived.signal.reason]).toEqual([true, 'late', 'late'])
    expect(root({}).abortReason).toBe(undefined)
  })

  it('makes no signal of the call for an attempt that it cannot abort', () => {
    const call = root()
    void call.child(1, true).signal
    expect(getEventListeners(call.signal, 'abort')).toEqual([])
  })

  // T: 14
  it('keeps the first reason, whichever end it came from', () => {
    const controller = new AbortController()
    const attempt = root({ signal: controller.signal }).child(1, true)
    attempt.abort('timed out')
    controller.abort('cancelled')
    expect([attempt.abortReason, attempt.signal.reason]).toEqual(['timed out', 'timed out'])
  })

  it('leaves no listener on the signal of the caller once it is closed, or aborted by a policy', () => {
    const { signal } = new AbortController()
    const removed = vi.spyOn(signal, 'removeEventListener')
    const closed = root({ signal }).child(1, true)
    void closed.signal
    closed.close()
    expect(removed).toHaveBeenCalledTimes(1)
    // Work that hangs for ever is never closed; its link must not outlive the abort.
    const hung = root({ signal }).child(1, true)
    void hung.signal
    hung.abort('late')
    expect(removed).toHaveBeenCalledTimes(2)
  })

  it('has one id for all attempts, given or made', () => {
    const call = root({ id: 'mine' })
    expect([call.id, call.child(2, true).id]).toEqual(['mine', 'mine'])
    const own = root()
    expect(own.child(2, false).id).toBe(own.id)
    expect(own.id).not.toBe(root().id)
    expect(own.id).toMatch(/^x[\da-z]+$/)
  })

  it('passes key, operation and attributes on, and has none by default', () => {
    const child = root({ key: 'k', operation: 'goto', attributes: { a: 1 } }).child(2, true)
    expect([child.key, child.operation, child.attributes, child.attempt]).toEqual(['k', 'goto', { a: 1 }, 2])
    expect([root().key, root().operation, root().attributes]).toEqual([undefined, undefined, {}])
  })

  it('reads the clock once until it is refreshed, and tells what remains as it is now', async () => {
    const clock = new VirtualClock()
    const call = root(undefined, clock)
    expect([call.now(), call.remaining(), call.deadline]).toEqual([0, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY])
    call.deadline = 100
    await clock.advance(30)
    expect([call.now(), call.remaining(), call.child(1, false).deadline]).toEqual([0, 70, 100])
    call.refresh()
    expect(call.now()).toBe(30)
    await clock.advance(300)
    expect(call.remaining()).toBe(0)
  })
})
