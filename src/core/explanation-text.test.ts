import { expect, it } from 'vitest'
import type { Explanation } from './explain.ts'
import { formatExplanation } from './explanation-text.ts'
import type { Decision } from './trace.ts'

const decision = (more: Partial<Decision>): Decision => ({
  ...{ atMs: 0, policy: 'slots', type: 'bulkhead', attempt: 1, verdict: 'admitted', reason: 'may go', numbers: {} },
  ...more,
})
const page = (more: Partial<Explanation>): string[] => {
  const plain = { id: 'x1', policy: 'slots', outcome: 'succeeded', decidedBy: 'operation', calls: 1, durationMs: 1500 } as const
  return formatExplanation({ ...plain, decisions: [], ...more }).split('\n')
}

it('an explanation begins with what became of which call', () => {
  expect(page({})[0]).toBe('call x1: succeeded after 1.5s, 1 call of the operation, decided by operation')
  expect(page({ operation: 'pay', key: 'ada', calls: 2 })[0]).toBe(
    'pay x1 for ada: succeeded after 1.5s, 2 calls of the operation, decided by operation',
  )
  expect(page({})[1]).toBe('  at  attempt  who  what  why')
})

it('an explanation says what went wrong, what to do about it, and when', () => {
  const summary = { name: 'Error', message: 'down' }
  expect(page({ outcome: 'failed', summary }).slice(1, -1)).toEqual(['  Error: down'])
  const known = { ...summary, code: 'ECONNRESET' }
  expect(page({ outcome: 'failed', summary: known, hint: 'Wait.', retryAfterMs: 2000 }).slice(1, -1)).toEqual([
    '  Error ECONNRESET: down',
    '  Wait.',
    '  Another try makes sense in 2s.',
  ])
})

it('an explanation has a line for each decision, with its numbers where the reason does not say them', () => {
  const numbers = { attempt: 3, reason: 'so', share: 1 / 3, delayMs: 1500, state: 'open', all: [1, 'a'], none: undefined }
  const lines = page({
    decisions: [
      decision({}),
      decision({ atMs: 10.4, attempt: 2, numbers }),
      decision({ verdict: 'learnt', reason: 'inFlight 1 → 0', numbers: { inFlight: 0 } }),
    ],
  })
  expect(lines.slice(1)).toEqual([
    '  at    attempt  who    what      why',
    '  0ms   1        slots  admitted  may go',
    '  10ms  2        slots  admitted  may go (share=0.333, delayMs=1.5s, state=open, all=[1,"a"])',
    '  0ms   1        slots  learnt    inFlight 1 → 0',
  ])
})
