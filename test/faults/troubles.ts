/** What goes wrong between workers and their store, again and again, while they work. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { PostgresServer } from '../servers/postgres.ts'
import type { TcpProxy } from '../servers/proxy.ts'
import type { RedisServer } from '../servers/redis.ts'
import type { SmallDisk } from '../stores/small-disk.ts'
import { STEPS } from './shifted-clock.ts'
import type { World } from './trial.ts'

type Trouble = (world: World) => Promise<void>

/** So many spells, with a moment of peace before each, and in some of them a worker is killed as well. */
function spells(count: number, workers: number, spell: (nth: number, world: World) => Promise<void>): Trouble {
  return async (world) => {
    const { random, fleet, progress } = world
    for (let nth = 0; nth < count; nth++) {
      await sleep(500 + random() * 1500)
      const victim = random() < 0.4 ? fleet.kill(Math.floor(random() * workers)) : undefined
      await Promise.all([spell(nth, world), victim])
      progress((nth + 1) / count, `spell ${nth + 1} of ${count}`)
    }
    await sleep(1000)
  }
}

/** The server stops in an orderly way, or crashes, and comes back. */
export function restarts(server: PostgresServer, count: number, workers: number): Trouble {
  return spells(count, workers, (nth, { during }) => {
    const how = nth % 2 ? 'immediate' : 'fast'
    return during(`restarted: ${how}`, () => server.restart(how))
  })
}

/** The way to the server breaks, is slow, is refused, or swallows everything for longer than a lease. */
export function network(proxy: TcpProxy, count: number, workers: number, leaseMs: number): Trouble {
  return spells(count, workers, async (nth, { during, random }) => {
    const long = leaseMs * (1.2 + 1.5 * random())
    if (nth % 4 === 0)
      await during('connections cut', async () => {
        for (let cut = 0; cut < 10; cut++) {
          proxy.cut()
          await sleep(random() * 150)
        }
      })
    else if (nth % 4 === 1)
      await during('delayed', async () => {
        proxy.delay(20 + random() * 100)
        await sleep(2 * long)
        proxy.delay(0)
      })
    else if (nth % 4 === 2)
      await during('swallowed', async () => {
        proxy.hold()
        await sleep(long)
        await proxy.restore()
      })
    else
      await during('refused', async () => {
        await proxy.refuse()
        await sleep(long)
        await proxy.restore()
      })
  })
}

/** The Redis that workers share their breakers and limits by is gone for a while and forgets all, or forgets its scripts. */
export function forgetfulRedis(server: RedisServer, count: number, workers: number): Trouble {
  return spells(count, workers, async (nth, { during, random }) => {
    if (nth % 2 === 0) return during('Redis restarted', () => server.restart())
    const person = new Redis(server.url)
    try {
      await during('scripts flushed', async () => {
        for (let flush = 0; flush < 10; flush++) {
          await person.call('SCRIPT', 'FLUSH')
          await sleep(random() * 100)
        }
      })
    } finally {
      person.disconnect()
    }
  })
}

/** The disk is full for longer than a lease. */
export function fullDisk(disk: SmallDisk, count: number, workers: number, leaseMs: number): Trouble {
  return spells(count, workers, (_, { during, random }) =>
    during('disk full', async () => {
      disk.fill()
      await sleep(leaseMs * (1.2 + random()))
      disk.free()
    }),
  )
}

/** All workers are gone, the disk is read-only as new ones come, and after a while it is not. */
export function readOnlyDisk(disk: SmallDisk, count: number): Trouble {
  return async ({ fleet, during, random, renewStore, progress }) => {
    for (let nth = 0; nth < count; nth++) {
      await sleep(1000 + random() * 1000)
      await during('read-only', async () => {
        await fleet.killAll()
        await renewStore(() => disk.setReadOnly(true))
        const up = fleet.start()
        await sleep(2500)
        disk.setReadOnly(false)
        await up
      })
      progress((nth + 1) / count, `spell ${nth + 1} of ${count}`)
    }
  }
}

/**
 * Wall clocks step by an hour: forward, back, back, forward. On one host all processes see it at once; where the store has a
 * clock of its own, some of the workers are wrong and the others are not.
 */
export function clockSteps(count: number, workers: number, everybody: boolean): Trouble {
  const steps = spells(count, workers, async (nth, { during, fleet, clock }) => {
    await during('clock stepped', async () => {
      if (everybody) clock.step()
      await fleet.setClocks(nth + 1, everybody ? () => true : (slot) => slot < workers / 2)
      await sleep(1500)
    })
  })
  return async (world) => {
    await steps(world)
    // What was given a time while the clock was ahead waits for it. At the end it is that hour again.
    if (!everybody) return
    await world.during('clock stepped', async () => {
      while (world.clock.position % STEPS.length !== 1) world.clock.step()
      await world.fleet.setClocks(world.clock.position, () => true)
      await sleep(1000)
    })
  }
}
