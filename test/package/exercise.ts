/**
 * What the entry must do on every platform: a few calls through each policy, with the platform's own clock. It uses nothing
 * but the language, `AbortController` and the entry itself, for it also runs in a browser, bundled as plain JavaScript.
 */
import type * as Holdfast from '../../src/index.ts'

/** Returns what worked, by name; throws at the first thing that does not. */
export async function exercise(holdfast: typeof Holdfast): Promise<string[]> {
  const worked: string[] = []
  const step = async (name: string, act: () => Promise<boolean>): Promise<void> => {
    if (!(await act())) throw new Error(`${name} does not work here`)
    worked.push(name)
  }
  const { bulkhead, circuitBreaker, compose, isHoldfastError, rateLimiter, retry, sharedRateLimiter, timeout } = holdfast
  const fast = { backoff: { type: 'constant', initial: 1, jitter: 'none' }, retryIf: () => true } as const
  const codeOf = (error: unknown): string => (isHoldfastError(error) ? error.code : String(error))
  const failing = (): Promise<never> => Promise.reject(new Error('down'))

  await step('retry', async () => {
    let calls = 0
    const result = await retry({ maxAttempts: 3, ...fast }).execute(() => {
      calls++
      if (calls < 3) throw new Error('not yet')
      return calls
    })
    return result === 3
  })
  await step('timeout', async () => {
    const never = timeout(20).execute(() => new Promise(() => {}))
    return never.then(
      () => false,
      (error: unknown) => codeOf(error).includes('TIMEOUT'),
    )
  })
  await step('circuit breaker', async () => {
    const breaker = circuitBreaker({ trip: { consecutive: 2 } })
    for (let call = 0; call < 2; call++) await breaker.execute(failing).catch(() => {})
    return breaker
      .execute(() => 1)
      .then(
        () => false,
        (error: unknown) => isHoldfastError(error) && error.code !== undefined,
      )
  })
  await step('rate limiter', async () => {
    const limiter = rateLimiter({ limit: 1, per: '1m' })
    await limiter.execute(() => 1)
    return limiter
      .execute(() => 2)
      .then(
        () => false,
        (error: unknown) => isHoldfastError(error),
      )
  })
  await step('shared rate limiter', async () => {
    // A store that is gone: everybody keeps to its share.
    const gone = () => Promise.reject(new Error('gone'))
    const state = { take: gone, giveBack: gone, block: gone, writeState: gone, readStates: gone, deleteState: gone, now: gone }
    const one = sharedRateLimiter({ state: state as never, name: 'x', limit: 1, per: '1m' })
    const [first, second] = [await one.consume(), await one.consume()]
    return first.allowed && !second.allowed && one.degraded
  })
  await step('bulkhead', async () => {
    const one = bulkhead({ limit: 1 })
    const held = Promise.withResolvers<number>()
    const first = one.execute(() => held.promise)
    const second = await one.execute(() => 2).catch(codeOf)
    held.resolve(1)
    return (await first) === 1 && typeof second === 'string'
  })
  await step('composition', async () => {
    const all = compose(
      retry(fast),
      circuitBreaker(),
      timeout('1s'),
      bulkhead({ limit: 5 }),
      rateLimiter({ limit: 100, per: '1s' }),
    )
    const results = await Promise.all(Array.from({ length: 5 }, (_, index) => all.execute(() => index)))
    return results.join() === '0,1,2,3,4'
  })
  await step('cancellation', async () => {
    const controller = new AbortController()
    const call = retry({ maxAttempts: 5, backoff: { initial: '1h', jitter: 'none' }, retryIf: () => true }).execute(failing, {
      signal: controller.signal,
    })
    controller.abort(new Error('enough'))
    return call.then(
      () => false,
      (error: Error) => error.message === 'enough',
    )
  })
  return worked
}
