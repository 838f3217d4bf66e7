import { describe, expect, it } from 'vitest'
import { circuitBreaker, RetriesExhaustedError, rateLimiter, retry } from '../policies/index.ts'
import { CircuitOpenError, HoldfastError, isRejected, NetworkError, RateLimitError, RejectedError } from './errors.ts'
import { compose } from './policy.ts'

const thrownBy = (promise: Promise<unknown>) =>
  promise.then(
    () => 'nothing',
    (error: unknown) => error,
  )

// R: P1
describe('the classes of errors', () => {
  it('tell a spent limit from an open circuit, each with code, family, details as plain data', async () => {
    const limiter = rateLimiter({ limit: 1, per: '1h' })
    limiter.consume()
    const limited = await thrownBy(limiter.execute(() => 1))
    expect(limited).toBeInstanceOf(RateLimitError)
    expect(limited).toMatchObject({ name: 'RateLimitError', code: 'ERR_RATE_LIMITED', family: 2000 })
    const breaker = circuitBreaker({ trip: { consecutive: 1 } })
    const down = new NetworkError('connection refused', { target: 'api', details: { port: 80 } })
    await thrownBy(breaker.execute(() => Promise.reject(down)))
    const open = await thrownBy(breaker.execute(() => 1))
    expect(open).toBeInstanceOf(CircuitOpenError)
    expect(open).toMatchObject({ name: 'CircuitOpenError', code: 'ERR_CIRCUIT_OPEN', family: 3000, cause: down })
    for (const error of [limited, open]) {
      expect([error instanceof RejectedError, isRejected(error), (error as Error).stack!.includes('\n    at ')]).toEqual([
        true,
        true,
        false,
      ])
    }
    expect(JSON.parse(JSON.stringify(down))).toEqual({
      ...{ name: 'NetworkError', code: 'ERR_NETWORK', family: 1000, message: 'connection refused' },
      ...{ target: 'api', details: { port: 80 } },
    })
  })

  it('keep the network error that an operation raised: it is retried, and at last the cause', async () => {
    let calls = 0
    const policy = compose(retry({ maxAttempts: 2, backoff: [0], exhausted: 'wrap' }))
    const error = await thrownBy(
      policy.execute(() => Promise.reject(new NetworkError(`lost ${++calls}`, { cause: new Error('ECONNRESET') }))),
    )
    expect(error).toBeInstanceOf(RetriesExhaustedError)
    expect(error).toMatchObject({ family: 4000, attempts: 2, cause: { name: 'NetworkError', message: 'lost 2' } })
    expect((error as HoldfastError).cause).toBeInstanceOf(HoldfastError)
  })
})
