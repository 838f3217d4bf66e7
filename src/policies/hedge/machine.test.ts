import { describe, expect, it } from 'vitest'
import { fits, HedgeMachine, type HedgeOutcome } from './machine.ts'

type Step = 'start' | 'stop' | HedgeOutcome

function play(maxHedges: number, steps: readonly (readonly [Step, unknown])[]): HedgeMachine {
  const machine = new HedgeMachine(maxHedges)
  for (const [index, [step, expected]] of steps.entries()) {
    const answer = step === 'start' ? machine.start() : step === 'stop' ? machine.stop() : machine.settle(step)
    expect(answer, `step ${index}: ${step}`).toBe(expected)
  }
  return machine
}

describe('the hedge machine, line by line', () => {
  it('numbers its calls, and starts so many', () => {
    const machine = play(2, [
      ['start', 0],
      ['start', 1],
    ])
    expect([machine.mayStart, machine.started]).toEqual([true, 2])
    machine.start()
    expect([machine.mayStart, machine.started]).toEqual([false, 3])
  })

  it.each<[string, number, readonly (readonly [Step, unknown])[]]>([
    [
      'the first acceptable result wins',
      1,
      [
        ['start', 0],
        ['acceptable', 'win'],
      ],
    ],
    [
      'a hedge wins over a first call that runs',
      1,
      [
        ['start', 0],
        ['start', 1],
        ['acceptable', 'win'],
      ],
    ],
    [
      'a failure starts the next at once',
      1,
      [
        ['start', 0],
        ['failed', 'start'],
      ],
    ],
    [
      'a failure with others running waits for them when no more may start',
      1,
      [
        ['start', 0],
        ['start', 1],
        ['failed', 'wait'],
        ['failed', 'fail'],
      ],
    ],
    [
      'a failure with others running starts one more where one may',
      2,
      [
        ['start', 0],
        ['start', 1],
        ['failed', 'start'],
        ['start', 2],
        ['failed', 'wait'],
        ['acceptable', 'win'],
      ],
    ],
    [
      'a hopeless failure starts nothing',
      5,
      [
        ['start', 0],
        ['hopeless', 'fail'],
      ],
    ],
    [
      'a hopeless failure still waits for those that run, and they start nothing either',
      5,
      [
        ['start', 0],
        ['start', 1],
        ['hopeless', 'wait'],
        ['failed', 'fail'],
      ],
    ],
    [
      'a fatal failure ends it, whoever runs',
      5,
      [
        ['start', 0],
        ['start', 1],
        ['fatal', 'fail'],
      ],
    ],
    [
      'without hedges a failure is the end',
      0,
      [
        ['start', 0],
        ['failed', 'fail'],
      ],
    ],
    [
      'stopped with one running it waits',
      5,
      [
        ['start', 0],
        ['stop', 'wait'],
        ['failed', 'fail'],
      ],
    ],
    [
      'stopped with none running it has failed',
      5,
      [
        ['start', 0],
        ['failed', 'start'],
        ['stop', 'fail'],
      ],
    ],
  ])('%s', (_what, maxHedges, steps) => {
    play(maxHedges, steps)
  })

  it('starts no more once stopped', () => {
    expect(
      play(5, [
        ['start', 0],
        ['stop', 'wait'],
      ]).mayStart,
    ).toBe(false)
  })
})

describe('whether a hedge fits', () => {
  it.each([
    [0, 0, 1, true],
    [1, 0, 1, false],
    [10, 20, 31, true],
    [10, 20, 30, false],
    [10, 20, Number.POSITIVE_INFINITY, true],
  ])('that starts at %d, takes %d usually and has to be done by %d: %s', (startsAt, usual, deadline, answer) => {
    expect(fits(startsAt, usual, deadline)).toBe(answer)
  })
})
