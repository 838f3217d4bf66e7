/** Worker processes: started, killed, stopped and woken, and replaced as they die. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { monotonic } from './ledger.ts'
import type { StoreAddress } from './store-address.ts'
import type { WorkerOrders } from './worker-orders.ts'
import { NOT_STARTED } from './worker-orders.ts'

export type FaultKind = 'kill' | 'stop'

/** What was done to one process, and when, by the monotonic clock. */
export interface Fault {
  readonly kind: FaultKind
  readonly member: string
  readonly from: number
  readonly to: number
}

interface Member {
  /** Also the name of its ledger. */
  readonly name: string
  readonly child: ChildProcess
  readonly exited: Promise<void>
  /** Somebody has a hand on it. */
  taken: boolean
  /** How many clock steps it has taken. */
  clockAt: number
  isUp: boolean
}

export interface FleetOptions {
  readonly folder: string
  readonly store: StoreAddress
  readonly redis?: string
  readonly size: number
  readonly leaseMs: number
  readonly concurrency: number
}

const SCRIPT = join(import.meta.dirname, 'worker-process.ts')
/** A machine that is busy with other things starts a process slowly. */
const START_MS = 90_000

export class Fleet {
  readonly faults: Fault[] = []
  readonly ledgers: string[] = []
  /** Processes that did not start because their store refused them. */
  refusedStarts = 0
  /** Processes that ended otherwise than by our hand. */
  readonly crashes: string[] = []
  readonly #options: FleetOptions
  readonly #slots: Member[] = []
  /** Where the clock of each slot is among its steps; see shifted-clock.ts. */
  readonly #clocks: number[] = []
  #started = 0
  #isOver = false

  constructor(options: FleetOptions) {
    this.#options = options
    mkdirSync(options.folder, { recursive: true })
  }

  async start(): Promise<void> {
    for (let slot = 0; slot < this.#options.size; slot++) this.#slots[slot] = this.#spawn(slot)
    await this.#untilUp()
  }

  /** How many processes there were. */
  get processes(): number {
    return this.#started
  }

  /** Kills the process of a slot, or of the next one that works, and starts another in its place. */
  async kill(wanted: number): Promise<void> {
    const [slot, member] = await this.#take(wanted)
    const at = monotonic()
    member.child.kill('SIGKILL')
    await member.exited
    this.faults.push({ kind: 'kill', member: member.name, from: at, to: monotonic() })
    if (!this.#isOver) this.#slots[slot] = this.#spawn(slot)
  }

  /** Stops a process as a debugger, a full swap or a closed laptop would, for so long. */
  async stopFor(wanted: number, ms: number): Promise<void> {
    const [, member] = await this.#take(wanted)
    const from = monotonic()
    member.child.kill('SIGSTOP')
    await pause(ms)
    member.child.kill('SIGCONT')
    this.faults.push({ kind: 'stop', member: member.name, from, to: monotonic() })
    member.taken = false
  }

  /** All at once, and nobody comes in their place until `start`. */
  async killAll(): Promise<void> {
    const at = monotonic()
    const members = this.#slots.splice(0)
    for (const member of members) {
      member.taken = true
      member.child.kill('SIGKILL')
    }
    await Promise.all(members.map(({ exited }) => exited))
    for (const { name } of members) this.faults.push({ kind: 'kill', member: name, from: at, to: monotonic() })
  }

  /** Brings the clocks of these slots to a position: one that is starting starts with it, or is told when it is up. */
  async setClocks(position: number, which: (slot: number) => boolean): Promise<void> {
    for (const slot of this.#slots.keys()) if (which(slot)) this.#clocks[slot] = position
    await Promise.all(this.#slots.map((member, slot) => this.#tellClock(member, slot)))
  }

  /** A signal for each step, far enough apart not to become one. */
  async #tellClock(member: Member, slot: number): Promise<void> {
    while (member.isUp && member.clockAt < (this.#clocks[slot] ?? 0)) {
      member.clockAt++
      member.child.kill('SIGUSR2')
      await pause(30)
    }
  }

  signalAll(signal: NodeJS.Signals): void {
    for (const { child } of this.#slots) child.kill(signal)
  }

  /** Lets them finish. Rejects when one does not end well. */
  async end(): Promise<void> {
    // One that is just starting would not hear us yet.
    await this.#untilUp()
    this.#isOver = true
    this.signalAll('SIGCONT')
    this.signalAll('SIGTERM')
    const limit = setTimeout(() => this.signalAll('SIGKILL'), 15_000)
    for (const member of this.#slots) member.taken = true
    await Promise.all(this.#slots.map(({ exited }) => exited))
    clearTimeout(limit)
    for (const { child, name } of this.#slots)
      if (child.exitCode !== 0) this.crashes.push(`${name} did not drain: ${child.exitCode ?? child.signalCode}`)
  }

  /** For when all else failed: nothing may outlive a test. */
  destroy(): void {
    this.#isOver = true
    this.signalAll('SIGKILL')
  }

  async #untilUp(): Promise<void> {
    const giveUpAt = performance.now() + START_MS
    while (!this.#slots.every(({ isUp }) => isUp)) {
      if (performance.now() > giveUpAt) throw new Error(`not all worker processes came up: ${this.crashes.join('; ')}`)
      await pause(10)
    }
  }

  /** The first from `wanted` on that nobody has a hand on; waits for one. */
  async #take(wanted: number): Promise<[number, Member]> {
    const { size } = this.#options
    const giveUpAt = performance.now() + START_MS
    for (;;) {
      for (let n = 0; n < size; n++) {
        const slot = (wanted + n) % size
        const member = this.#slots[slot] as Member
        if (!member.isUp || member.taken) continue
        member.taken = true
        return [slot, member]
      }
      if (performance.now() > giveUpAt) throw new Error(`no worker process comes up: ${this.crashes.join('; ')}`)
      await pause(10)
    }
  }

  #spawn(slot: number): Member {
    const { store, redis, folder, leaseMs, concurrency } = this.#options
    const clockAt = this.#clocks[slot] ?? 0
    const name = `worker-${slot}-${this.#started++}`
    const ledger = join(folder, `${name}.ledger`)
    this.ledgers.push(ledger)
    // Half of them are neighbours, who can see each other's pids; the others seem to run on machines of their own.
    const host = slot % 2 ? `machine-${slot}` : undefined
    const orders: WorkerOrders = { store, ledger, leaseMs, concurrency, ...(redis && { redis }), ...(host && { host }) }
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', SCRIPT, JSON.stringify(orders)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, CLOCK_AT: String(clockAt) },
    })
    let said = ''
    child.stderr?.on('data', (text) => (said += String(text)))
    const exited = new Promise<void>((resolve) => child.on('close', () => resolve()))
    const member: Member = { name, child, exited, taken: false, isUp: false, clockAt }
    child.stdout?.once('data', () => {
      member.isUp = true
      void this.#tellClock(member, slot)
    })
    void exited.then(() => this.#ended(slot, member, said))
    return member
  }

  /** One that could not open the store is started again, as a supervisor would; anything else nobody foresaw. */
  #ended(slot: number, { taken, child, name }: Member, said: string): void {
    if (taken || this.#isOver) return
    if (child.exitCode === NOT_STARTED) this.refusedStarts++
    else this.crashes.push(`${name} ended with ${child.exitCode ?? child.signalCode}: ${said.slice(-2000)}`)
    this.#slots[slot] = this.#spawn(slot)
  }
}
