import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { answerWithin } from './answer-within.ts'

describe('an answer from outside', () => {
  it('is what is answered, at once or later, or the error of it', async () => {
    const clock = new VirtualClock()
    expect(await answerWithin(clock, 100, () => 'at once')).toBe('at once')
    expect(await answerWithin(clock, 100, () => Promise.resolve('later'))).toBe('later')
    await expect(answerWithin(clock, 100, () => Promise.reject(new Error('down')))).rejects.toThrow('down')
    const throwing = answerWithin(clock, 100, () => {
      throw new Error('broken')
    })
    await expect(throwing).rejects.toThrow('broken')
  })

  it('is waited for no longer than its limit, whatever comes after', async () => {
    const clock = new VirtualClock()
    const late = new Promise((resolve) => clock.setTimer(101, () => resolve('late')))
    const end = answerWithin(clock, 100, () => late).catch((error: Error) => error)
    await clock.advance(200)
    expect(await end).toMatchObject({ code: 'ERR_TIMEOUT', limitMs: 100 })
  })

  it('leaves no timer once it is there', async () => {
    const clock = new VirtualClock()
    const [answered, pending] = [answerWithin(clock, 100, () => 'ok'), answerWithin(clock, 50, () => new Promise(() => {}))]
    expect(await answered).toBe('ok')
    const end = pending.catch(() => 'given up')
    await clock.advance(50)
    // The timers of a clock share one: it would go on for what was answered.
    expect([await end, clock.pendingTimers({ includeIdle: true })]).toEqual(['given up', 0])
  })
})
