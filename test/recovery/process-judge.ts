/**
 * A process that tells who it is, and then of each row that it is sent, a line each, whether its worker is certainly dead.
 * Ends with its input.
 */
import { createInterface } from 'node:readline'
import { isDead } from '../../src/work/liveness.ts'
import { isProcessAlive } from '../../src/work/process-liveness.ts'
import { newIdentity } from '../../src/work/this-process.ts'

const identity = newIdentity()
console.log(JSON.stringify(identity))
for await (const line of createInterface({ input: process.stdin })) {
  const row = { id: 'w', startedAt: 0, seenAt: 0, ...JSON.parse(line) }
  console.log(JSON.stringify(isDead(row, { ...identity, isAlive: isProcessAlive, unresponsiveMs: 1 })))
}
