/** Traps 1 to 8: breakers, their probes, their windows, their clocks. */
import type { BreakerPart, ConformanceTime } from './adapter.ts'
import { scenario } from './scenario.ts'
import { expect, failing, held, settled, watch } from './watch.ts'

const SPEC = { failures: 2, openMs: 100 }

/** Fails as often as it takes, until the breaker is open. */
async function trip(breaker: BreakerPart, time: ConformanceTime, failures = SPEC.failures): Promise<void> {
  for (let count = 0; count < failures; count++) await settled(time, () => breaker.call(failing()))
  expect(breaker.state() === 'open', `it is ${breaker.state()} after ${failures} failures in a row`)
}

const succeeds = (): Promise<string> => Promise.resolve('ok')

export const breakerScenarios = [
  scenario(
    1,
    'a late failure of an earlier time does not reopen a breaker that probes',
    ['breaker'],
    async ({ breaker, time }) => {
      const one = breaker(SPEC)
      const late = held()
      watch(() => one.call(late.work))
      await trip(one, time)
      await time.advance(SPEC.openMs)
      const probe = held()
      const probing = watch(() => one.call(probe.work))
      await time.advance(0)
      expect(probe.begun === 1, 'the probe was not let through once the open time was over')
      late.fail(new Error('of before'))
      await time.advance(0)
      expect(one.state() !== 'open', 'a call from before it opened failed late, and reopened it while its probe was out')
      probe.succeed('ok')
      await time.advance(0)
      expect(probing.state === 'resolved' && one.state() === 'closed', 'the probe succeeded, and it did not close')
    },
  ),
  scenario(
    1,
    'a late success of an earlier time does not close a breaker that probes',
    ['breaker'],
    async ({ breaker, time }) => {
      const one = breaker(SPEC)
      const late = held()
      watch(() => one.call(late.work))
      await trip(one, time)
      await time.advance(SPEC.openMs)
      const probe = held()
      watch(() => one.call(probe.work))
      await time.advance(0)
      late.succeed('of before')
      await time.advance(0)
      expect(one.state() !== 'closed', 'a call from before it opened succeeded late, and closed it while its probe was out')
      probe.fail(new Error('still down'))
      await time.advance(0)
      expect(one.state() === 'open', 'the probe failed, and it did not open again')
    },
  ),
  scenario(2, 'a probe that never comes back does not strand the breaker', ['leasedBreaker'], async ({ leasedBreaker, time }) => {
    const one = leasedBreaker({ ...SPEC, probeMs: 200 })
    await trip(one, time)
    await time.advance(SPEC.openMs)
    const hung = held()
    watch(() => one.call(hung.work))
    await time.advance(200)
    // Whoever asks next may make it notice; then the open time passes again.
    watch(() => one.call(failing()))
    await time.advance(SPEC.openMs)
    const next = watch(() => one.call(succeeds))
    await time.advance(SPEC.openMs)
    const after = next.state === 'resolved' ? next : await settled(time, () => one.call(succeeds))
    expect(after.state === 'resolved', 'its probe hangs, and no call was let through any more')
  }),
  scenario(3, 'a probe that its caller cancels decides nothing', ['cancellableBreaker'], async ({ cancellableBreaker, time }) => {
    const one = cancellableBreaker(SPEC)
    await trip(one, time)
    await time.advance(SPEC.openMs)
    const caller = new AbortController()
    const probe = held()
    watch(() =>
      one.call(
        ({ signal }) => {
          caller.signal.addEventListener('abort', () => probe.fail(caller.signal.reason), { once: true })
          return probe.work(signal === undefined ? {} : { signal })
        },
        { signal: caller.signal },
      ),
    )
    await time.advance(0)
    caller.abort(new DOMException('the caller left', 'AbortError'))
    await time.advance(0)
    expect(one.state() !== 'closed', 'the caller cancelled its probe, and the breaker closed')
    expect(one.state() !== 'open', 'the caller cancelled its probe, and the breaker opened again')
    const next = await settled(time, () => one.call(succeeds))
    expect(next.state === 'resolved', 'after the cancelled probe no other was let through')
  }),
  scenario(4, 'no more probes run at once than it allows, whatever comes back', ['breaker'], async ({ breaker, time }) => {
    const one = breaker(SPEC)
    const earlier = held()
    for (let count = 0; count < 3; count++) watch(() => one.call(earlier.work))
    await trip(one, time)
    await time.advance(SPEC.openMs)
    const probes = held()
    watch(() => one.call(probes.work))
    await time.advance(0)
    for (let count = 0; count < 3; count++) earlier.succeed('late')
    await time.advance(0)
    if (one.state() !== 'half-open') return // That the late ones moved it is trap 1.
    for (let count = 0; count < 5; count++) watch(() => one.call(probes.work))
    await time.advance(0)
    expect(probes.mostRunning === 1, `it allows one probe, and ${probes.mostRunning} ran at once`)
  }),
  scenario(4, 'a permit that is released twice makes no second place', ['permits'], async ({ permits }) => {
    const gate = permits(1)
    const first = gate.acquire()
    expect(first !== undefined, 'the first permit was refused')
    expect(gate.acquire() === undefined, 'two permits were given where one is allowed')
    first?.release()
    first?.release()
    expect(gate.acquire() !== undefined, 'the released place is not free')
    expect(gate.acquire() === undefined, 'releasing a permit twice made a second place')
  }),
  scenario(4, 'a probe permit that is released twice makes no second probe', ['probePermits'], async ({ probePermits }) => {
    const gate = await probePermits()
    const first = gate.acquire()
    expect(first !== undefined, 'the first probe was refused')
    expect(gate.acquire() === undefined, 'a second probe was let in beside the first')
    first?.release()
    first?.release()
    expect(gate.acquire() !== undefined, 'the place of the probe is not free')
    expect(gate.acquire() === undefined, 'releasing a probe twice let two in')
  }),
  scenario(
    5,
    'callers beside a probe are refused at once, and do not all run when it closes',
    ['breaker'],
    async ({ breaker, time }) => {
      const one = breaker(SPEC)
      await trip(one, time)
      await time.advance(SPEC.openMs)
      const probe = held()
      watch(() => one.call(probe.work))
      await time.advance(0)
      const crowd = held()
      const waiting = Array.from({ length: 5 }, () => watch(() => one.call(crowd.work)))
      await time.advance(0)
      const parked = waiting.filter(({ state }) => state === 'pending').length
      probe.succeed('ok')
      await time.advance(0)
      expect(
        parked === 0,
        `${parked} callers were kept waiting for its probe, and ${crowd.mostRunning} of them ran at once when it closed`,
      )
      expect(crowd.begun === 0, `${crowd.begun} callers that were refused ran all the same`)
    },
  ),
  scenario(5, 'after closing it lets calls in little by little', ['rampingBreaker'], async ({ rampingBreaker, time }) => {
    const one = rampingBreaker({ ...SPEC, rampMs: 1000 })
    await trip(one, time)
    await time.advance(SPEC.openMs)
    await settled(time, () => one.call(succeeds))
    expect(one.state() === 'closed', `its probe succeeded, and it is ${one.state()}`)
    const admitted = async (): Promise<number> => {
      let count = 0
      for (let call = 0; call < 100; call++) if ((await settled(time, () => one.call(succeeds))).state === 'resolved') count++
      return count
    }
    const early = await admitted()
    expect(early > 0 && early < 70, `${early} of 100 calls were let in at the beginning of its ramp`)
    await time.advance(1000)
    const late = await admitted()
    expect(late === 100, `${late} of 100 calls were let in when its ramp was over`)
  }),
  scenario(6, 'a time window forgets while nothing happens', ['rateBreaker'], async ({ rateBreaker, time }) => {
    const one = rateBreaker({ failureRate: 0.5, minimumCalls: 10, windowMs: 500, openMs: 100 })
    for (let count = 0; count < 9; count++) await settled(time, () => one.call(failing()))
    expect(one.state() === 'closed', 'it opened before the minimum of calls was reached')
    await time.advance(1500)
    await settled(time, () => one.call(failing()))
    expect(one.state() === 'closed', 'one failure opened it: nine of three windows ago still counted')
  }),
  scenario(
    7,
    'the failure rate is of finished calls: what is in flight does not dilute it',
    ['rateBreaker'],
    async ({ rateBreaker, time }) => {
      const one = rateBreaker({ failureRate: 0.5, minimumCalls: 5, windowMs: 500, openMs: 100 })
      const slow = held()
      for (let count = 0; count < 6; count++) watch(() => one.call(slow.work))
      await settled(time, () => one.call(succeeds))
      for (let count = 0; count < 4; count++) await settled(time, () => one.call(failing()))
      expect(
        one.state() === 'open',
        '4 of 5 finished calls failed, and it stays closed: 6 calls in flight count as if they had succeeded',
      )
    },
  ),
  scenario(8, 'a wall clock that steps back does not keep a breaker open', ['breaker'], async ({ breaker, time }) => {
    const one = breaker(SPEC)
    await trip(one, time)
    time.stepWall(-3_600_000)
    await time.advance(SPEC.openMs)
    const next = await settled(time, () => one.call(succeeds))
    expect(next.state === 'resolved', 'its open time was over, but the wall clock had stepped back an hour, and it stays open')
  }),
  scenario(8, 'a wall clock that steps forward does not end the open time', ['breaker'], async ({ breaker, time }) => {
    const one = breaker({ failures: 2, openMs: 1000 })
    await trip(one, time)
    time.stepWall(3_600_000)
    const next = await settled(time, () => one.call(succeeds))
    expect(next.state === 'rejected', 'the wall clock stepped forward an hour, and it let a call through at once')
  }),
] as const
