/**
 * What people want of a target, whoever told which process: paused or not, isolated or not. Each is a register in the store
 * that the last writer wins, by the store's clock; a process that has heard of a register writes later than that in any case.
 *
 * A register that somebody took back stays as a note that it was, so that a store which has forgotten everything can be told
 * again by those who still know.
 */
import type { SharedState } from '../../core/shared-state.ts'
import type { StoredState } from '../../core/state-store.ts'

export type Wish = 'pause' | 'isolate'

export interface Register {
  readonly version: 1
  /** The store's clock when it was told. 0: from before it was shared. */
  readonly at: number
  readonly by: string
  readonly on: boolean
  /** Epoch ms; `null` until somebody takes it back. */
  readonly until: number | null
  readonly reason: string
}

export interface News {
  readonly wish: Wish
  readonly target: string
  readonly register: Register
}

const PREFIX = 'by-hand:'
const WISHES: readonly string[] = ['pause', 'isolate'] satisfies Wish[]
/** Notes of what was taken back so long ago are of no use to anybody. */
const FORGET_MS = 86_400_000

export class ByHand {
  readonly #known = new Map<string, Register>()
  /** Told here, and not known to be in the store. */
  readonly #unsaid = new Set<string>()

  get(wish: Wish, target: string): Register | undefined {
    return this.#known.get(`${wish}:${target}`)
  }

  /** Somebody told this process. */
  tell(wish: Wish, target: string, register: Omit<Register, 'version' | 'at'>, now: number): void {
    const name = `${wish}:${target}`
    const before = this.#known.get(name)
    this.#known.set(name, { version: 1, at: Math.max(now, (before?.at ?? 0) + 1), ...register })
    this.#unsaid.add(name)
  }

  /** What was in force before anything was shared: whoever says otherwise is right. */
  assume(wish: Wish, target: string, register: Omit<Register, 'version' | 'at' | 'on'>): void {
    const name = `${wish}:${target}`
    if (!this.#known.has(name)) this.#known.set(name, { version: 1, at: 0, on: true, ...register })
  }

  /** Reads what is there, and writes what is newer here, or missing there. */
  async exchange(shared: Pick<SharedState, 'readStates' | 'writeState'>): Promise<readonly StoredState[]> {
    const rows = await shared.readStates(PREFIX)
    const stored = new Map(rows.map(({ name, value }) => [name.slice(PREFIX.length), readRegister(value)]))
    for (const [name, register] of [...this.#known]) {
      const there = stored.get(name)
      const isMissing = there === undefined && (register.on || this.#unsaid.has(name))
      if (isMissing || (there !== undefined && isLater(register, there))) await shared.writeState(PREFIX + name, register)
      if (this.#known.get(name) === register) this.#unsaid.delete(name)
    }
    return rows
  }

  /** @returns what the others have changed since */
  learn(rows: readonly StoredState[]): readonly News[] {
    const news: News[] = []
    for (const { name: row, value } of rows) {
      const name = row.slice(PREFIX.length)
      const [wish, target] = splitOnce(name)
      const register = readRegister(value)
      const known = this.#known.get(name)
      if (register === undefined || target === undefined || !WISHES.includes(wish)) continue
      if (known !== undefined && !isLater(register, known)) continue
      this.#known.set(name, register)
      news.push({ wish: wish as Wish, target, register })
    }
    return news
  }

  /** Forgets, and removes, what was taken back or has ended so long ago that everybody has heard of it. */
  async clean(shared: Pick<SharedState, 'readStates' | 'deleteState'>, now: number): Promise<void> {
    const isOver = ({ on, until, at }: Register): boolean =>
      at < now - FORGET_MS && (!on || (until !== null && until < now - FORGET_MS))
    for (const [name, register] of this.#known) if (isOver(register)) this.#known.delete(name)
    for (const { name, value, updatedAt } of await shared.readStates(PREFIX)) {
      const register = readRegister(value)
      if ((register === undefined || isOver(register)) && updatedAt < now - FORGET_MS) await shared.deleteState(name)
    }
  }
}

function isLater(a: Register, b: Register): boolean {
  return a.at === b.at ? a.by > b.by : a.at > b.at
}

function readRegister(value: unknown): Register | undefined {
  const { version, at, by, on, until, reason } = (value ?? {}) as { readonly [field in keyof Register]?: unknown }
  if (version !== 1 || typeof at !== 'number' || typeof on !== 'boolean') return undefined
  return { version, at, by: String(by), on, until: typeof until === 'number' ? until : null, reason: String(reason ?? '') }
}

function splitOnce(name: string): readonly [string, string?] {
  const at = name.indexOf(':')
  return at < 0 ? [name] : [name.slice(0, at), name.slice(at + 1)]
}
