/** A store that answers when it is told to, and remembers what it was asked. */

import type { SharedState, TakeAnswer, TakeRequest } from '../../../../core/shared-state.ts'
import type { StoredState } from '../../../../core/state-store.ts'
import { VirtualClock } from '../../../../testing/virtual-clock.ts'
import { readRules, type SharedRateLimiterOptions, type SharedRules } from '../options.ts'

export interface FakeState {
  readonly clock: VirtualClock
  readonly rules: SharedRules
  /** Whatever was asked, such as `take 3 of b`. */
  readonly asked: string[]
  readonly takes: TakeRequest[]
  /** Answers the oldest question about tokens. */
  readonly answer: (answer: Partial<TakeAnswer> | Error) => Promise<void>
  /** Of all other calls, and of takes where it is an error; undefined: as they should. */
  trouble: Error | Promise<never> | undefined
  marks: readonly Pick<StoredState, 'name' | 'updatedAt'>[]
}

export function fakeState(options: Partial<SharedRateLimiterOptions> = {}): FakeState {
  const clock = new VirtualClock({ now: 5000 })
  const waiting: { resolve: (answer: TakeAnswer) => void; reject: (error: Error) => void }[] = []
  const ask = async <T>(what: string, answer: () => T): Promise<T> => {
    fake.asked.push(what)
    if (fake.trouble !== undefined) await (fake.trouble instanceof Error ? Promise.reject(fake.trouble) : fake.trouble)
    return answer()
  }
  const state: Partial<SharedState> = {
    take: (request) => {
      fake.takes.push(request)
      if (fake.trouble instanceof Error) return Promise.reject(fake.trouble)
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }))
    },
    giveBack: ({ name, tokens, requestId }) => ask(`back ${tokens} of ${name} for ${requestId.split('-').at(-1)}`, () => {}),
    block: (name, ms) => ask(`block ${name} for ${ms}`, () => {}),
    now: () => ask('now', () => clock.now()),
    writeState: (name) => ask(`write ${name.replace(fake.rules.owner, 'ME')}`, () => {}) as never,
    readStates: (prefix) => ask(`read ${prefix}`, () => fake.marks as StoredState[]),
    deleteState: (name) => ask(`delete ${name.replace(fake.rules.owner, 'ME')}`, () => {}) as never,
  }
  const given = { state: state as SharedState, name: 'api', limit: 10, per: '1s', processes: 4, clock, ...options }
  const fake: FakeState = {
    clock,
    rules: readRules(given),
    asked: [],
    takes: [],
    answer: async (answer) => {
      const question = waiting.shift()!
      if (answer instanceof Error) question.reject(answer)
      else question.resolve({ granted: 0, remaining: 0, waitMs: 0, now: clock.now(), ...answer })
      await clock.advance(0)
    },
    trouble: undefined,
    marks: [],
  }
  return fake
}
