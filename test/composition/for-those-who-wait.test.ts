/** What a retry is made of, for those who wait by other means. */
import { expect, it } from 'vitest'
import { type BackoffOptions, backoff, parseRetryAfter, presets, seededRandom, throttle } from '../../src/index.ts'

// R: P2, R3, U1
it('the delay before each attempt is a function of attempts, the wait before, and chance', () => {
  const { jitter: _jitter, ...peer } = presets.peerNode.retry.backoff
  const plain = backoff({ ...peer, jitter: 'none' })
  expect([1, 2, 3, 7, 99].map((attempt) => plain(attempt, 0, Math.random))).toEqual([1000, 2000, 4000, 60_000, 60_000])
  const full = backoff(presets.uploader.retry.backoff)
  const random = seededRandom(1)
  for (let attempt = 1; attempt < 20; attempt++) {
    const wait = full(attempt, 0, random)
    expect(wait >= 0 && wait <= Math.min(60_000, 1000 * 2 ** (attempt - 1))).toBe(true)
  }
  expect(() => backoff({ initial: '5s', max: '1s' } satisfies BackoffOptions)).toThrow(
    "'backoff.max' must be finite and at least 5s",
  )
})

// T: 27
it('what a server asks for is read in every form', () => {
  const now = Date.UTC(2026, 0, 1)
  const read = (value: string | number) => parseRetryAfter(value, now)
  expect([read('120'), read(1.5), read('Thu, 01 Jan 2026 00:00:10 GMT'), read('Wed, 21 Oct 2015 07:28:00 GMT')]).toEqual([
    ...[120_000, 1500, 10_000, 0],
  ])
  expect([read('-1'), read('1e3'), read('soon'), parseRetryAfter({ 'Retry-After-Ms': '250' }, now)]).toEqual([
    ...[undefined, undefined, undefined, 250],
  ])
})

// T: 11
it('a factor that a caller of a throttle makes up is refused where it means nothing', () => {
  for (const factor of [0, -1, Number.NaN, '2' as never]) expect(() => throttle().acquire(factor)).toThrow('must be at least 1')
  throttle().acquire(Number.POSITIVE_INFINITY).succeed()
})
