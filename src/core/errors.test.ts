import { describe, expect, it } from 'vitest'
import {
  CircuitOpenError,
  describeError,
  ERROR_CODES,
  type ErrorCode,
  HoldfastError,
  isHoldfastError,
  isRejected,
  NetworkError,
  OptionError,
  RateLimitError,
  RejectedError,
  showValue,
  TimeoutError,
} from './errors.ts'

const hostile = [
  Proxy.revocable({}, {}),
  {
    proxy: Object.defineProperty({}, 'message', {
      get() {
        throw new Error('no')
      },
    }),
  },
].map((one) => {
  if ('revoke' in one) one.revoke()
  return one.proxy
})

describe('HoldfastError', () => {
  // R: P1
  it('has a code, the number of its family, details and the original error as cause', () => {
    const cause = Object.assign(new Error('reset'), { code: 'ECONNRESET', status: 502 })
    const error = new HoldfastError('no network', { code: 'ERR_NETWORK', cause, target: 'api', details: { tries: 2 } })
    expect([error.code, error.family, error.cause, error.name]).toEqual(['ERR_NETWORK', 1000, cause, 'HoldfastError'])
    expect(error).toBeInstanceOf(Error)
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      name: 'HoldfastError',
      code: 'ERR_NETWORK',
      family: 1000,
      message: 'no network',
      target: 'api',
      details: { tries: 2 },
      cause: { name: 'Error', message: 'reset', code: 'ECONNRESET', status: 502 },
    })
  })

  // R: P1
  it('numbers network 1xxx, rate limit 2xxx, circuit 3xxx, retry 4xxx', () => {
    const families = Object.entries(ERROR_CODES).map(([code, number]) => [code, Math.floor(number / 1000)])
    expect(Object.fromEntries(families)).toMatchObject({
      ERR_NETWORK: 1,
      ERR_TIMEOUT: 1,
      ERR_RATE_LIMITED: 2,
      ERR_CIRCUIT_OPEN: 3,
      ERR_CIRCUIT_ISOLATED: 3,
      ERR_RETRIES_EXHAUSTED: 4,
    })
    expect(new Set(Object.values(ERROR_CODES)).size).toBe(Object.keys(ERROR_CODES).length)
  })

  it('leaves out what is not known, and keeps a falsy cause', () => {
    const bare = new HoldfastError('x', { code: 'ERR_NETWORK' })
    expect(Object.hasOwn(bare, 'cause')).toBe(false)
    expect(bare.toJSON()).toStrictEqual({
      name: 'HoldfastError',
      code: 'ERR_NETWORK',
      family: 1000,
      message: 'x',
    })
    expect(new HoldfastError('x', { code: 'ERR_NETWORK', cause: null }).toJSON().cause).toEqual({
      name: 'Error',
      message: 'null',
    })
  })

  it('has a hint, put into words when somebody asks for it', () => {
    const [said, unsaid] = ['Wait.', undefined].map((hint) => new HoldfastError('x', { code: 'ERR_NETWORK', hint }))
    let asked = 0
    const costly = new HoldfastError('x', { code: 'ERR_NETWORK', hint: () => `Wait ${++asked} s.` })
    expect([said!.hint, unsaid!.hint, asked, costly.hint, asked]).toEqual(['Wait.', undefined, 0, 'Wait 1 s.', 1])
    expect(new TimeoutError(5).message).toBe('timed out after 5 ms')
  })

  it('is recognised by its brand across copies of the library', () => {
    const foreign = Object.assign(Object.create({ [Symbol.for('holdfast.error')]: true }), { code: 'ERR_RATE_LIMITED' })
    expect([isHoldfastError(foreign), isRejected(foreign)]).toEqual([true, true])
    expect([undefined, null, 'x', {}, new Error('x')].map(isHoldfastError)).toEqual([false, false, false, false, false])
  })

  it('gives each class its own name, which minifying cannot change', () => {
    const refusals = [RejectedError, RateLimitError, CircuitOpenError].map(
      (Refusal) => new Refusal('', { code: 'ERR_LIMIT_REACHED' }),
    )
    const errors = [...refusals, new NetworkError('lost'), new TimeoutError(5), new OptionError('a', 'b', 1)]
    expect(errors.map(({ name }) => name)).toEqual([
      ...['RejectedError', 'RateLimitError', 'CircuitOpenError'],
      ...['NetworkError', 'TimeoutError', 'OptionError'],
    ])
  })
})

describe('RejectedError', () => {
  it('has no stack trace, and the next error has one', () => {
    const rejected = new RejectedError('no', { code: 'ERR_CIRCUIT_OPEN' })
    expect(rejected.stack).not.toContain('\n    at ')
    expect(new Error('yes').stack).toContain('\n    at ')
  })

  it('is an error also where the trace limit cannot be written', () => {
    const before = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit')!
    Object.defineProperty(Error, 'stackTraceLimit', { value: 5, writable: false, configurable: true })
    try {
      expect(new RejectedError('no', { code: 'ERR_CIRCUIT_OPEN' }).code).toBe('ERR_CIRCUIT_OPEN')
    } finally {
      Object.defineProperty(Error, 'stackTraceLimit', before)
    }
  })

  it('is told from failures and timeouts', () => {
    const codes = (Object.keys(ERROR_CODES) as ErrorCode[]).filter((code) => isRejected(new HoldfastError('no', { code })))
    expect(codes).toEqual([
      ...['ERR_DEADLINE_EXCEEDED', 'ERR_RATE_LIMITED', 'ERR_THROTTLED', 'ERR_CIRCUIT_OPEN', 'ERR_CIRCUIT_ISOLATED'],
      ...['ERR_BULKHEAD_FULL', 'ERR_LIMIT_REACHED', 'ERR_SHUT_DOWN'],
      ...['ERR_IDEMPOTENCY_RUNNING', 'ERR_IDEMPOTENCY_DONE', 'ERR_IDEMPOTENCY_UNKNOWN'],
    ])
    expect(isRejected(new TimeoutError(5))).toBe(false)
    expect(isRejected(new OptionError('a', 'b', 1))).toBe(false)
  })
})

describe('describeError', () => {
  it('reads whatever was thrown', () => {
    expect(describeError(Object.assign(new TypeError('bad'), { code: 7, status: 500 }))).toEqual({
      name: 'TypeError',
      message: 'bad',
      code: '7',
      status: 500,
    })
    expect([undefined, null, 'text', 5, Symbol('s'), () => 1].map((thrown) => describeError(thrown).name)).toEqual(
      Array(6).fill('Error'),
    )
    expect(describeError({ reason: 'x', status: 'gone' })).toStrictEqual({ name: 'Error', message: 'an object (reason, status)' })
    expect(describeError('text').message).toBe('text')
  })

  it('never throws itself', () => {
    for (const thrown of hostile)
      expect(describeError(thrown)).toEqual({ name: 'Error', message: 'an error that cannot be read' })
    for (const thrown of hostile) expect([isHoldfastError(thrown), isRejected(thrown)]).toEqual([false, false])
  })
})

describe('showValue', () => {
  it('is short', () => {
    expect([showValue('x'.repeat(80)), showValue('x'.repeat(81))]).toEqual([`"${'x'.repeat(80)}"`, `"${'x'.repeat(77)}..."`])
    const shown = [5n, [1, 2], { a: 1, b: 2, c: 3, d: 4, e: 5, f: 6 }, Symbol('s'), null, undefined, function name() {}, () => 1]
    expect(shown.map(showValue)).toEqual([
      '5n',
      'an array of 2',
      'an object (a, b, c, d, e)',
      'Symbol(s)',
      'null',
      'undefined',
      'function name',
      'function (anonymous)',
    ])
  })
})
