/**
 * Every option of every policy × what cannot be one: null, another type, no number, less than nothing. Whatever is wrong is an
 * error that names the option, the rule and the value, when the policy is made; an unknown name is one that says which is meant.
 */
import { describe, expect, it } from 'vitest'
import { OptionError } from '../../src/core/errors.ts'
import { names } from '../composition/twelve.ts'
import { anyBudget, type Options, optionsOf, subjects } from './policies.ts'

/** Options for which null, or another of the wrong values, is right. */
const TAKES: Readonly<Record<string, (value: unknown) => boolean>> = {
  'fallback.use': () => true,
}

/** What takes the place of options that stand in the way of one. */
const INSTEAD: Readonly<Record<string, Options>> = {
  'rateLimiter.limits': { limit: undefined, per: undefined },
  'chaos.result': { fault: undefined },
  'circuitBreaker.trip.slowRate': { slowAfter: 100 },
  'circuitBreaker.trip.slowAfter': { slowRate: 0.5 },
  'circuitBreaker.trip.windowCalls': { windowTime: undefined },
}

const wrongValues: Readonly<Record<string, unknown>> = {
  null: null,
  'a symbol': Symbol('wrong'),
  'no number': Number.NaN,
  'less than nothing': -1,
  'an object of something else': { wrong: true },
  'a text that is none of those': '',
}

function attempt(make: (options: Options) => unknown, options: Options): OptionError | undefined {
  try {
    make(options)
    return undefined
  } catch (error) {
    expect(error).toBeInstanceOf(OptionError)
    return error as OptionError
  }
}

it('knows the options of every policy', () => {
  expect(new Set(Object.keys(subjects).map((name) => name.replace(/,.*/, ''))).size).toBe(names.length + 1)
})

for (const [name, { where, make: construct, base, nested = {} }] of Object.entries(subjects)) {
  const whole = (options: Options): unknown => construct(options as never)
  const rooms: (readonly [where: string, make: (options: Options) => unknown, base: Options])[] = [
    [where, whole, base],
    ...Object.entries(nested).map(
      ([option, own]) => [`${where}.${option}`, (options: Options) => whole({ ...base, [option]: options }), own] as const,
    ),
  ]
  for (const [room, make, given] of rooms)
    describe(`the options of ${name}${room === where ? '' : `: ${room}`}`, () => {
      it('are taken as they stand in this table, and where they are undefined', () => {
        expect(attempt(make, given)).toBeUndefined()
        for (const option of optionsOf(make, given)) {
          if (option in given) continue
          expect(attempt(make, { ...given, [option]: undefined }), option).toBeUndefined()
        }
      })

      it('that do not exist are refused, with what may have been meant', () => {
        for (const option of optionsOf(make, given)) {
          const slip = `${option}x`
          const error = attempt(make, { ...given, [slip]: 1 })
          expect([error?.option, error?.rule, error?.hint]).toEqual([
            `${room}.${slip}`,
            'is not an option',
            `Did you mean '${option}'?`,
          ])
        }
      })

      for (const option of optionsOf(make, given))
        it(`${option} is refused where it is wrong, by its name`, () => {
          const path = `${room}.${option}`
          for (const [what, value] of Object.entries(wrongValues)) {
            if (TAKES[path]?.(value)) continue
            const error = attempt(make, { ...given, ...INSTEAD[path], [option]: value })
            expect(error, `${path}: ${what}`).toBeInstanceOf(OptionError)
            expect(error!.option === path || error!.option.startsWith(`${path}.`), `${what}: ${error!.message}`).toBe(true)
            expect(error!.message, what).toContain(error!.rule)
            expect(error!.code).toBe('ERR_OPTION')
          }
        })

      it('are an object', () => {
        for (const wrong of [null, 5, 'x', []] as unknown[]) {
          const error = attempt(make, wrong as Options)
          // Some may be given shorter, as a number or a list.
          if (error !== undefined) expect(error.option === room || error.option.startsWith(`${room}`), error.message).toBe(true)
        }
      })
    })
}

describe('null', () => {
  it('is a value that a fallback may answer with', () => {
    expect(attempt((options) => subjects.fallback!.make(options as never), { use: null })).toBeUndefined()
  })

  it('is told apart from what is not given, in words', () => {
    const error = attempt((options) => subjects.retry!.make(options as never), { maxAttempts: null })
    expect([error?.message, error?.hint]).toEqual([
      "'retry.maxAttempts' must not be null: got null",
      'Leave it out where it has no value.',
    ])
  })
})

describe('a budget', () => {
  it('is one by its methods, whoever made it', () => {
    for (const name of ['retry', 'hedge', 'fallback'] as const) {
      const { make, base } = subjects[name]!
      const given = (budget: unknown) => attempt((options) => make(options as never), { ...base, budget })
      expect(given(anyBudget)).toBeUndefined()
      expect(given({ ...anyBudget, refund: undefined })?.option).toBe(`${name}.budget`)
    }
  })
})
