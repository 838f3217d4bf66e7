import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OptionError, RejectedError } from '../../core/errors.ts'
import { type FallbackRules, isReplaced, withCause } from './machine.ts'

const none: FallbackRules = { handle: undefined, handleResult: undefined }
const error = new Error('down')
const misuse = new OptionError('executeSync', 'needs a value', 1)
const refused = new RejectedError('open', { code: 'ERR_CIRCUIT_OPEN' })

describe('whether a failure is replaced', () => {
  it.each([
    ['any error', { error }, false, none, true],
    ['an error that is no error', { error: undefined }, false, none, true],
    ['a refusal by another policy', { error: refused }, false, none, true],
    ['a wrong use of the library', { error: misuse }, false, none, false],
    ['a wrong use that the rule would take', { error: misuse }, false, { ...none, handle: () => true }, false],
    ['an error of a cancelled call', { error }, true, none, false],
    ['an error that the rule takes', { error }, false, { ...none, handle: (one: unknown) => one === error }, true],
    ['an error that the rule leaves', { error }, false, { ...none, handle: () => false }, false],
    ['a result', { value: null }, false, none, false],
    ['a result that the rule takes', { value: null }, false, { ...none, handleResult: (one: unknown) => one === null }, true],
    ['a result that the rule leaves', { value: 1 }, false, { ...none, handleResult: (one: unknown) => one === null }, false],
    ['a result of a cancelled call', { value: null }, true, { ...none, handleResult: () => true }, false],
    ['a result, where the rule for errors takes all', { value: 1 }, false, { ...none, handle: () => true }, false],
  ])('%s', (_what, failure, cancelled, rules, replaced) => {
    expect(isReplaced(failure, cancelled, rules)).toBe(replaced)
  })
})

describe('the thread back to the original error', () => {
  it('is the cause, as an Error has it', () => {
    const own = withCause(new TypeError('no cache'), error) as Error
    expect(own.cause).toBe(error)
    const native = new TypeError('native', { cause: error })
    expect(Object.getOwnPropertyDescriptor(own, 'cause')).toEqual(Object.getOwnPropertyDescriptor(native, 'cause'))
  })

  it('is followed so far, and not made where nobody looked', () => {
    const chain = (length: number) => {
      let last: Error = error
      for (let i = 1; i < length; i++) last = new Error(`e${i}`, { cause: last })
      return last
    }
    expect((withCause(new Error('own'), chain(19)) as Error).cause).toBeInstanceOf(Error)
    expect((withCause(new Error('own'), chain(20)) as Error).cause).toBeUndefined()
  })

  it('keeps a cause that is there, if it is undefined, and errors that take none', () => {
    const other = new Error('other')
    expect((withCause(new Error('own', { cause: other }), error) as Error).cause).toBe(other)
    expect((withCause(new Error('own', { cause: undefined }), error) as Error).cause).toBeUndefined()
    expect((withCause(Object.freeze(new Error('own')), error) as Error).cause).toBeUndefined()
    expect(withCause('text', error)).toBe('text')
    expect(withCause(undefined, error)).toBeUndefined()
    expect(withCause({ message: 'not an error' }, error)).toEqual({ message: 'not an error' })
  })

  it('is never a circle', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(4), fc.nat(4)), { maxLength: 12 }), (links) => {
        const errors = Array.from({ length: 5 }, (_, i) => new Error(`e${i}`))
        for (const [own, original] of links) withCause(errors[own], errors[original])
        for (const start of errors) {
          const seen = new Set<unknown>()
          for (let at: unknown = start; at instanceof Error; at = at.cause) {
            expect(seen.has(at)).toBe(false)
            seen.add(at)
          }
        }
      }),
    )
  })
})
