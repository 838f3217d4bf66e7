import { describe, expect, it } from 'vitest'
import { retry } from '../policies/retry/retry.ts'
import { ScriptEndedError, scripted } from './scripted-operation.ts'
import { VirtualClock } from './virtual-clock.ts'

describe('a scripted operation', () => {
  it('plays its steps in order and repeats the last', async () => {
    const operation = scripted<string>().fails(2).thenReturns('ok')
    const policy = retry({ backoff: () => 0 })
    await expect(policy.execute(operation)).resolves.toBe('ok')
    await expect(policy.execute(operation)).resolves.toBe('ok')
    expect(operation.attempts).toEqual([1, 2, 3, 1])
  })

  it('fails with the error it was given, a falsy one too, and numbers its own', async () => {
    const operation = scripted().fails(1, null).fails(1)
    const { execution } = probe()
    await expect(operation(execution)).rejects.toBeNull()
    await expect(operation(execution)).rejects.toThrow('scripted failure 2')
  })

  it('throws before there is a promise, and returns without one', () => {
    const operation = scripted<number>().throwsSync(1, 'not an error').returns(7)
    const { execution } = probe()
    expect(() => operation(execution)).toThrow('not an error')
    expect(operation(execution)).toBe(7)
  })

  it('settles by its clock', async () => {
    const clock = new VirtualClock()
    const operation = scripted<string>({ clock }).resolvesAfter(50, 'late', 1).rejectsAfter(20, 'no', 1)
    const { execution } = probe()
    const first = operation(execution)
    const second = Promise.resolve(operation(execution)).catch((error) => error)
    expect(operation.running).toBe(2)
    await clock.advance(20)
    expect(await second).toBe('no')
    expect(operation.running).toBe(1)
    await clock.advance(30)
    expect(await first).toBe('late')
    expect([operation.running, operation.mostRunning]).toEqual([0, 2])
    expect(operation.calls.map(({ at }) => at)).toEqual([0, 0])
  })

  it('hangs until it is aborted, or until it is released', async () => {
    const operation = scripted<string>().hangsUntilAborted(1).hangs()
    const { execution, controller } = probe()
    const first = operation(execution)
    const second = operation(execution)
    controller.abort('enough')
    await expect(first).rejects.toBe('enough')
    expect(operation.release('released')).toBe(1)
    await expect(second).resolves.toBe('released')
    expect(operation.signals).toEqual([controller.signal, controller.signal])
  })

  it('says so when the script has ended', () => {
    expect(() => scripted()(probe().execution)).toThrow(ScriptEndedError)
  })
})

function probe() {
  const controller = new AbortController()
  const execution = {
    signal: controller.signal,
    attempt: 1,
    deadline: Number.POSITIVE_INFINITY,
    key: undefined,
    operation: undefined,
    id: 'x',
    attributes: {},
    remaining: () => Number.POSITIVE_INFINITY,
  }
  return { execution, controller }
}
