import { expect, it } from 'vitest'
import { fleet } from '../testing/fleet.ts'

// T: 21
it('an isolation that ends by itself in the process where it was told ends in all', async () => {
  const { clock, processes, join } = await fleet(2)
  const [first, second] = processes
  first!.target().breaker!.isolate({ reason: 'under repair', for: '10s' })
  second!.target()
  await clock.advance(3000)
  expect([first!.state(), second!.state()]).toEqual(['isolated', 'isolated'])
  await clock.advance(8000)
  expect(await first!.succeed()).toBe('answer')
  await clock.advance(3000)
  expect([first!.state(), second!.state(), await second!.succeed()]).toEqual(['closed', 'closed', 'answer'])
  const third = await join('p3')
  await clock.advance(3000)
  expect(third.state()).toBe('closed')
})
