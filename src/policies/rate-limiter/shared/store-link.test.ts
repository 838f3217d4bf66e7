import { describe, expect, it } from 'vitest'
import { StoreLink } from './store-link.ts'
import { fakeState } from './testing/fake-state.ts'

const gone = new Error('gone')
const make = (options: Parameters<typeof fakeState>[0] = {}) => {
  const fake = fakeState(options)
  const changes: unknown[] = []
  const link = new StoreLink(fake.rules, (trouble) => changes.push(trouble))
  return { ...fake, fake, link, changes }
}

describe('a question about tokens', () => {
  it('says all that the bucket is, and has a name of its own', async () => {
    const { link, takes, answer } = make({ burst: 5 })
    const first = link.take({ name: 'b', cost: 3, atLeast: 2 })
    const second = link.take({ name: 'b', cost: 1, maxWaitMs: 9 })
    await answer({ granted: 2 })
    await answer({ granted: 1 })
    expect(takes).toMatchObject([
      { name: 'b', cost: 3, atLeast: 2, intervalMs: 100, burst: 5 },
      { name: 'b', cost: 1, maxWaitMs: 9, intervalMs: 100, burst: 5 },
    ])
    const names = [(await first).requestId, (await second).requestId]
    expect([names, new Set(names).size, (await first).answer.granted]).toEqual([takes.map((one) => one.requestId), 2, 2])
  })

  it('that is answered too late counts as lost, and what it was granted goes back under its name', async () => {
    for (const granted of [3, 0]) {
      const { link, clock, answer, asked, changes } = make()
      const asking = link.take({ name: 'b', cost: 3 }).catch((error: Error) => error.name)
      await clock.advance(249)
      expect(link.lost).toBe(false)
      await clock.advance(1)
      expect([await asking, link.lost, changes.length]).toEqual(['TimeoutError', true, 1])
      await answer({ granted })
      expect(asked).toEqual(granted === 0 ? [] : ['back 3 of b for 1'])
    }
  })

  it('that fails, or is answered too late by a failure, fails for who asked and for nobody else', async () => {
    const { link, clock, answer, asked, changes } = make()
    const first = link.take({ name: 'b', cost: 3 }).catch((error: unknown) => error)
    await answer(gone)
    const second = link.take({ name: 'b', cost: 3 }).catch((error: Error) => error.name)
    await clock.advance(250)
    await answer(gone)
    expect([await first, await second, asked, changes]).toEqual([gone, 'TimeoutError', [], [gone]])
  })
})

describe('a store that is lost', () => {
  it('is looked for after ever longer rests, one question at a time, until it is back, which is told once', async () => {
    const { fake, link, clock, asked, changes } = make()
    fake.trouble = gone
    link.block('b', 5)
    await clock.advance(0)
    const looks: number[] = []
    for (let ms = 0; ms < 20_000; ms += 50) {
      const before = asked.length
      link.look()
      link.look()
      await clock.advance(0)
      if (asked.length > before) looks.push(asked.length - before, clock.now() - 5000)
      await clock.advance(50)
    }
    expect([asked[0], new Set(asked.slice(1))]).toEqual(['block b for 5', new Set(['now'])])
    expect(looks).toEqual([1, 250, 1, 750, 1, 1750, 1, 3750, 1, 7750, 1, 12_750, 1, 17_750])
    expect([link.lost, changes]).toEqual([true, [gone]])
    fake.trouble = undefined
    await clock.advance(5000)
    link.look()
    await clock.advance(0)
    expect([link.lost, changes]).toEqual([false, [gone, undefined]])
  })

  it('that hangs is asked no second time meanwhile', async () => {
    const { fake, link, clock, asked } = make()
    fake.trouble = new Promise<never>(() => {})
    link.look()
    link.look()
    await clock.advance(100)
    link.look()
    expect(asked).toEqual(['now'])
  })
})

describe('what is told in the background', () => {
  it('may be awaited, however it ends', async () => {
    const { fake, link, clock } = make()
    fake.trouble = new Promise<never>(() => {})
    link.giveBack('b', 2)
    link.giveBack('b', 0)
    let settled = false
    const settling = link.settled().then(() => {
      settled = true
    })
    await clock.advance(249)
    expect([settled, fake.asked]).toEqual([false, ['back 2 of b for 1']])
    await clock.advance(1)
    await settling
    expect(link.lost).toBe(true)
  })
})

describe('how many share a limit', () => {
  it('is what was said, and at least this process', () => {
    const said = [3, 1, 0, -2, 2.5, Number.NaN, Number.POSITIVE_INFINITY].map(
      (processes) => make({ processes: () => processes }).link.processes,
    )
    expect(said).toEqual([3, 1, 1, 1, 2.5, 1, 1])
    expect(make({ processes: 7 }).link.processes).toBe(7)
  })

  it('is asked of no store where it was said', async () => {
    const { link, answer, asked } = make({ processes: 2 })
    void link.take({ name: 'b', cost: 1 })
    await answer({ granted: 1 })
    link.leave()
    expect(asked).toEqual([])
  })

  it('is told by the marks of those who asked lately, of which some of the old ones go', async () => {
    for (const [per, oldMs] of [
      ['1s', 30_000],
      ['1h', 3_600_000],
    ] as const) {
      const { fake, link, clock, answer, asked } = make({ processes: undefined as never, per })
      const mark = (name: string, updatedAt: number) => ({ name, updatedAt })
      const old = Array.from({ length: 12 }, (_, index) => mark(`old ${index}`, -oldMs - 1))
      fake.marks = [mark('here', -5), mark('other', 0), mark('barely', -oldMs), ...old]
      expect(link.processes).toBe(1)
      void link.take({ name: 'b', cost: 1 })
      await answer({ granted: 1 })
      expect([link.processes, asked.length, asked.slice(0, 3), asked.at(-1)]).toEqual([
        3,
        12,
        ['write limit-askers/3/api/ME', 'read limit-askers/3/api/', 'delete old 0'],
        'delete old 9',
      ])
      fake.marks = []
      for (const [ms, writes] of [
        [9999, 1],
        [1, 2],
      ] as const) {
        await clock.advance(ms)
        void link.take({ name: 'b', cost: 1 })
        await answer({ granted: 1 })
        expect(asked.filter((what) => what.startsWith('write')).length).toBe(writes)
      }
    }
  })

  it('is one less when this process leaves, if it ever showed itself', async () => {
    const { link, clock, answer, asked } = make({ processes: undefined as never })
    link.leave()
    expect(asked).toEqual([])
    void link.take({ name: 'b', cost: 1 })
    await answer({ granted: 1 })
    await clock.advance(60_000)
    link.leave()
    await link.settled()
    expect(asked.slice(-1)).toEqual(['delete limit-askers/3/api/ME'])
  })
})
