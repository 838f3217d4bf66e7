import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isRejection, type Permit } from '../../core/permit.ts'
import { BulkheadMachine, type Waiter } from './machine.ts'

describe('the bulkhead machine', () => {
  it('admits up to its limit and queues up to its bound', () => {
    const machine = new BulkheadMachine(2, 1)
    const permits = [machine.tryAcquire(), machine.tryAcquire()] as Permit[]
    expect(machine.tryAcquire()).toEqual({ rejected: true, reason: '2 calls are in flight' })
    const waiter: Waiter = { grant: () => {} }
    expect([machine.wait(waiter), machine.wait({ grant: () => {} })]).toEqual([true, false])
    permits[0]!.release('success', 0)
    expect([machine.inFlight, machine.queued]).toEqual([2, 0])
  })

  it('pushes out only whom its rule gives up, and nobody where there is no queue', () => {
    const story: string[] = []
    const waiter = (name: string, priority: number): Waiter => ({ priority, grant: () => {}, drop: () => story.push(name) })
    const waits = (machine: BulkheadMachine, priority: number) => {
      const room = machine.hasRoom(priority)
      expect(machine.wait(waiter(`at ${priority}`, priority))).toBe(room)
      return room
    }
    const usual = new BulkheadMachine(1, 1)
    expect([waits(usual, 1), waits(usual, 9), story]).toEqual([true, false, []])
    const urgent = new BulkheadMachine(1, 1, 'drop-lowest-priority')
    expect([waits(urgent, 1), waits(urgent, 1), waits(urgent, 2), story]).toEqual([true, false, true, ['at 1']])
    const newest = new BulkheadMachine(1, 1, 'drop-oldest')
    newest.wait({ grant: () => {} })
    expect([waits(newest, -1), waits(newest, 0), waits(newest, 0)]).toEqual([false, true, true])
    expect([story, newest.queued]).toEqual([['at 1', 'at 0'], 1])
    expect(waits(new BulkheadMachine(1, 0, 'drop-oldest'), 9)).toBe(false)
  })

  // T: 4
  it('frees a place once, however often its permit is released', () => {
    const machine = new BulkheadMachine(2, 0)
    const permit = machine.tryAcquire() as Permit
    machine.tryAcquire()
    for (const outcome of ['success', 'failure', 'neutral'] as const) permit.release(outcome, 0)
    expect([machine.inFlight, isRejection(machine.tryAcquire()), isRejection(machine.tryAcquire())]).toEqual([1, false, true])
  })

  // T: 18
  it('hands a freed place to the head of the queue, before any newcomer can take it', () => {
    const machine = new BulkheadMachine(1, 2)
    const order: string[] = []
    const held = machine.tryAcquire() as Permit
    machine.wait({
      grant: () => {
        order.push('first')
        expect(isRejection(machine.tryAcquire())).toBe(true)
        machine.free()
      },
    })
    machine.wait({ grant: () => order.push('second') })
    held.release('success', 0)
    expect([order, machine.inFlight, isRejection(machine.tryAcquire())]).toEqual([['first', 'second'], 1, true])
  })

  it('agrees with two lists after any sequence', () => {
    const step = fc.record({ act: fc.constantFrom('acquire', 'acquire', 'wait', 'release', 'release', 'leave'), which: fc.nat() })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.nat(4), fc.array(step, { maxLength: 100 }), (limit, queueLimit, steps) => {
        const machine = new BulkheadMachine(limit, queueLimit)
        const permits = new Map<number, Permit>()
        let running: number[] = []
        let queue: number[] = []
        const waiters = new Map<number, Waiter>()
        let name = 0
        for (const { act, which } of steps) {
          name++
          if (act === 'acquire') {
            const answer = machine.tryAcquire()
            expect(isRejection(answer)).toBe(running.length >= limit)
            if (!isRejection(answer)) {
              permits.set(name, answer)
              running.push(name)
            }
          } else if (act === 'wait' && running.length >= limit) {
            const mine = name
            const waiter: Waiter = { grant: () => void permits.set(mine, placeIn(machine)) }
            expect(machine.wait(waiter)).toBe(queue.length < queueLimit)
            if (queue.length < queueLimit) {
              waiters.set(mine, waiter)
              queue.push(mine)
            }
          } else if (act === 'release' && permits.size > 0) {
            const [chosen, permit] = [...permits][which % permits.size]!
            permit.release('neutral', 0)
            if (running.includes(chosen)) {
              running = [...running.filter((one) => one !== chosen), ...queue.slice(0, 1)]
              queue = queue.slice(1)
            }
          } else if (act === 'leave' && waiters.size > 0) {
            const [chosen, waiter] = [...waiters][which % waiters.size]!
            machine.leave(waiter)
            queue = queue.filter((one) => one !== chosen)
          }
          expect([machine.inFlight, machine.queued]).toEqual([running.length, queue.length])
          for (const one of running) expect(permits.has(one)).toBe(true)
        }
      }),
      { numRuns: 300 },
    )
  })
})

/** A granted place, given back at most once, as whoever waits must do. */
function placeIn(machine: BulkheadMachine): Permit {
  let taken = true
  return {
    generation: 0,
    release: () => {
      if (taken) machine.free()
      taken = false
    },
  }
}
