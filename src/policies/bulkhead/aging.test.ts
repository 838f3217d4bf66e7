import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { type BulkheadOptions, bulkhead } from './bulkhead.ts'

const make = (options: Partial<BulkheadOptions> = {}) => {
  const clock = new VirtualClock()
  const slots = bulkhead({ limit: 1, queue: 9, aging: '5s', clock, ...options })
  const order: string[] = []
  const held = slots.acquire()
  const call = (name: string, priority: number) =>
    slots.execute(() => void order.push(name), { attributes: { priority } }).catch(() => void order.push(`${name} refused`))
  const drain = async () => {
    held.succeed()
    await clock.advance(0)
    return order.join(' ')
  }
  return { clock, slots, call, drain }
}

describe('a queue in which calls age', () => {
  it('lets an old call go before a more urgent one that has just come, and not one that is not so old', async () => {
    const { clock, call, drain } = make()
    void call('old', 0)
    await clock.advance(6000)
    void call('young', 0)
    await clock.advance(4001)
    void call('urgent', 1)
    void call('urgent too', 1)
    expect(await drain()).toBe('old urgent urgent too young')
  })

  it('is as strict as ever where nobody ages', async () => {
    const clock = new VirtualClock()
    const slots = bulkhead({ limit: 1, queue: 9, clock })
    const order: string[] = []
    const held = slots.acquire()
    void slots.execute(() => order.push('old'))
    await clock.advance(1e9)
    void slots.execute(() => order.push('urgent'), { attributes: { priority: 1 } })
    held.succeed()
    await clock.advance(0)
    expect(order).toEqual(['urgent', 'old'])
  })

  it('serves the least urgent in the end, however many of the others keep coming', async () => {
    const served = async (options: Partial<BulkheadOptions>) => {
      const clock = new VirtualClock()
      const slots = bulkhead({ limit: 1, queue: 99, clock, ...options })
      let at: number | undefined
      const urgent = () =>
        void slots.execute(() => new Promise((resolve) => clock.setTimer(1000, () => resolve('done'))), {
          attributes: { priority: 3 },
        })
      urgent()
      void slots.execute(() => {
        at = clock.now()
      })
      for (let second = 0; second < 8; second++) {
        urgent()
        await clock.advance(1000)
      }
      return at
    }
    expect([await served({ aging: '1s' }), await served({})]).toEqual([4000, undefined])
  })

  it('drops whoever is least urgent by then', async () => {
    const { clock, call, drain } = make({ queue: 1, overflow: 'drop-lowest-priority' })
    void call('first', 0)
    await clock.advance(5001)
    void call('too late', 1)
    await clock.advance(1)
    void call('urgent', 3)
    expect(await drain()).toBe('too late refused urgent first refused')
  })

  it('is refused where it would do nothing, or not what it says', () => {
    expect(() => bulkhead({ limit: 1, aging: '1s' })).toThrow("'bulkhead.aging' does nothing without a 'queue'")
    expect(() => bulkhead({ limit: 1, queue: 1, aging: 0 })).toThrow("'bulkhead.aging' must be")
    expect(() => make({ overflow: 'drop-oldest' })).toThrow("cannot be combined with overflow: 'drop-oldest'")
    expect(make().slots.describe().options).toMatchObject({ agingMs: 5000 })
    expect(bulkhead({ limit: 1 }).describe().options).toMatchObject({ agingMs: undefined })
  })
})
