/** Runs random calls through a random stack on a virtual clock, and tells all that can be seen of it. */
import type { Policy } from '../../src/core/policy.ts'
import type { ScriptedOperation } from '../../src/testing/scripted-operation.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { CountedController } from '../cancellation/counted-signal.ts'
import type { CallPlan } from './plans.ts'
import { operationOf } from './plans.ts'

export interface CallStory {
  readonly outcome: string
  readonly settledAt: number
  readonly startedAt: readonly number[]
  readonly attempts: readonly number[]
}

export interface Story {
  readonly calls: readonly CallStory[]
  /** Every event, without its execution ids, which are counted through the process. */
  readonly events: readonly string[]
  readonly clock: VirtualClock
  readonly operations: readonly ScriptedOperation<string>[]
  readonly controllers: readonly CountedController[]
}

/** Longer than anything that a plan can wait for. */
const THE_END = 100_000

export async function run(make: (clock: VirtualClock) => Policy, plans: readonly CallPlan[]): Promise<Story> {
  const clock = new VirtualClock()
  const stack = make(clock)
  const events: string[] = []
  stack.observe(({ execution, at, ...event }) => events.push(`${clock.now()} ${at} ${typeof execution} ${JSON.stringify(event)}`))
  const ends: { outcome: string; settledAt: number }[] = []
  const operations: ScriptedOperation<string>[] = []
  const controllers: CountedController[] = []
  for (const [index, { after, steps, abortAfter, within }] of plans.entries()) {
    await clock.advance(after)
    const operation = operationOf(steps, clock)
    const controller = new CountedController()
    const options = { signal: abortAfter === null ? undefined : controller.signal, within: within ?? undefined }
    ends[index] = { outcome: 'never settled', settledAt: Number.POSITIVE_INFINITY }
    const settle = (outcome: string): void => {
      ends[index] = { outcome, settledAt: clock.now() }
    }
    stack.execute(operation, options).then(
      (value) => settle(`value ${value}`),
      (error: unknown) => settle(`error ${String(error)}`),
    )
    if (abortAfter !== null) clock.setTimer(abortAfter, () => controller.abort('cancelled'))
    operations.push(operation)
    controllers.push(controller)
  }
  for (let turn = 0; turn < 20; turn++) {
    await clock.advance(THE_END / 20)
    for (const operation of operations) operation.release('ok')
  }
  await clock.advance(1000)
  const calls = ends.map((end, index) => ({
    ...end,
    startedAt: operations[index]!.calls.map(({ at }) => at),
    attempts: operations[index]!.attempts,
  }))
  return { calls, events, clock, operations, controllers }
}
