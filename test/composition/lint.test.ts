import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { byOperation } from '../../src/core/by-operation.ts'
import { keyed } from '../../src/core/keyed-policy.ts'
import { LINT_CODES, type LintCode, type LintOptions, lint } from '../../src/core/lint/lint.ts'
import { worstCase } from '../../src/core/lint/worst-case.ts'
import { compose, noop, type Policy, policy } from '../../src/core/policy.ts'
import { refusalsAs } from '../../src/core/refusals-as.ts'
import { when } from '../../src/core/when.ts'
import {
  adaptiveLimiter,
  budget,
  bulkhead,
  chaos,
  circuitBreaker,
  coalesce,
  fallback,
  hedge,
  rateLimiter,
  retry,
  throttle,
  timeout,
} from '../../src/policies/index.ts'

const calm = { initial: '1s', jitter: 'full' } as const
const extra = budget()
const limiter = rateLimiter({ limit: 10, per: '1s' })
const twice = bulkhead({ limit: 1 })

/** For each code a stack that has the mistake, and one like it that has not. */
const mistakes: Record<LintCode, { wrong: readonly Policy[]; right: readonly Policy[]; options?: LintOptions }> = {
  'not-idempotent': { wrong: [hedge()], right: [timeout('1s')], options: { idempotent: false } },
  'exceeds-deadline': { wrong: [retry(), timeout('5s')], right: [retry(), timeout('3s')], options: { deadline: '15s' } },
  amplification: { wrong: [retry({ maxAttempts: 4 }), hedge()], right: [retry({ maxAttempts: 2 }), hedge()] },
  'nested-retries': { wrong: [retry(), timeout('9s'), retry()], right: [retry(), retry({ maxAttempts: 1 })] },
  'unlimited-retries': {
    wrong: [retry({ maxAttempts: Number.POSITIVE_INFINITY, maxElapsed: '1h' })],
    right: [retry({ maxAttempts: Number.POSITIVE_INFINITY, maxElapsed: '1h', budget: extra })],
  },
  'no-timeout': { wrong: [circuitBreaker()], right: [timeout('1s'), circuitBreaker()] },
  'no-attempt-timeout': { wrong: [timeout('1s'), retry()], right: [retry(), timeout('1s')] },
  'no-total-timeout': { wrong: [retry(), timeout('1s')], right: [retry({ maxElapsed: '9s' }), timeout('1s')] },
  'idle-timeout': { wrong: [timeout('1s'), retry(), timeout('1s')], right: [timeout('9s'), retry(), timeout('1s')] },
  'attempts-do-not-fit': {
    wrong: [timeout('10s'), retry({ backoff: calm }), timeout('5s')],
    right: [timeout('18s'), retry({ backoff: calm }), timeout('5s')],
  },
  'no-backoff': { wrong: [retry({ backoff: [0] }), circuitBreaker()], right: [retry(), circuitBreaker()] },
  'no-jitter': { wrong: [retry({ backoff: { jitter: 'none' } })], right: [retry({ backoff: [0] })] },
  'breaker-outside-retry': { wrong: [circuitBreaker(), retry()], right: [retry(), circuitBreaker()] },
  'breaker-blind-to-timeouts': {
    wrong: [timeout('1s'), circuitBreaker()],
    right: [timeout('9s'), circuitBreaker(), timeout('1s')],
  },
  'probe-lease-too-short': {
    wrong: [circuitBreaker({ halfOpen: { probeLease: '2s' } }), timeout('5s')],
    right: [circuitBreaker({ halfOpen: { probeLease: '6s' } }), timeout('5s')],
  },
  'limiter-outside-retry': { wrong: [limiter, retry()], right: [retry(), limiter] },
  'place-freed-early': { wrong: [bulkhead({ limit: 1 }), timeout('1s')], right: [timeout('1s'), bulkhead({ limit: 1 })] },
  'place-held-while-waiting': { wrong: [adaptiveLimiter(), retry()], right: [retry(), adaptiveLimiter()] },
  'endless-queue': {
    wrong: [bulkhead({ limit: 1, queue: 9 })],
    right: [timeout('1s'), bulkhead({ limit: 1, queue: 9 })],
  },
  'fallback-inside-retry': {
    wrong: [retry(), fallback({ use: 0 })],
    right: [retry(), fallback({ use: 0, handle: () => true })],
  },
  'coalesce-inside-retry': { wrong: [retry(), coalesce()], right: [coalesce(), retry()] },
  'refusals-converted-early': {
    wrong: [retry(), refusalsAs((code) => new Error(code))],
    right: [refusalsAs((code) => new Error(code)), retry()],
  },
  'budget-not-composed': { wrong: [retry({ budget: extra })], right: [extra, retry({ budget: extra })] },
  'budget-refuses-nothing': { wrong: [extra, hedge()], right: [extra, hedge({ budget: extra })] },
  'chaos-without-guard': {
    wrong: [chaos({ enabled: () => true, latency: 1 })],
    right: [chaos({ enabled: () => true, latency: 1, maxInjected: 9 })],
  },
  'chaos-not-innermost': {
    wrong: [chaos({ enabled: () => true, latency: 1 }), timeout('1s')],
    right: [timeout('1s'), chaos({ enabled: () => true, latency: 1 })],
  },
  'shadow-mode': { wrong: [throttle({ mode: 'shadow' })], right: [throttle()] },
  'same-policy-twice': { wrong: [twice, timeout('1s'), twice], right: [twice, bulkhead({ limit: 1 })] },
}

const codes = (parts: readonly Policy[], options?: LintOptions) => lint(compose(...parts), options).map(({ code }) => code)

describe('lint', () => {
  for (const [code, { wrong, right, options }] of Object.entries(mistakes) as [LintCode, (typeof mistakes)[LintCode]][]) {
    it(`finds ${code}, and not where it is not`, () => {
      const finding = lint(compose(...wrong), options).find((one) => one.code === code)
      expect(finding).toMatchObject({ code, severity: expect.stringMatching(/^(?:error|warning|info)$/) })
      expect(finding!.message).toMatch(/\w.{20}/)
      expect(finding!.hint).toMatch(/\w.{10}.*\.$/)
      expect(codes(right, options)).not.toContain(code)
      expect(codes(wrong, { ...options, ignore: [code] })).not.toContain(code)
    })
  }

  // What is said is made of names and numbers.
  it.each<[LintCode, readonly Policy[], LintOptions, string]>([
    [
      'not-idempotent',
      [hedge({ name: 'spare' })],
      { idempotent: false },
      "'spare' may run an operation again that must not run twice",
    ],
    ['exceeds-deadline', [timeout('5s')], { deadline: '4s' }, 'the call may take 5s, and must be done within 4s'],
    ['exceeds-deadline', [circuitBreaker()], { deadline: '4s' }, 'the call may take without end, and must be done within 4s'],
    [
      'amplification',
      [retry({ maxAttempts: 4 }), hedge()],
      {},
      "one call may become 8 calls of the target: 'retry' × 4, 'hedge' × 2",
    ],
    ['nested-retries', [retry({ name: 'outer' }), retry()], {}, "'retry' repeats inside of 'outer', which repeats too"],
    [
      'idle-timeout',
      [timeout({ limit: '1s', name: 'whole' }), retry(), timeout('1s')],
      {},
      "'timeout' never fires: 'whole' around it is over no later",
    ],
    [
      'attempts-do-not-fit',
      [timeout('10s'), retry({ backoff: calm }), timeout('5s')],
      {},
      'all attempts and waits may take 18s, and only 10s are given: the last ones may not happen',
    ],
    [
      'probe-lease-too-short',
      [circuitBreaker({ halfOpen: { probeLease: '2s' } }), timeout('5s')],
      {},
      'a probe may take 5s and counts as failed after 2s: a slow target that is back may not get in',
    ],
    [
      'no-backoff',
      [retry({ backoff: [0] }), circuitBreaker()],
      {},
      "it tries again at once, while what went wrong is still wrong; one call alone may open 'circuit-breaker' inside",
    ],
    [
      'chaos-not-innermost',
      [chaos({ enabled: () => true, latency: 1 }), timeout('1s'), limiter],
      {},
      "what it does never reaches 'timeout', 'rate-limiter' inside of it",
    ],
    [
      'same-policy-twice',
      [twice, timeout('1s'), twice],
      {},
      "the same policy 'bulkhead' stands at parts[0] too: each call counts twice, and may wait for itself",
    ],
  ])('says of %s what exactly is wrong', (code, parts, options, message) => {
    expect(lint(compose(...parts), options).find((one) => one.code === code)?.message).toBe(message)
  })

  it('knows no code that is not proven here, and the guide explains each of them, with its severity', () => {
    expect(Object.keys(mistakes).sort()).toEqual([...LINT_CODES].sort())
    const page = readFileSync(new URL('../../docs/guides/lint.md', import.meta.url), 'utf8')
    const rows = [...page.matchAll(/^\| `([a-z-]+)` \| (error|warning|info) \| (.+) \| (.+) \|$/gm)]
    expect(rows.map(([, code]) => code as string).sort()).toEqual([...LINT_CODES].sort())
    for (const [, code, severity] of rows) {
      const { wrong, options } = mistakes[code as LintCode]
      expect(lint(compose(...wrong), options).find((one) => one.code === code)!.severity, code).toBe(severity)
    }
  })

  it('has nothing to say of nothing, of what it cannot look into, and of a stack in order', () => {
    expect(lint(noop)).toEqual([])
    const order = [timeout('30s'), retry(), circuitBreaker(), timeout('5s'), bulkhead({ limit: 10 }), limiter]
    expect(lint(compose(...order), { deadline: '30s' })).toEqual([])
    expect(codes([policy('own', (next) => next)])).toEqual(['no-timeout'])
  })

  it('tells the severest first, where it is, and each place once', () => {
    const found = lint(compose(retry({ backoff: { jitter: 'none' } }), limiter, retry()), { idempotent: false })
    const ranks = found.map(({ severity }) => ['error', 'warning', 'info'].indexOf(severity))
    expect(ranks).toEqual(ranks.toSorted((a, b) => a - b))
    expect(new Set(ranks).size).toBe(3)
    expect(found.map(({ code, path }) => `${code} ${path}`)).toEqual([
      ...new Set(found.map(({ code, path }) => `${code} ${path}`)),
    ])
    expect(found[0]).toMatchObject({ code: 'not-idempotent', path: 'parts[0] (retry)' })
    expect(found[0]).not.toHaveProperty('operation')
    expect(found.map(({ path }) => path)).toContain('parts[2] (retry)')
    expect(lint(compose(twice, timeout('5s'), twice), { deadline: '4s' })).toMatchObject([
      { code: 'exceeds-deadline', path: 'whole' },
      { path: 'parts[0] (bulkhead)' },
      { code: 'same-policy-twice', path: 'parts[2] (bulkhead)' },
    ])
  })

  it('knows what is said of it beforehand: how many calls are well, and how long they may take', () => {
    const many = [timeout('1m'), retry({ maxAttempts: 4 }), hedge(), timeout('1s')]
    expect([codes(many), codes(many, { amplificationMax: 8 })]).toEqual([['amplification'], []])
  })

  it('takes no other policy for a retry, for a timeout, or for one that waits', () => {
    expect(codes([hedge()])).toEqual(['no-timeout'])
    expect(codes([timeout({ limit: Number.POSITIVE_INFINITY })])).toEqual(['no-timeout'])
    expect(codes([timeout({ limit: () => 5 })])).toEqual([])
    expect(codes([timeout('1m'), retry({ backoff: () => 5 }), timeout('1s')])).toEqual([])
    const own = Object.assign(
      policy('own', (next) => next),
      {
        describe: () => ({ name: 'own', type: 'custom', options: { limitMs: 5 }, state: {} }),
      },
    )
    expect(codes([own])).toEqual(['no-timeout'])
  })

  it('has nothing to say of operations without a policy, where there is no default', () => {
    expect(lint(byOperation({ pay: circuitBreaker() }))).toMatchObject([{ code: 'no-timeout', operation: 'pay' }])
  })

  it('looks at each operation apart, behind switches and in choices', () => {
    const stack = compose(
      when(() => true, retry({ byOperation: { pay: { maxAttempts: 1 } } })),
      byOperation({ pay: compose(timeout('1s'), hedge()), default: timeout('1s') }),
    )
    const found = lint(stack, { idempotent: false })
    expect(found.filter(({ code }) => code === 'not-idempotent')).toEqual([
      expect.objectContaining({ path: 'parts[0].parts[0] (retry)' }),
      expect.objectContaining({ path: 'parts[1].choices.pay.parts[1] (hedge)', operation: 'pay' }),
    ])
    expect(codes([when(false, retry())])).not.toContain('no-attempt-timeout')
  })

  it('looks at the policies of a key, where each key has its own', () => {
    const peers = keyed(() => compose(retry(), timeout('1s')))
    peers.at('ada')
    expect(codes([peers], { key: 'ada' })).toEqual(['no-total-timeout'])
    expect(codes([peers])).toEqual(['no-timeout'])
    expect(worstCase(peers, 'ada').calls).toBe(3)
  })

  it('refuses options that it does not know', () => {
    expect(() => lint(noop, { deadlines: 1 } as never)).toThrow("'lint.deadlines'")
    expect(() => lint(noop, { amplificationMax: 0 })).toThrow('amplificationMax')
    expect(() => lint(noop, { deadline: 'soon' })).toThrow("'lint.deadline' must be")
  })
})

describe('the worst case', () => {
  const backoff = { initial: 1000, factor: 2, max: 3000, jitter: 'full' } as const
  const table: readonly (readonly [string, Policy, number, number])[] = [
    ['nothing', noop, Number.POSITIVE_INFINITY, 1],
    ['a timeout', timeout('1s'), 1000, 1],
    ['a timeout with grace', timeout({ limit: '1s', grace: 500 }), 1500, 1],
    ['attempts and waits', compose(retry({ backoff }), timeout(5000)), 3 * 5000 + 1000 + 2000, 3],
    ['waits at their cap', compose(retry({ maxAttempts: 6, backoff }), timeout(1)), 6 + 1000 + 2000 + 3 * 3000, 6],
    [
      'the last attempt after maxElapsed',
      compose(retry({ maxAttempts: 100, maxElapsed: '10s', backoff }), timeout(5000)),
      15_000,
      100,
    ],
    ['more waits than are described', compose(retry({ maxAttempts: 50, backoff: [1, 10] }), timeout(1)), 50 + 1 + 48 * 10, 50],
    ['a total timeout', compose(timeout('7s'), retry({ backoff }), timeout(5000)), 7000, 3],
    [
      'a wait for a turn in each attempt',
      compose(retry({ backoff: [0] }), rateLimiter({ limit: 1, per: 1, maxWait: 100 }), timeout(10)),
      330,
      3,
    ],
    ['a queue without bound', compose(bulkhead({ limit: 1, queue: 1 }), timeout(10)), Number.POSITIVE_INFINITY, 1],
    ['no queue', compose(bulkhead({ limit: 1 }), timeout(10)), 10, 1],
    ['an adaptive queue', compose(adaptiveLimiter({ queue: 1 }), timeout(10)), Number.POSITIVE_INFINITY, 1],
    ['waits that nobody knows', compose(retry({ backoff: () => 5 }), timeout(10)), 30, 3],
    ['many waits', compose(retry({ maxAttempts: 6, backoff: [1, 2, 10] }), timeout(1)), 6 + 1 + 2 + 3 * 10, 6],
    [
      'attempts without end and without waits',
      compose(retry({ maxAttempts: Number.POSITIVE_INFINITY, maxElapsed: '10s', backoff: [0] }), timeout(5)),
      10_005,
      Number.POSITIVE_INFINITY,
    ],
    ['attempts by operation', retry({ maxAttempts: 2, byOperation: { get: { maxAttempts: 4 } } }), Number.POSITIVE_INFINITY, 4],
    ['a queue with a bound', compose(bulkhead({ limit: 1, queue: 1, maxWait: 90 }), timeout(10)), 100, 1],
    ['a hedge', compose(hedge({ delay: 30, maxHedges: 2 }), timeout(100)), 160, 3],
    ['a retry of hedges', compose(retry({ backoff: [5] }), hedge({ delay: 10 }), timeout(100)), 3 * 110 + 10, 6],
    ['the worst of several operations', byOperation({ a: timeout(10), b: timeout(20), default: timeout(5) }), 20, 1],
    ['limits by operation', timeout({ limit: 5, byOperation: { slow: 500 } }), 500, 1],
  ]
  for (const [what, stack, durationMs, calls] of table)
    it(`of ${what}`, () => expect(worstCase(stack)).toEqual({ durationMs, calls }))
})
