import { describe, expect, it } from 'vitest'
import { bulkhead, circuitBreaker, rateLimiter, retry, timeout } from '../policies/index.ts'
import { scripted } from '../testing/scripted-operation.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { type RejectedError, TimeoutError } from './errors.ts'
import { compose } from './policy.ts'
import { type RefusalCode, refusalsAs } from './refusals-as.ts'

class ApiError extends Error {
  readonly code: string

  constructor(code: string, cause: unknown) {
    super(`not now: ${code}`, { cause })
    this.code = code
  }
}

const converted = refusalsAs((code: RefusalCode, rejection: RejectedError) => new ApiError(code, rejection))
const failure = (promise: Promise<unknown>) => promise.catch((error: unknown) => error) as Promise<ApiError>

describe('refusals as the caller’s own errors', () => {
  // R: I4
  it('are RATE_LIMIT_EXCEEDED for a limiter and SERVICE_UNAVAILABLE for the others, with the refusal as their cause', async () => {
    const limiter = rateLimiter({ limit: 1, per: '1h' })
    limiter.consume()
    const breaker = circuitBreaker()
    breaker.isolate()
    const full = bulkhead({ limit: 1 })
    full.acquire()
    for (const [policy, code, cause] of [
      [limiter, 'RATE_LIMIT_EXCEEDED', 'ERR_RATE_LIMITED'],
      [breaker, 'SERVICE_UNAVAILABLE', 'ERR_CIRCUIT_ISOLATED'],
      [full, 'SERVICE_UNAVAILABLE', 'ERR_BULKHEAD_FULL'],
    ] as const) {
      const operation = scripted().thenReturns('ok')
      const error = await failure(compose(converted, retry(), policy).execute(operation))
      expect(error).toBeInstanceOf(ApiError)
      expect(error).toMatchObject({ code, cause: { code: cause, policy: policy.name } })
      expect(operation.calls).toEqual([])
      expect(() => compose(converted, policy).executeSync(() => 1)).toThrow(ApiError)
    }
  })

  // R: I4
  it('are nothing else: results, failures, timeouts and cancellations pass through untouched', async () => {
    const clock = new VirtualClock()
    const stack = compose(converted, timeout({ limit: 10, clock }))
    const own = new Error('own')
    expect(await stack.execute(() => 'ok')).toBe('ok')
    expect(converted.executeSync(() => 'ok')).toBe('ok')
    expect(await failure(stack.execute(() => Promise.reject(own)))).toBe(own)
    expect(() =>
      converted.executeSync(() => {
        throw own
      }),
    ).toThrow(own)
    expect(() => converted.executeSync(() => Promise.reject(own))).toThrow('return a value')
    const late = failure(stack.execute(scripted().hangs()))
    await clock.advance(10)
    expect(await late).toBeInstanceOf(TimeoutError)
    const controller = new AbortController()
    const left = failure(stack.execute(scripted().hangs(), { signal: controller.signal }))
    controller.abort('enough')
    expect(await left).toBe('enough')
  })

  it('come from policies on any clock, also out of a thenable', async () => {
    const rejection = await failure(compose(circuitBreaker({ trip: { consecutive: 1 } })).execute(() => Promise.reject(1)))
    expect(rejection).toBe(1)
    const breaker = circuitBreaker({ clock: new VirtualClock() })
    breaker.isolate()
    const refusal = await failure(breaker.execute(() => 1))
    const thenable = { then: (_: unknown, reject: (error: unknown) => void) => reject(refusal) } as unknown as PromiseLike<void>
    expect(await failure(compose(converted, breaker).execute(() => 1))).toBeInstanceOf(ApiError)
    expect(await failure(converted.execute(() => thenable))).toBeInstanceOf(ApiError)
    expect(() => refusalsAs(undefined as never)).toThrow("'convert'")
    expect(converted).toMatchObject({ name: 'refusals-as', usesClock: false })
  })
})
