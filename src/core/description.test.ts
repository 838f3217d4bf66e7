import { expect, it } from 'vitest'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { bounded, describePolicy } from './description.ts'
import { keyed } from './keyed-policy.ts'
import { noop } from './policy.ts'

it('a policy of another library is described by all that is known of it: its name', () => {
  expect(describePolicy({ name: 'theirs' })).toEqual({ name: 'theirs', type: 'custom', options: {}, state: {} })
})

it('a policy is described as it describes itself, by the key that is meant', () => {
  const policies = keyed(() => noop, { clock: new VirtualClock() })
  policies.at('a')
  expect(describePolicy(policies, 'a').choices).toMatchObject({ default: { name: 'noop' } })
  expect(describePolicy(policies).choices).toBeUndefined()
})

it('no bound is no number', () => {
  expect([bounded(Number.POSITIVE_INFINITY), bounded(0)]).toEqual([undefined, 0])
})
