import { describe, expect, it } from 'vitest'
import type { KindOptions } from './kind.ts'
import { defineKind, kindTable } from './kind.ts'

const base = { name: 'mail', target: 'smtp', handler: () => {} }

describe('a kind', () => {
  it('has defaults, in milliseconds, and is frozen', () => {
    const kind = defineKind(base)
    expect(kind).toMatchObject({
      maxAttempts: 10,
      backoff: { initialMs: 1000, factor: 2, maxMs: 300_000, jitter: 'equal' },
      timeoutMs: 30_000,
      leaseMs: 30_000,
      onUnknown: 'rerun',
      concurrency: Infinity,
      priority: 0,
      maxLostLeases: 3,
      idempotencyWindowMs: 86_400_000,
      deadLetter: { retries: 5, initialMs: 300_000, factor: 3, maxMs: 21_600_000 },
    })
    expect(Object.isFrozen(kind) && Object.isFrozen(kind.backoff) && Object.isFrozen(kind.deadLetter)).toBe(true)
  })

  it('reads its target off the payload', () => {
    const kind = defineKind<{ url: string }>({ ...base, target: (payload) => new URL(payload.url).origin })
    expect(kind.targetOf({ url: 'https://a.example/x' })).toBe('https://a.example')
  })

  // T: 11
  it.each<[string, object, RegExp]>([
    ['an unknown option', { retires: 3 }, /kind\.retires/],
    ['an unknown option further in', { backoff: { inital: 3 } }, /backoff\.inital/],
    ['an unknown dead letter option', { deadLetter: { retry: 3 } }, /deadLetter\.retry/],
    ['a bad name', { name: 'a b' }, /kind\.name/],
    ['no handler', { handler: undefined }, /'kind 'mail'\.handler'/],
    ['no target', { target: '' }, /target/],
    ['no attempt', { maxAttempts: 0 }, /maxAttempts/],
    ['a short lease', { lease: 10 }, /lease/],
    ['verify without a function', { onUnknown: 'verify' }, /verify/],
    ['a verify that is never asked', { verify: () => 'done' }, /verify/],
    ['a max below the initial delay', { backoff: { initial: '10m' } }, /backoff\.max/],
    ['a priority out of bounds', { priority: 1001 }, /priority/],
  ])('refuses %s', (_what, options, message) => {
    expect(() => defineKind({ ...base, ...options } as KindOptions)).toThrow(message)
  })

  it('has a name of its own', () => {
    expect(() => kindTable([defineKind(base), defineKind(base)])).toThrow(/different names/)
  })
})
