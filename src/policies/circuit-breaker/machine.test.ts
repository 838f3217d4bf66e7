import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { BreakerStateName } from '../../core/events.ts'
import type { Outcome } from '../../core/outcome.ts'
import { isRejection } from '../../core/permit.ts'
import { BreakerMachine } from './machine.ts'
import type { BreakerPermit } from './permit.ts'
import type { BreakerChange, BreakerSettings } from './settings.ts'
import { readTrip } from './trip.ts'

const settings = (given: Partial<BreakerSettings> = {}): BreakerSettings => ({
  trip: readTrip({ consecutive: 3 }, 'trip'),
  openMs: 100,
  openMaxMs: 100,
  halfOpenCalls: 1,
  successes: 1,
  probeLeaseMs: 50,
  ...given,
})

/** Plays `[now, input, expected]` lines; permits are named by the line that took them. */
type Line =
  | readonly [now: number, take: string, expected: 'admitted' | number | 'isolated']
  | readonly [now: number, release: string, outcome: Outcome, state: BreakerStateName]
  | readonly [now: number, command: 'isolate' | 'disable' | 'close', state: BreakerStateName]

function play(given: BreakerSettings, lines: readonly Line[]) {
  const changes: BreakerChange[] = []
  const machine = new BreakerMachine(given, (change) => changes.push(change))
  const permits = new Map<string, BreakerPermit>()
  for (const [index, line] of lines.entries()) {
    const [now, input, third, state] = line as readonly [number, string, unknown, unknown]
    const at = `line ${index}: ${JSON.stringify(line)}`
    if (input.startsWith('take ')) {
      const answer = machine.tryAcquire(now)
      expect(isRejection(answer) ? (answer.retryAfterMs ?? 'isolated') : 'admitted', at).toBe(third)
      if (!isRejection(answer)) permits.set(input.slice(5), answer)
    } else if (state !== undefined) {
      permits.get(input)!.release(third as Outcome, now)
      expect(machine.state, at).toBe(state)
    } else {
      if (input === 'isolate') machine.isolate('by hand', now)
      else if (input === 'disable') machine.disable('by hand', now)
      else machine.close('by hand', now)
      expect(machine.state, at).toBe(third)
    }
  }
  return { machine, changes }
}

const trip = (from: number): Line[] =>
  [1, 2, 3].flatMap((one): Line[] => [
    [from, `take t${one}`, 'admitted'],
    [from, `t${one}`, 'failure', one < 3 ? 'closed' : 'open'],
  ])

describe('the breaker machine, line by line', () => {
  // R: X6, R1, P4
  it('opens after its failures, refuses with the time that is left, probes, and closes', () => {
    const { changes } = play(settings(), [
      ...trip(0),
      [40, 'take a', 60],
      [99, 'take b', 1],
      [100, 'take probe', 'admitted'],
      [110, 'take other', 40],
      [120, 'probe', 'success', 'closed'],
      [120, 'take c', 'admitted'],
    ])
    expect(changes).toEqual([
      { from: 'closed', to: 'open', reason: '3 failures in a row', retryAfterMs: 100 },
      { from: 'open', to: 'half-open', reason: 'the open time is over' },
      { from: 'half-open', to: 'closed', reason: '1 probes succeeded' },
    ])
  })

  it('counts failures in a row: a success begins anew, a neutral result does not', () => {
    play(settings(), [
      [0, 'take a', 'admitted'],
      [0, 'take b', 'admitted'],
      [0, 'take c', 'admitted'],
      [0, 'take d', 'admitted'],
      [0, 'take e', 'admitted'],
      [0, 'take f', 'admitted'],
      [0, 'a', 'failure', 'closed'],
      [0, 'b', 'failure', 'closed'],
      [0, 'c', 'success', 'closed'],
      [0, 'd', 'failure', 'closed'],
      [0, 'e', 'neutral', 'closed'],
      [0, 'f', 'failure', 'closed'],
      [0, 'take g', 'admitted'],
      [0, 'g', 'failure', 'open'],
    ])
  })

  // T: 1
  it('a late result of an earlier state changes nothing but the stale count', () => {
    const { machine } = play(settings(), [
      [0, 'take late', 'admitted'],
      [0, 'take later', 'admitted'],
      [0, 'take cancelled', 'admitted'],
      ...trip(0),
      [100, 'take probe', 'admitted'],
      [101, 'late', 'success', 'half-open'],
      [102, 'later', 'failure', 'half-open'],
      [103, 'cancelled', 'neutral', 'half-open'],
      [104, 'take other', 46],
      [105, 'probe', 'success', 'closed'],
    ])
    expect([machine.stale, machine.generation]).toEqual([2, 3])
  })

  // T: 2
  it('a probe that does not come back in its lease has failed; others get an ETA at once', () => {
    const { machine } = play(settings(), [
      ...trip(0),
      [100, 'take hung', 'admitted'],
      [149, 'take a', 1],
      [150, 'take b', 100],
      [200, 'take c', 50],
      [250, 'take second', 'admitted'],
      [251, 'hung', 'success', 'half-open'],
      [252, 'second', 'success', 'closed'],
    ])
    expect(machine.stale).toBe(1)
  })

  // T: 2
  it('probes that do not come back at the same time have all failed, and none is left for the next time', () => {
    play(settings({ halfOpenCalls: 2, failures: 2 }), [
      ...trip(0),
      [100, 'take a', 'admitted'],
      [100, 'take b', 'admitted'],
      [150, 'take c', 100],
    ])
    play(settings({ halfOpenCalls: 2, probeLeaseMs: 1000 }), [
      ...trip(0),
      [100, 'take a', 'admitted'],
      [100, 'take b', 'admitted'],
      [101, 'a', 'failure', 'open'],
      [201, 'take c', 'admitted'],
      [201, 'take d', 'admitted'],
      [201, 'take e', 1000],
    ])
  })

  // T: 3
  it('a cancelled probe gives its place to the next and leaves the state', () => {
    play(settings(), [
      ...trip(0),
      [100, 'take probe', 'admitted'],
      [110, 'probe', 'neutral', 'half-open'],
      [111, 'take next', 'admitted'],
      [112, 'next', 'failure', 'open'],
    ])
  })

  // T: 4
  it('releases once: a second release of a probe neither closes nor frees', () => {
    play(settings({ halfOpenCalls: 2, successes: 2 }), [
      ...trip(0),
      [100, 'take one', 'admitted'],
      [100, 'take two', 'admitted'],
      [101, 'one', 'success', 'half-open'],
      [101, 'one', 'success', 'half-open'],
      [101, 'one', 'failure', 'half-open'],
      [102, 'take three', 'admitted'],
      [103, 'take four', 47],
      [104, 'two', 'success', 'closed'],
    ])
  })

  // R: U2, P4
  it('needs all its successes, one after the other where one probe may run', () => {
    play(settings({ successes: 2 }), [
      ...trip(0),
      [100, 'take one', 'admitted'],
      [101, 'one', 'success', 'half-open'],
      [101, 'take two', 'admitted'],
      [102, 'two', 'failure', 'open'],
      [202, 'take three', 'admitted'],
      [203, 'three', 'success', 'half-open'],
      [203, 'take four', 'admitted'],
      [204, 'four', 'success', 'closed'],
    ])
  })

  it('stays open twice as long with each failed probe, up to its longest, and is patient again after a success', () => {
    play(settings({ openMaxMs: 350 }), [
      ...trip(0),
      [100, 'take a', 'admitted'],
      [100, 'a', 'failure', 'open'],
      [100, 'take x', 200],
      [300, 'take b', 'admitted'],
      [300, 'b', 'failure', 'open'],
      [300, 'take x', 350],
      [650, 'take c', 'admitted'],
      [650, 'c', 'success', 'closed'],
      ...trip(700),
      [700, 'take x', 100],
    ])
  })

  // R: R1, P4
  it('decides by a sample of probes where asked: so many to close, so many to open again', () => {
    const sampled = settings({ halfOpenCalls: 2, successes: 3, failures: 2 })
    const { changes } = play(sampled, [
      ...trip(0),
      [100, 'take a', 'admitted'],
      [100, 'take b', 'admitted'],
      [101, 'a', 'failure', 'half-open'],
      [101, 'b', 'success', 'half-open'],
      [102, 'take c', 'admitted'],
      [102, 'take d', 'admitted'],
      [103, 'c', 'success', 'half-open'],
      [103, 'd', 'success', 'closed'],
      ...trip(200),
      [300, 'take e', 'admitted'],
      [300, 'take f', 'admitted'],
      [301, 'e', 'failure', 'half-open'],
      [302, 'f', 'failure', 'open'],
    ])
    expect(changes.at(-1)!.reason).toBe('2 probes failed, at last: a probe failed')
  })

  // T: 2
  it('counts a lease that ran out as one failed probe of the sample, and its late result as stale', () => {
    const { machine } = play(settings({ failures: 2 }), [
      ...trip(0),
      [100, 'take hung', 'admitted'],
      [150, 'take next', 'admitted'],
      [160, 'hung', 'failure', 'half-open'],
      [161, 'next', 'success', 'closed'],
    ])
    expect(machine.stale).toBe(1)
  })

  it('counts a slow probe as failed, where slow calls matter', () => {
    const slow = settings({
      trip: readTrip({ consecutive: 3, slowRate: 1, slowAfter: 10, minimumCalls: 5 }, 'trip'),
      successes: 2,
    })
    const { changes } = play(slow, [
      ...trip(0),
      [100, 'take a', 'admitted'],
      [109, 'a', 'success', 'half-open'],
      [110, 'take b', 'admitted'],
      [120, 'b', 'success', 'open'],
    ])
    expect(changes.at(-1)!.reason).toBe('a probe was slow')
  })

  it('counts failures in a window, in a row or not', () => {
    const { changes } = play(settings({ trip: readTrip({ failures: 2, windowTime: 1000 }, 'trip') }), [
      [0, 'take a', 'admitted'],
      [0, 'take b', 'admitted'],
      [0, 'take c', 'admitted'],
      [0, 'a', 'failure', 'closed'],
      [10, 'b', 'success', 'closed'],
      [20, 'c', 'failure', 'open'],
    ])
    expect(changes[0]!.reason).toBe('2 failures among 3 calls')
  })

  it('opens for no success, though it be the one with which there are calls enough', () => {
    play(settings({ trip: readTrip({ failureRate: 0.5, minimumCalls: 3, windowCalls: 5 }, 'trip') }), [
      [0, 'take a', 'admitted'],
      [0, 'take b', 'admitted'],
      [0, 'take c', 'admitted'],
      [0, 'take d', 'admitted'],
      [0, 'a', 'failure', 'closed'],
      [0, 'b', 'failure', 'closed'],
      [0, 'c', 'success', 'closed'],
      [0, 'd', 'failure', 'open'],
    ])
  })

  it('keeps what opened it in its window until it closes', () => {
    const { window, ...rest } = readTrip({ failures: 2, windowCalls: 5 }, 'trip')
    const { machine } = play(settings({ trip: { ...rest, window } }), [
      [0, 'take a', 'admitted'],
      [0, 'take b', 'admitted'],
      [0, 'a', 'failure', 'closed'],
      [0, 'b', 'failure', 'open'],
      [100, 'take c', 'admitted'],
    ])
    expect(window!.failures).toBe(2)
    machine.close('by hand', 100)
    expect(window!.failures).toBe(0)
  })

  it('works on a clock that starts below zero', () => {
    const { machine } = play(settings({ trip: readTrip({ consecutive: 3, failures: 3, windowTime: 1000 }, 'trip') }), [
      ...trip(-5055),
      [-5000, 'take a', 45],
      [-4955, 'take b', 'admitted'],
      [-4955, 'b', 'success', 'closed'],
    ])
    machine.isolate('maintenance', -4955, -4900)
    expect([machine.peek(-4955), isRejection(machine.tryAcquire(-4900))]).toEqual([{ retryAfterMs: 55 }, false])
  })

  it('keeps its patience through short recoveries, and gets it back with each long one', () => {
    play(settings({ openMaxMs: 800, healMs: 1000 }), [
      ...trip(0),
      [0, 'take x', 100],
      [100, 'take a', 'admitted'],
      [100, 'a', 'success', 'closed'],
      ...trip(1099),
      [1099, 'take x', 200],
      [1299, 'take b', 'admitted'],
      [1299, 'b', 'failure', 'open'],
      [1299, 'take x', 400],
      [1699, 'take c', 'admitted'],
      [1699, 'c', 'success', 'closed'],
      ...trip(3700),
      [3700, 'take x', 200],
      [3900, 'take d', 'admitted'],
      [3900, 'd', 'success', 'closed'],
      ...trip(1e6),
      [1e6, 'take x', 100],
      [1e6, 'close', 'closed'],
      ...trip(1e6),
      [1e6, 'take x', 100],
    ])
  })

  // T: 27
  it('stays open as long as the target asks for, up to its longest, and never shorter than by itself', () => {
    const asked = (given: Partial<BreakerSettings>, askedMs: number, failures = 3) => {
      const machine = new BreakerMachine(settings(given), () => {})
      for (let call = 0; call < failures; call++) machine.settleUntimed(machine.generation, 'failure', 0, askedMs)
      return machine.peek(0)
    }
    expect(asked({ openMaxMs: 500 }, 300)).toEqual({ retryAfterMs: 300 })
    expect(asked({ openMaxMs: 500 }, 9000)).toEqual({ retryAfterMs: 500 })
    expect(asked({ openMaxMs: 500 }, 7)).toEqual({ retryAfterMs: 100 })
    expect(asked({ openMaxMs: 500 }, 300, 1)).toEqual({ slots: Number.POSITIVE_INFINITY })
    expect(asked({ openMaxMs: 500, opensWhenAsked: true }, 300, 1)).toEqual({ retryAfterMs: 300 })
    expect(asked({ openMaxMs: 500, opensWhenAsked: true }, 0, 1)).toEqual({ slots: Number.POSITIVE_INFINITY })
    const machine = new BreakerMachine(settings({ openMaxMs: 500 }), () => {})
    machine.trip('by hand', 0)
    const probe = machine.tryAcquire(100) as BreakerPermit
    probe.release('failure', 100, 450)
    expect(machine.peek(100)).toEqual({ retryAfterMs: 450 })
  })

  // T: 5
  it('admits a growing share after a recovery, spread evenly, and everybody when the ramp is over', () => {
    const { machine } = play(settings({ ramp: { overMs: 1000, from: 0.25 } }), [
      ...trip(0),
      [100, 'take probe', 'admitted'],
      [100, 'probe', 'success', 'closed'],
      [100, 'take a', 'admitted'],
      [100, 'take b', 1000],
      [100, 'take c', 1000],
      [100, 'take d', 1000],
      [100, 'take e', 'admitted'],
      [600, 'take f', 500],
    ])
    expect([machine.admitsAll, machine.share(100), machine.share(600), machine.peek(600)]).toEqual([
      false,
      0.25,
      0.625,
      { slots: 1 },
    ])
    expect(machine.peek(1100)).toEqual({ slots: Number.POSITIVE_INFINITY })
    expect([isRejection(machine.tryAcquire(1100)), machine.admitsAll]).toEqual([false, true])
  })

  // T: 5
  it('opens again from the ramp as it does when closed; closed by hand it has none', () => {
    play(settings({ ramp: { overMs: 1000, from: 0.9 } }), [
      ...trip(0),
      [100, 'take probe', 'admitted'],
      [100, 'probe', 'success', 'closed'],
      [900, 'take a', 'admitted'],
      [900, 'a', 'failure', 'closed'],
      [900, 'take refused', 200],
      [900, 'take b', 'admitted'],
      [900, 'b', 'failure', 'closed'],
      [900, 'take c', 'admitted'],
      [900, 'c', 'failure', 'open'],
      [900, 'close', 'closed'],
      ...Array.from({ length: 20 }, (_, index): Line => [900, `take x${index}`, 'admitted']),
    ])
  })

  it('is isolated for a time: rejects with what is left of it, then admits', () => {
    const changes: BreakerChange[] = []
    const machine = new BreakerMachine(settings(), (change) => changes.push(change))
    machine.isolate('maintenance', 0, 50)
    expect([machine.tryAcquire(10), machine.peek(10)]).toEqual([
      { rejected: true, retryAfterMs: 40, reason: 'maintenance' },
      { retryAfterMs: 40 },
    ])
    expect([machine.peek(50), machine.state]).toEqual([{ slots: Number.POSITIVE_INFINITY }, 'closed'])
    expect(changes.map(({ to, reason }) => `${to}: ${reason}`)).toEqual([
      'isolated: maintenance',
      'closed: the isolation is over',
    ])
  })

  it('isolated rejects without an end, disabled admits and counts, close frees both', () => {
    play(settings(), [
      [0, 'isolate', 'isolated'],
      [1e9, 'take a', 'isolated'],
      [1e9, 'close', 'closed'],
      [1e9, 'disable', 'disabled'],
      [1e9, 'take b', 'admitted'],
      [1e9, 'b', 'failure', 'disabled'],
      [1e9, 'take c', 'admitted'],
      [1e9, 'c', 'failure', 'disabled'],
      [1e9, 'take d', 'admitted'],
      [1e9, 'd', 'failure', 'disabled'],
      [1e9, 'take e', 'admitted'],
      [1e9, 'close', 'closed'],
      [1e9, 'e', 'failure', 'closed'],
      [1e9, 'take f', 'admitted'],
    ])
  })

  // T: 7
  it('takes rates over finished calls only', () => {
    const rated = settings({ trip: readTrip({ failureRate: 0.5, minimumCalls: 4, windowCalls: 10 }, 'trip') })
    play(rated, [
      [0, 'take running', 'admitted'],
      [0, 'take a', 'admitted'],
      [0, 'take b', 'admitted'],
      [0, 'take c', 'admitted'],
      [0, 'take d', 'admitted'],
      [0, 'take e', 'admitted'],
      [1, 'a', 'success', 'closed'],
      [1, 'b', 'success', 'closed'],
      [1, 'c', 'failure', 'closed'],
      [1, 'd', 'neutral', 'closed'],
      [1, 'e', 'failure', 'open'],
    ])
  })

  it('opens for slow calls, and counts the time from admission', () => {
    const slow = settings({ trip: readTrip({ slowRate: 0.5, slowAfter: 10, minimumCalls: 2, windowCalls: 4 }, 'trip') })
    const { changes } = play(slow, [
      [0, 'take a', 'admitted'],
      [0, 'take b', 'admitted'],
      [9, 'a', 'success', 'closed'],
      [10, 'b', 'success', 'open'],
    ])
    expect(changes[0]!.reason).toBe('1 of 2 calls were slow')
  })

  it('says what peek says, and peek moves nothing', () => {
    const machine = new BreakerMachine(settings({ halfOpenCalls: 2 }), () => {})
    expect(machine.peek(0)).toEqual({ slots: Number.POSITIVE_INFINITY })
    machine.trip('by hand', 0)
    expect([machine.peek(40), machine.peek(100), machine.state]).toEqual([{ retryAfterMs: 60 }, { slots: 2 }, 'open'])
    machine.tryAcquire(100)
    expect(machine.peek(110)).toEqual({ slots: 1 })
    machine.tryAcquire(110)
    expect(machine.peek(120)).toEqual({ retryAfterMs: 30 })
    expect(machine.peek(150)).toEqual({ retryAfterMs: 100 })
    machine.isolate('by hand', 150)
    expect(machine.peek(150)).toEqual({})
  })
})

/** The breaker written naively, from its description: a list of permits and if-statements. */
class NaiveBreaker {
  state: BreakerStateName = 'closed'
  consecutive = 0
  successes = 0
  failed = 0
  openUntil = 0
  growth = 1
  stale = 0
  permits: { takenAt: number; period: number; out: boolean; leased: boolean }[] = []
  period = 0
  readonly given: BreakerSettings

  constructor(given: BreakerSettings) {
    this.given = given
  }

  enter(state: BreakerStateName) {
    this.state = state
    this.period++
    this.consecutive = 0
    this.successes = 0
    this.failed = 0
  }

  probeFailed(now: number) {
    if (++this.failed < (this.given.failures ?? 1)) return
    this.growth *= 2
    this.open(now)
  }

  open(now: number) {
    this.openUntil = now + Math.min(this.given.openMaxMs, (this.given.openMs as number) * this.growth)
    this.enter('open')
  }

  probesOut() {
    return this.permits.filter((one) => one.out && one.leased && one.period === this.period)
  }

  take(now: number): number | 'admitted' | 'isolated' {
    if (this.state === 'isolated') return 'isolated'
    if (this.state === 'open' && now >= this.openUntil) this.enter('half-open')
    if (this.state === 'half-open') {
      for (const one of this.probesOut()) {
        if (one.takenAt + this.given.probeLeaseMs > now) continue
        one.leased = false
        this.probeFailed(now)
        if ((this.state as BreakerStateName) === 'open') break
      }
      const probes = this.probesOut()
      if (this.state === 'half-open' && probes.length >= this.given.halfOpenCalls)
        return Math.min(...probes.map((one) => one.takenAt)) + this.given.probeLeaseMs - now
    }
    if (this.state === 'open') return this.openUntil - now
    this.permits.push({ takenAt: now, period: this.period, out: true, leased: true })
    return 'admitted'
  }

  release(index: number, outcome: Outcome, now: number) {
    const permit = this.permits[index]!
    if (!permit.out) return
    permit.out = false
    if (outcome === 'neutral') return
    if (permit.period !== this.period || !permit.leased) {
      this.stale++
    } else if (this.state === 'half-open') {
      if (outcome === 'failure') this.probeFailed(now)
      else if (++this.successes >= this.given.successes) this.close()
    } else if (this.state === 'closed') {
      this.consecutive = outcome === 'failure' ? this.consecutive + 1 : 0
      if (this.consecutive >= this.given.trip.consecutive) this.open(now)
    }
  }

  close() {
    this.growth = 1
    this.enter('closed')
  }
}

describe('what a breaker machine tells of itself', () => {
  const timed = { consecutive: 3, slowRate: 0.5, slowAfter: 100 }
  const windowed = { failureRate: 0.5, windowCalls: 10 }

  it('is whether it has to time calls, and successes', () => {
    const machines = [{ consecutive: 3 }, windowed, timed].map(
      (one) => play(settings({ trip: readTrip(one, 'trip') }), []).machine,
    )
    expect(machines.map(({ timesCalls, timesSuccesses, admitsAll }) => [timesCalls, timesSuccesses, admitsAll])).toEqual([
      [false, false, true],
      [false, true, true],
      [true, true, false],
    ])
  })

  it('is that it admits all as they come: while it is closed, with no ramp, and calls are not timed', () => {
    const told = (given: BreakerSettings) => {
      const { machine } = play(given, [])
      const all: boolean[] = []
      const note = () => all.push(machine.admitsAll)
      for (const act of ['isolate', 'close', 'disable', 'close'] as const) {
        note()
        machine[act]('by hand', 0)
      }
      machine.trip('by hand', 0)
      note()
      machine.halfOpen('by hand', 0)
      note()
      machine.recover('by hand', 0)
      note()
      return all
    }
    expect(told(settings())).toEqual([true, false, true, false, false, false, true])
    expect(told(settings({ ramp: { overMs: 100, from: 0.5 } })).at(-1)).toBe(false)
    expect(new Set(told(settings({ trip: readTrip(timed, 'trip') })))).toEqual(new Set([false]))
  })

  it('is every change, once, with its reason, and when to come again where that is known', () => {
    const { machine, changes } = play(settings({ halfOpenCalls: 2, failures: 2 }), [])
    for (const reason of ['mended', 'mended', 'moved']) machine.isolate(reason, 0)
    machine.close('by hand', 0)
    machine.trip('by hand', 0)
    machine.halfOpen('told to', 10)
    const probes = [machine.tryAcquire(10), machine.tryAcquire(20)]
    expect(machine.peek(61)).toEqual({ slots: 1 })
    expect([machine.state, machine.probes]).toEqual(['half-open', { running: 1, succeeded: 0, failed: 1 }])
    machine.expireProbes(70)
    expect([machine.state, machine.probes.running, probes.length]).toEqual(['open', 0, 2])
    expect(changes).toStrictEqual([
      { from: 'closed', to: 'isolated', reason: 'mended' },
      { from: 'isolated', to: 'isolated', reason: 'moved' },
      { from: 'isolated', to: 'closed', reason: 'by hand' },
      { from: 'closed', to: 'open', reason: 'by hand', retryAfterMs: 100 },
      { from: 'open', to: 'half-open', reason: 'told to' },
      {
        from: 'half-open',
        to: 'open',
        reason: '2 probes failed, at last: a probe did not come back in time',
        retryAfterMs: 100,
      },
    ])
  })

  it('is why it refuses, isolated without an end or waiting for the probes of others', () => {
    const { machine } = play(settings(), [])
    machine.isolate('mended', 0)
    expect([machine.tryAcquire(0), machine.peek(0), machine.reason]).toEqual([{ rejected: true, reason: 'mended' }, {}, 'mended'])
    machine.disable('by hand', 0)
    expect([machine.peek(0), isRejection(machine.tryAcquire(0))]).toEqual([{ slots: Number.POSITIVE_INFINITY }, false])
    machine.trip('by hand', 0)
    machine.wait(300)
    expect(machine.tryAcquire(200)).toMatchObject({
      rejected: true,
      retryAfterMs: 100,
      reason: expect.stringContaining('another process'),
    })
    expect(isRejection(machine.tryAcquire(300))).toBe(false)
  })

  it('is taken over as it was: each state with its own, and nothing of another', () => {
    const given = settings({ ramp: { overMs: 100, from: 0.5 } })
    const memory = {
      reason: 'then',
      since: 0,
      openUntil: 200,
      isolatedUntil: 50,
      openings: 1,
      consecutiveFailures: 2,
      ramping: true,
    }
    const restored = (state: BreakerStateName, more: object = {}, by = given) => {
      const { machine, changes } = play(by, [])
      machine.restore({ ...memory, state, ...more })
      expect(changes).toEqual([])
      return machine
    }
    expect(restored('closed').memory).toEqual({ ...memory, state: 'closed', isolatedUntil: Number.POSITIVE_INFINITY })
    expect([restored('closed').share(50), restored('closed', { ramping: false }).share(50)]).toEqual([0.75, 1])
    expect(restored('closed', {}, settings()).memory.ramping).toBe(false)
    const open = restored('open')
    expect([open.memory, open.peek(100)]).toEqual([
      { ...memory, state: 'open', isolatedUntil: Number.POSITIVE_INFINITY, consecutiveFailures: 0, ramping: false },
      { retryAfterMs: 100 },
    ])
    const isolated = restored('isolated')
    expect([isolated.peek(20), isolated.peek(50), isolated.state]).toEqual([
      { retryAfterMs: 30 },
      { slots: Number.POSITIVE_INFINITY },
      'closed',
    ])
  })
})

describe('the breaker machine against a naive one', () => {
  // T: 1, 2, 3, 4
  it('agrees after any sequence of calls, results, cancels and commands', () => {
    const step = fc.record({
      after: fc.oneof(fc.constant(0), fc.nat(60)),
      act: fc.constantFrom('take', 'take', 'take', 'release', 'release', 'release', 'isolate', 'close'),
      which: fc.nat(),
      outcome: fc.constantFrom<Outcome>('success', 'failure', 'failure', 'neutral'),
    })
    const given = fc
      .record({
        consecutive: fc.integer({ min: 1, max: 3 }),
        openMaxMs: fc.constantFrom(100, 350),
        halfOpenCalls: fc.integer({ min: 1, max: 3 }),
        successes: fc.integer({ min: 1, max: 3 }),
        failures: fc.integer({ min: 1, max: 3 }),
        probeLeaseMs: fc.constantFrom(20, 50),
      })
      .map(({ consecutive, ...rest }) => settings({ ...rest, trip: readTrip({ consecutive }, 'trip') }))
    fc.assert(
      fc.property(given, fc.array(step, { maxLength: 80 }), (options, steps) => {
        const machine = new BreakerMachine(options, () => {})
        const naive = new NaiveBreaker(options)
        const permits: BreakerPermit[] = []
        let now = 0
        for (const { after, act, which, outcome } of steps) {
          now += after
          if (act === 'take') {
            const answer = machine.tryAcquire(now)
            expect(isRejection(answer) ? (answer.retryAfterMs ?? 'isolated') : 'admitted').toBe(naive.take(now))
            if (!isRejection(answer)) permits.push(answer)
          } else if (act === 'release' && permits.length > 0) {
            permits[which % permits.length]!.release(outcome, now)
            naive.release(which % permits.length, outcome, now)
          } else if (act === 'isolate' && which % 8 === 0) {
            machine.isolate('by hand', now)
            naive.enter('isolated')
          } else if (act === 'close' && which % 4 === 0) {
            machine.close('by hand', now)
            naive.close()
          }
          expect([machine.state, machine.stale]).toEqual([naive.state, naive.stale])
        }
      }),
      { numRuns: 500 },
    )
  })
})
