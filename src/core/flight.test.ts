import { getEventListeners } from 'node:events'
import { describe, expect, it, vi } from 'vitest'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { LiveExecution } from './execution.ts'
import { Flight } from './flight.ts'
import type { ExecuteOptions } from './operation.ts'

const callWith = (options?: ExecuteOptions) => new LiveExecution(new VirtualClock(), () => 0, options)

function fly() {
  const allLeft = vi.fn()
  const flight = new Flight('k', callWith({ key: 'k', operation: 'goto', id: 'i', attributes: { a: 1 } }), allLeft)
  let land: (value: string) => void = () => {}
  const result = flight.begin(() => new Promise<string>((resolve) => (land = resolve)))
  return { flight, result, allLeft, land: (value: string) => land(value) }
}

describe('one run that several wait for', () => {
  it('is that of the first call, by key, name, id and attributes, under a signal of its own', () => {
    const { key, operation, id, attributes, attempt, cancellable } = fly().flight.execution
    expect({ key, operation, id, attributes, attempt, cancellable }).toEqual({
      ...{ key: 'k', operation: 'goto', id: 'i', attributes: { a: 1 } },
      ...{ attempt: 1, cancellable: true },
    })
  })

  it('gives its result itself to whoever cannot leave', () => {
    const { flight, result } = fly()
    expect(flight.join(callWith())).toBe(result)
  })

  it('goes on while somebody waits, is aborted when the last has left, and leaves no listener on any signal', async () => {
    const { flight, allLeft } = fly()
    const [one, two] = [new AbortController(), new AbortController()]
    const ends = [one, two].map(({ signal }) => flight.join(callWith({ signal })))
    expect(flight.callers).toBe(2)
    one.abort('enough')
    await expect(ends[0]).rejects.toBe('enough')
    expect([flight.callers, flight.execution.aborted]).toEqual([1, false])
    two.abort('enough too')
    await expect(ends[1]).rejects.toBe('enough too')
    expect([flight.callers, flight.execution.abortReason, allLeft.mock.calls]).toEqual([0, 'enough too', [[flight]]])
    expect([one, two].map(({ signal }) => getEventListeners(signal, 'abort').length)).toEqual([0, 0])
  })

  it('is left at once by a caller whose signal has aborted while it was joined', async () => {
    const { flight } = fly()
    await expect(flight.join(callWith({ signal: AbortSignal.abort('before') }))).rejects.toBe('before')
    expect([flight.callers, flight.execution.abortReason]).toEqual([0, 'before'])
  })

  it('has as long as the most patient of its callers, and ends for all of them', async () => {
    const { flight, land } = fly()
    flight.execution.deadline = 100
    const ends = [50, 200, 80].map((deadline) => flight.join(Object.assign(callWith(), { deadline })))
    expect(flight.execution.deadline).toBe(200)
    const { signal } = new AbortController()
    ends.push(flight.join(callWith({ signal })))
    land('landed')
    expect(await Promise.all(ends)).toEqual(['landed', 'landed', 'landed', 'landed'])
    expect([flight.callers, getEventListeners(signal, 'abort').length, flight.execution.aborted]).toEqual([0, 0, false])
  })
})
