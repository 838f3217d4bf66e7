/** The worker processes of a drill. */
import { type ChildProcess, spawn } from 'node:child_process'
import { extname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { storeUnavailable } from '../../stores/rules/unavailable.ts'
import type { CrewOrders, Said } from './crew-words.ts'

export interface CrewMember {
  readonly pid: number
  /** How many jobs it took up as it started. */
  readonly recovered: number
}

interface Hand extends CrewMember {
  readonly child: ChildProcess
  readonly ended: Promise<void>
}

/** Beside this file, compiled or not as this file is. */
const SCRIPT = join(import.meta.dirname, `drill-worker${extname(import.meta.filename)}`)

export class Crew {
  readonly #orders: CrewOrders
  readonly #children = new Set<ChildProcess>()
  readonly #hands: Hand[] = []
  /** How often each job took effect, as the handlers said it. */
  readonly effects = new Map<string, number>()

  constructor(orders: CrewOrders) {
    this.#orders = orders
  }

  get members(): readonly CrewMember[] {
    return this.#hands
  }

  /** Resolves when it works. @throws HoldfastError when its store refused it */
  async hire(): Promise<CrewMember> {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', SCRIPT], {
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    this.#children.add(child)
    const ended = new Promise<void>((resolve) =>
      child.once('close', () => {
        this.#children.delete(child)
        resolve()
      }),
    )
    child.stdin?.on('error', () => {})
    child.stdin?.write(`${JSON.stringify(this.#orders)}\n`)
    const recovered = await new Promise<number>((resolve, reject) => {
      createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
        const said = JSON.parse(line) as Said
        if (said.type === 'ready') resolve(said.recovered)
        else if (said.type === 'failed') reject(storeUnavailable('gone', said.reason, 'See holdfast doctor.'))
        else if (said.type === 'effect') this.effects.set(said.id, (this.effects.get(said.id) ?? 0) + 1)
      })
      void ended.then(() => reject(new Error('a worker process of the drill ended before it was ready')))
    })
    const hand: Hand = { pid: child.pid as number, recovered, child, ended }
    this.#hands.push(hand)
    return hand
  }

  /** Without warning, and without a chance to write anything. Resolves when it is gone, and all that it said was heard. */
  async kill(pid: number): Promise<void> {
    const index = this.#hands.findIndex((hand) => hand.pid === pid)
    const [hand] = this.#hands.splice(index, 1)
    hand?.child.kill('SIGKILL')
    await hand?.ended
  }

  /** Lets them finish. Answers how many did not end well. */
  async dismiss(): Promise<number> {
    const hands = this.#hands.splice(0)
    for (const { child } of hands) child.kill('SIGTERM')
    await Promise.all(hands.map(({ ended }) => ended))
    return hands.filter(({ child }) => child.exitCode !== 0).length
  }

  /** Whatever they do: none is left. */
  destroy(): void {
    for (const child of this.#children) child.kill('SIGKILL')
  }
}
