/**
 * Tells the store what became of a key. A store that does not answer is told again, until it knows or the key has gone to
 * somebody else: the work is done, whatever the store says of it.
 */
import { answerWithin } from '../../core/answer-within.ts'
import { sleep } from '../../core/clock.ts'
import type { KeptLease } from './kept-lease.ts'
import type { OnceRules } from './options.ts'

/** `later`: the store does not answer; it is being told in the background. */
export type Told = 'told' | 'lost' | 'later'

const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 5000
/** So many leases long. Who has not been heard by then is taken for gone anyway. */
const LEASES = 10

export class SettleLater {
  readonly #rules: OnceRules
  /** Ends all waiting at once. */
  readonly #closing = new AbortController()
  readonly #pending = new Set<Promise<void>>()

  constructor(rules: OnceRules) {
    this.#rules = rules
  }

  /** How many the store does not know of yet. */
  get pending(): number {
    return this.#pending.size
  }

  /** @param onTrouble told of the first failure, when there is one */
  async tell(lease: KeptLease, ask: () => Promise<boolean>, onTrouble: (error: unknown) => void): Promise<Told> {
    try {
      const ours = await this.#ask(ask)
      lease.stop()
      return ours ? 'told' : 'lost'
    } catch (error) {
      onTrouble(error)
    }
    const telling = this.#goOn(ask).finally(() => {
      lease.stop()
      this.#pending.delete(telling)
    })
    this.#pending.add(telling)
    return 'later'
  }

  /** Tries once more for what is pending, and then no more. */
  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.all(this.#pending)
  }

  #ask(ask: () => Promise<boolean>): Promise<boolean> {
    return answerWithin(this.#rules.clock, this.#rules.storeTimeoutMs, ask)
  }

  async #goOn(ask: () => Promise<boolean>): Promise<void> {
    const { clock, leaseMs } = this.#rules
    const { signal } = this.#closing
    const until = clock.now() + LEASES * leaseMs
    for (let waitMs = FIRST_WAIT_MS; clock.now() < until; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
      const last = signal.aborted || (await interrupted(sleep(clock, waitMs, signal)))
      const known = await this.#ask(ask).then(
        () => true,
        () => false,
      )
      if (known || last) return
    }
  }
}

async function interrupted(wait: Promise<void>): Promise<boolean> {
  try {
    await wait
    return false
  } catch {
    return true
  }
}
