/**
 * A worker process of a drill, made to be killed. Reads its orders from standard input, and ends when that closes: it must not
 * outlive the drill. Says on standard output, a line each, what its handlers do: that is known whatever becomes of the store.
 */
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { sleep, systemClock } from '../../core/clock.ts'
import { describeError } from '../../core/errors.ts'
import { defineKind } from '../../work/kind.ts'
import { Runtime } from '../runtime.ts'
import type { CrewOrders, DrillPayload, Said } from './crew-words.ts'
import { DRILL_KIND } from './crew-words.ts'
import { storeAt } from './scratch-store.ts'

/** Complete lines, at once: a process that is killed has said all that it has written. */
function say(said: Said): void {
  writeSync(1, `${JSON.stringify(said)}\n`)
}

async function work({ address, concurrency, kills }: CrewOrders): Promise<void> {
  const runtime = new Runtime({
    store: storeAt(address, systemClock),
    kinds: [
      defineKind<DrillPayload>({
        name: DRILL_KIND,
        target: 'drill',
        // No job is to blame for what a drill does to its workers.
        maxLostLeases: kills + 10,
        handler: async ({ ms }, { id }) => {
          say({ type: 'begin', id })
          await sleep(systemClock, ms)
          say({ type: 'effect', id })
        },
      }),
    ],
    concurrency,
    pollMax: 200,
  })
  process.on('SIGTERM', () => void runtime.stop(5000).then(() => process.exit(0)))
  const { recovered } = await runtime.start()
  say({ type: 'ready', recovered })
}

const orders = createInterface({ input: process.stdin })
orders.once('line', (line) => {
  void work(JSON.parse(line) as CrewOrders).catch((error: unknown) => {
    say({ type: 'failed', reason: describeError(error).message })
    process.exit(1)
  })
})
// Whoever gave the orders is gone.
orders.once('close', () => process.exit(1))
