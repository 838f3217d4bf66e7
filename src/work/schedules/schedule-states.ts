/**
 * What is remembered of schedules, for all processes: up to when each was dealt with, and whether it is paused. The two are
 * kept apart, so that a process that writes down what it did never undoes a pause of the same moment.
 */
import type { StateStore } from '../../core/state-store.ts'
import type { Schedule } from './schedule.ts'

/** How far a schedule has come. */
export interface Progress {
  readonly version: 1
  /** Every time up to here was dealt with, in epoch ms by the store's clock. */
  readonly done: number
  /** The times that it stands for: where they change, those of before do not count as missed. */
  readonly times: string
  /** The last time that was done, and its job. */
  readonly lastAt?: number
  readonly lastJob?: string
}

export interface ScheduleState {
  readonly progress: Progress | undefined
  /** Epoch ms; undefined while it is not paused. */
  readonly pausedAt: number | undefined
}

const BOTH = 'schedule'
const PROGRESS = `${BOTH}:`
const PAUSED = `${BOTH}-paused:`

export class ScheduleStates {
  readonly #store: StateStore

  constructor(store: StateStore) {
    this.#store = store
  }

  async read(): Promise<(name: string) => ScheduleState> {
    const states = new Map((await this.#store.readStates(BOTH)).map((state) => [state.name, state]))
    return (name) => ({
      progress: progressIn(states.get(PROGRESS + name)?.value),
      pausedAt: states.get(PAUSED + name)?.updatedAt,
    })
  }

  writeProgress(name: string, progress: Omit<Progress, 'version'>): Promise<void> {
    return this.#store.writeState(PROGRESS + name, { version: 1, ...progress })
  }

  pause(name: string): Promise<void> {
    return this.#store.writeState(PAUSED + name, { version: 1 })
  }

  resume(name: string): Promise<void> {
    return this.#store.deleteState(PAUSED + name)
  }
}

/** The times of a schedule in words, to see whether they have changed. */
export function timesOf({ cron, everyMs, timezone, startAt }: Schedule): string {
  return `${cron === undefined ? `every ${everyMs}` : `${cron} ${timezone}`} from ${startAt}`
}

/** What cannot be read is as good as never written: the schedule begins anew. */
function progressIn(value: unknown): Progress | undefined {
  const { version, done, times } = (value ?? {}) as Partial<Progress>
  return version === 1 && typeof done === 'number' && typeof times === 'string' ? (value as Progress) : undefined
}
