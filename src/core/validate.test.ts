import { describe, expect, it } from 'vitest'
import { systemClock } from './clock.ts'
import { OptionError } from './errors.ts'
import {
  checkClock,
  checkDuration,
  checkFunction,
  checkInteger,
  checkKnown,
  checkName,
  checkNumber,
  checkOneOf,
  nearest,
} from './validate.ts'

const thrown = (run: () => unknown): OptionError => {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(OptionError)
    return error as OptionError
  }
  throw new Error('nothing was thrown')
}

describe('checkKnown', () => {
  // T: 11
  it('refuses an unknown option and names the nearest known one', () => {
    const error = thrown(() => checkKnown({ maxAttemps: 3 }, ['maxAttempts', 'maxElapsed'], 'retry'))
    expect(error.message).toBe("'retry.maxAttemps' is not an option: got 3")
    expect([error.hint, error.option, error.code, error.family]).toEqual([
      "Did you mean 'maxAttempts'?",
      'retry.maxAttemps',
      'ERR_OPTION',
      6000,
    ])
  })

  // T: 11
  it('lists the known ones when none is near, and refuses an unknown option that is undefined', () => {
    expect(thrown(() => checkKnown({ colour: 1 }, ['limit', 'queue'], 'bulkhead')).hint).toBe('Known options: limit, queue.')
    expect(() => checkKnown({ colour: undefined }, ['limit'], 'bulkhead')).toThrow(OptionError)
  })

  it('refuses null, but for options that take it', () => {
    const error = thrown(() => checkKnown({ limit: null }, ['limit'], 'bulkhead'))
    expect([error.message, error.hint]).toEqual([
      "'bulkhead.limit' must not be null: got null",
      'Leave it out where it has no value.',
    ])
    expect(() => checkKnown({ limit: null }, ['limit'], 'bulkhead', ['limit'])).not.toThrow()
  })

  it('refuses what is not an object of options', () => {
    for (const bad of [undefined, null, 5, 'x', [], () => {}] as unknown[])
      expect(thrown(() => checkKnown(bad as object, [], 'retry')).rule).toBe('must be an object of options')
  })
})

describe('nearest', () => {
  it('finds slips of case, letters and order, and nothing far', () => {
    const known = ['maxAttempts', 'openFor', 'isFailure', 'limit']
    expect(nearest('limitxyz', ['limit'])).toBeUndefined()
    expect([nearest('maxAttemptsXYZ', known), nearest('bb', ['ab', 'cb']), nearest('lim', ['lime', 'limi'])]).toEqual([
      'maxAttempts',
      'ab',
      'lime',
    ])
    expect(['MAXATTEMPTS', 'openfr', 'isFialure', 'limits', 'x', 'completelyElse'].map((name) => nearest(name, known))).toEqual([
      'maxAttempts',
      'openFor',
      'isFailure',
      'limit',
      undefined,
      undefined,
    ])
  })
})

it('a clock has all that a clock must have, or is that of the runtime', () => {
  const { now, wallNow, setTimer } = systemClock
  expect([checkClock(undefined, 'x'), checkClock(systemClock, 'x')]).toEqual([systemClock, systemClock])
  for (const bad of [null, 5, {}, { now, wallNow }, { now, setTimer }, { wallNow, setTimer }, { now, wallNow, setTimer: 5 }])
    expect(thrown(() => checkClock(bad as never, 'retry.clock')).message).toMatch(
      /^'retry.clock' must be a clock, with now, wallNow and setTimer: got /,
    )
})

describe('the checks', () => {
  it('return what is right', () => {
    expect([checkInteger(3, 'x', 1), checkNumber(0.5, 'x', 0, 1), checkDuration('2s', 'x'), checkName('a', 'x')]).toEqual([
      3,
      0.5,
      2000,
      'a',
    ])
    expect(checkOneOf('b', 'x', ['a', 'b'])).toBe('b')
    const run = () => 1
    expect(checkFunction(run, 'x')).toBe(run)
  })

  it('name option, rule and value of what is wrong', () => {
    const messages = [
      () => checkInteger(0, 'x.limit', 1),
      () => checkInteger(1.5, 'x.limit', 1, 10),
      () => checkInteger('3', 'x.limit', 1),
      () => checkInteger(Number.NaN, 'x.limit', 1),
      () => checkNumber(Number.POSITIVE_INFINITY, 'x.rate', 0),
      () => checkNumber(2, 'x.rate', 0, 1),
      () => checkDuration('soon', 'x.wait'),
      () => checkDuration(0, 'x.wait', 1),
      () => checkName('', 'x.name'),
      () => checkOneOf('c', 'x.kind', ['a', 'b']),
      () => checkFunction(5 as unknown as () => void, 'x.rule'),
    ].map((run) => thrown(run).message)
    expect(messages).toEqual([
      "'x.limit' must be a whole number of at least 1: got 0",
      "'x.limit' must be a whole number from 1 to 10: got 1.5",
      `'x.limit' must be a whole number of at least 1: got "3"`,
      "'x.limit' must be a whole number of at least 1: got NaN",
      "'x.rate' must be a number of at least 0: got Infinity",
      "'x.rate' must be a number from 0 to 1: got 2",
      `'x.wait' must be a number of milliseconds or a string such as '250ms', '30s', '1h30m': got "soon"`,
      "'x.wait' must be finite and at least 1ms: got 0",
      `'x.name' must be a non-empty string: got ""`,
      `'x.kind' must be one of 'a', 'b': got "c"`,
      "'x.rule' must be a function: got 5",
    ])
  })
})
