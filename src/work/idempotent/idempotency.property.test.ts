import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isHoldfastError } from '../../core/errors.ts'
import { memorySharedState } from '../../stores/memory/memory-shared-state.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { idempotency } from './idempotency.ts'

const LEASE = 3000
const WINDOW = 5000
const COOL_DOWN = 10_000
const OWNERS = 3

type Command =
  | { readonly type: 'call'; readonly owner: number; readonly key: string; readonly payload: string }
  | { readonly type: 'end'; readonly key: string; readonly how: 'value' | 'error' }
  | { readonly type: 'crash'; readonly owner: number }
  | { readonly type: 'resolve'; readonly key: string; readonly how: 'done' | 'notDone' }
  | { readonly type: 'wait'; readonly ms: number }

const owner = fc.nat(OWNERS - 1)
const key = fc.constantFrom('a', 'b')
const payload = fc.constantFrom('x', 'x', 'x', 'y')
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant('call' as const), owner, key, payload }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('end' as const), key, how: fc.constantFrom('value', 'error') }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('crash' as const), owner }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('resolve' as const), key, how: fc.constantFrom('done', 'notDone') }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 40 }).map((n) => n * 125) }),
  },
)

/** What ought to be, as naively as can be: one table, one time, nobody forgets anything. */
class Reference {
  now = 0
  readonly #keys = new Map<
    string,
    { payload: string; owner: number; startedAt: number; crashedAt?: number; doneAt?: number; value?: string }
  >()

  call(owner: number, key: string, payload: string): string {
    const known = this.#keys.get(key)
    if (known?.doneAt !== undefined && this.now - known.doneAt >= COOL_DOWN) this.#keys.delete(key)
    else if (known !== undefined) {
      if (known.payload !== payload) return 'ERR_IDEMPOTENCY_MISMATCH'
      if (known.doneAt !== undefined) return this.now - known.doneAt > WINDOW ? 'ERR_IDEMPOTENCY_DONE' : (known.value as string)
      return this.isUnknown(key) ? 'ERR_IDEMPOTENCY_UNKNOWN' : 'ERR_IDEMPOTENCY_RUNNING'
    }
    this.#keys.set(key, { payload, owner, startedAt: this.now })
    return 'runs'
  }

  isRunning(key: string): boolean {
    const known = this.#keys.get(key)
    return known !== undefined && known.doneAt === undefined && known.crashedAt === undefined
  }

  /** Its owner crashed, and its lease, renewed at each third, is over. */
  isUnknown(key: string): boolean {
    const known = this.#keys.get(key)
    if (known?.crashedAt === undefined || known.doneAt !== undefined) return false
    const renewedAt = known.crashedAt - ((known.crashedAt - known.startedAt) % (LEASE / 3))
    return renewedAt + LEASE <= this.now
  }

  payloadOf(key: string): string {
    return this.#keys.get(key)?.payload ?? 'x'
  }

  done(key: string, value: string): void {
    Object.assign(this.#keys.get(key)!, { doneAt: this.now, value })
  }

  free(key: string): void {
    this.#keys.delete(key)
  }

  crash(owner: number): void {
    for (const known of this.#keys.values()) if (known.owner === owner && known.doneAt === undefined) known.crashedAt ??= this.now
  }
}

describe('whatever several processes do, begin, end, crash and wait', () => {
  // W: 6
  it('each call runs, is answered or is refused as one naive table would have it', async () => {
    const run = async (commands: readonly Command[]): Promise<void> => {
      const clock = new VirtualClock()
      const state = memorySharedState({ clock })
      await state.open()
      const reference = new Reference()
      const options = { state, lease: LEASE, window: WINDOW, coolDown: COOL_DOWN, whenRunning: 'reject' } as const
      // Each has a clock of its own, which stands still when it has crashed.
      const make = () => {
        const own = new VirtualClock()
        return { own, once: idempotency({ ...options, clock: own }) }
      }
      const processes = Array.from({ length: OWNERS }, make)
      const underway = new Map<string, PromiseWithResolvers<string>>()
      let runs = 0
      const settled = async () => {
        for (let turn = 0; turn < 30; turn++) await Promise.resolve()
      }
      const call = async (who: number, name: string, text: string): Promise<string> => {
        let began = false
        const end = processes[who]!.once.run(
          name,
          () => {
            began = true
            const work = Promise.withResolvers<string>()
            underway.set(name, work)
            return work.promise
          },
          { payload: text },
        ).catch((error: unknown) => (isHoldfastError(error) ? error.code : 'failed'))
        await settled()
        return began ? 'runs' : end
      }
      for (const step of commands) {
        if (step.type === 'call') {
          const expected = reference.call(step.owner, step.key, step.payload)
          expect(await call(step.owner, step.key, step.payload)).toBe(expected)
        } else if (step.type === 'end' && reference.isRunning(step.key)) {
          if (step.how === 'value') {
            const value = `result ${++runs}`
            reference.done(step.key, value)
            underway.get(step.key)!.resolve(value)
          } else {
            reference.free(step.key)
            underway.get(step.key)!.reject(new Error('failed'))
          }
          await settled()
        } else if (step.type === 'crash') {
          reference.crash(step.owner)
          processes[step.owner] = make()
          await processes[step.owner]!.own.advance(reference.now)
        } else if (step.type === 'resolve') {
          const unknown = reference.isUnknown(step.key)
          const outcome = step.how === 'done' ? { done: 'by hand' } : 'notDone'
          const text = reference.payloadOf(step.key)
          const answer = await processes[0]!.once.resolve(step.key, outcome, text).catch(() => false)
          expect(answer).toBe(unknown)
          if (unknown && step.how === 'done') reference.done(step.key, 'by hand')
          else if (unknown) reference.free(step.key)
        } else if (step.type === 'wait') {
          for (let passed = 0; passed < step.ms; passed += 125) {
            await clock.advance(125)
            for (const { own } of processes) await own.advance(125)
          }
          reference.now += step.ms
        }
      }
    }
    await fc.assert(fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 40 }), run), { numRuns: 300 })
  }, 60_000)
})
