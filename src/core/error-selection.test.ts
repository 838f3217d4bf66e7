import { describe, expect, it } from 'vitest'
import { type ErrorSelection, errorSelector } from './error-selection.ts'
import { type OptionError, RejectedError } from './errors.ts'

class Temporary extends Error {}
class Lost extends Temporary {}
const withCode = (code: string) => Object.assign(new Error('x'), { code })
const chosen = (selection: ErrorSelection, error: unknown) => errorSelector(selection, 'on')(error)

describe('a selection of errors', () => {
  // R: R3, P4, U1, X2
  it('chooses by class, name, status or code: one list is enough', () => {
    const selection: ErrorSelection = { errors: [Temporary, 'TimeoutError'], statuses: [429, '5xx'], codes: ['ECONNRESET'] }
    const named = Object.assign(new Error('x'), { name: 'TimeoutError' })
    const cases: [unknown, boolean][] = [
      [new Temporary(), true],
      [new Lost(), true],
      [new Error('x'), false],
      [named, true],
      [{ status: 429 }, true],
      [{ response: { status: 503 } }, true],
      [{ statusCode: 599 }, true],
      [{ status: 404 }, false],
      [withCode('ECONNRESET'), true],
      [withCode('ENOENT'), false],
      [new TypeError('fetch failed', { cause: withCode('ECONNRESET') }), true],
      [new AggregateError([withCode('ENOENT'), withCode('ECONNRESET')]), true],
      [new Error('x', { cause: new TypeError('y', { cause: withCode('ENOENT') }) }), false],
    ]
    for (const [error, expected] of cases) expect(chosen(selection, error), String(error)).toBe(expected)
    expect(chosen({ statuses: ['4xx'] }, { status: 418 })).toBe(true)
    expect(chosen({ errors: [Temporary], codes: ['ECONNRESET'] }, withCode('ECONNRESET'))).toBe(true)
    expect(
      chosen({ codes: ['ECONNRESET'] }, new RejectedError('no', { code: 'ERR_CIRCUIT_OPEN', cause: withCode('ECONNRESET') })),
    ).toBe(false)
    expect(chosen({ errors: [Lost] }, new Temporary())).toBe(false)
  })

  // T: 32
  it('does not choose what is no error, or cannot be read, and ends on causes in a circle', () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    const circle: { cause?: unknown } = {}
    circle.cause = circle
    for (const thrown of [undefined, null, 0, 'ECONNRESET', Symbol('s'), proxy, circle, { status: 'x' }])
      expect(chosen({ errors: [Temporary, 'X'], statuses: [500], codes: ['ECONNRESET'] }, thrown)).toBe(false)
  })

  // T: 11
  it('is refused when it is empty or holds what never matches', () => {
    for (const [selection, option] of [
      [{}, 'on'],
      [{ errors: [] }, 'on'],
      [{ error: [Temporary] }, 'on.error'],
      [{ errors: [5] }, 'on.errors'],
      [{ errors: Temporary }, 'on.errors'],
      [{ statuses: ['503'] }, 'on.statuses'],
      [{ statuses: [99] }, 'on.statuses'],
      [{ codes: [1001] }, 'on.codes'],
      [{ codes: [''] }, 'on.codes'],
      [null, 'on'],
    ] as [ErrorSelection, string][]) {
      let error: unknown
      try {
        errorSelector(selection, 'on')
      } catch (thrown) {
        error = thrown
      }
      expect((error as OptionError)?.option, JSON.stringify(selection)).toBe(option)
    }
  })

  it('says in words what a list may hold, and that an entry never matches', () => {
    const said = (selection: unknown) => {
      try {
        errorSelector(selection as ErrorSelection, 'on')
      } catch (thrown) {
        const { message, hint } = thrown as OptionError
        return [message, hint]
      }
      return undefined
    }
    expect([said({ errors: [5] }), said({ statuses: [99] }), said({ codes: [''] }), said({ codes: 'A' }), said({})]).toEqual([
      ["'on.errors' must hold error classes or names of errors: got 5", '5 never matches.'],
      ["'on.statuses' must hold HTTP statuses, '4xx' or '5xx': got 99", '99 never matches.'],
      [`'on.codes' must hold codes such as ECONNRESET: got ""`, '"" never matches.'],
      [`'on.codes' must be an array: got "A"`, undefined],
      ["'on' must name something in 'errors', 'statuses' or 'codes': got an object ()", undefined],
    ])
    expect([
      said({ statuses: [100] }),
      said({ statuses: [599] }),
      said({ statuses: [600] })?.[1],
      said({ statuses: [404.5] })?.[1],
    ]).toEqual([undefined, undefined, '600 never matches.', '404.5 never matches.'])
  })

  // T: 20
  it('is copied', () => {
    const codes = ['A']
    const select = errorSelector({ codes }, 'on')
    codes[0] = 'B'
    expect([select(withCode('A')), select(withCode('B'))]).toEqual([true, false])
  })
})
