import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { OptionError } from './errors.ts'
import { listenerErrors } from './events.ts'
import { userRule } from './user-rule.ts'

describe('a rule of the user', () => {
  const report = vi.fn()
  const before = listenerErrors.report
  beforeEach(() => {
    listenerErrors.report = report
  })
  afterEach(() => {
    report.mockReset()
    listenerErrors.report = before
  })

  it('is asked with all that it is to know, and its answer counts', () => {
    const rule = userRule((error: string, attempt: number) => `${error} ${attempt}`, 'answers', 'otherwise')
    expect(rule('down', 2)).toBe('down 2')
    expect(report).not.toHaveBeenCalled()
  })

  it('that throws is reported once, and the safe answer is taken each time', () => {
    const slip = new TypeError('slip')
    const rule = userRule(
      () => {
        throw slip
      },
      'throws',
      false,
    )
    expect([rule(), rule()]).toEqual([false, false])
    expect(report.mock.calls).toEqual([[slip, 'throws']])
  })

  it('that answers by a promise is reported, and the promise may reject without a word', async () => {
    const rule = userRule((): unknown => Promise.reject(new Error('unheard')), 'promises', 'safe')
    expect(rule()).toBe('safe')
    await new Promise((resolve) => setImmediate(resolve))
    expect(report.mock.calls).toEqual([[expect.any(OptionError), 'promises']])
    expect(report.mock.calls[0]![0].message).toContain("'promises' must answer at once, not by a promise")
  })

  it('that answers by the promise of another library is reported too, and its answer is not taken for a yes', () => {
    const rule = userRule((): unknown => ({ then: (resolve: (no: boolean) => void) => resolve(false) }), 'thenables', false)
    expect(rule()).toBe(false)
    expect(report.mock.calls).toEqual([[expect.any(OptionError), 'thenables']])
  })

  it('may have its answer checked', () => {
    const rule = userRule(
      (ms: number) => ms,
      'checked',
      0,
      (ms) => {
        if (ms < 0) throw new RangeError('negative')
        return ms * 2
      },
    )
    expect([rule(2), rule(-1)]).toEqual([4, 0])
    expect(report.mock.calls).toEqual([[new RangeError('negative'), 'checked']])
  })

  it('must be a function', () => {
    expect(() => userRule(5 as unknown as () => void, 'retry.retryIf', undefined)).toThrow("'retry.retryIf' must be a function")
  })
})
