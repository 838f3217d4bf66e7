import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BulkheadMachine, type Overflow } from './machine.ts'
import { type Waiter, WaitingLine } from './waiting-line.ts'

describe('the line of those who wait', () => {
  it('agrees with a sorted list', () => {
    const step = fc.record({
      act: fc.constantFrom('join', 'join', 'leave', 'next'),
      priority: fc.integer({ min: -2, max: 2 }),
      which: fc.nat(),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const line = new WaitingLine()
        let list: Waiter[] = []
        for (const { act, priority, which } of steps) {
          if (act === 'join') {
            const waiter: Waiter = { grant: () => {}, ...(priority === 0 ? {} : { priority }) }
            line.join(waiter)
            const after = list.findIndex((one) => (one.priority ?? 0) < priority)
            list.splice(after < 0 ? list.length : after, 0, waiter)
          } else if (act === 'leave' && list.length > 0) {
            const chosen = list[which % list.length]!
            line.leave(chosen)
            line.leave(chosen)
            list = list.filter((one) => one !== chosen)
          } else if (act === 'next') expect(line.next()).toBe(list.shift())
          expect(line.size).toBe(list.length)
          const lowest = list.at(-1)?.priority ?? 0
          expect(line.leastUrgent).toBe(list.find((one) => (one.priority ?? 0) === lowest))
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('a bulkhead machine that is resized and full', () => {
  it('never leaves anybody waiting while a place is free, and ends each wait once', () => {
    const step = fc.record({ act: fc.constantFrom('wait', 'wait', 'free', 'resize'), number: fc.integer({ min: 1, max: 4 }) })
    const overflow = fc.constantFrom<Overflow>('reject-new', 'drop-oldest', 'drop-lowest-priority')
    fc.assert(
      fc.property(overflow, fc.array(step, { maxLength: 80 }), (strategy, steps) => {
        const machine = new BulkheadMachine(2, 3, strategy)
        let running = 0
        let ended = 0
        let joined = 0
        for (const { act, number } of steps) {
          if (act === 'resize') machine.resize(number)
          else if (act === 'free' && running > 0) {
            const before = machine.queued
            const tooMany = machine.inFlight > machine.limit
            running--
            machine.free()
            // Of places that are no more none is handed on.
            if (tooMany) expect(machine.queued).toBe(before)
          } else if (act === 'wait') {
            if (machine.enter()) {
              running++
              continue
            }
            const hadRoom = machine.hasRoom(number)
            const once = { ended: false }
            const end = (granted: boolean) => {
              expect(once.ended).toBe(false)
              once.ended = true
              ended++
              if (granted) running++
            }
            const taken = machine.wait({ priority: number, grant: () => end(true), drop: () => end(false) })
            expect(taken).toBe(hadRoom)
            if (taken) joined++
          }
          expect(machine.inFlight).toBe(running)
          expect(machine.queued).toBe(joined - ended)
          expect(machine.queued).toBeLessThanOrEqual(3)
          if (machine.queued > 0) expect(machine.inFlight).toBeGreaterThanOrEqual(machine.limit)
        }
      }),
      { numRuns: 300 },
    )
  })
})
