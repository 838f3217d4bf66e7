/** What a system of durable work must do to take part. */

/** What a job carries: its number, and when it was sent, in epoch ms with fractions. */
export interface Load {
  readonly n: number
  readonly at: number
}

export interface WorkSettings {
  /** Jobs at once in this process. */
  readonly concurrency: number
  /** Called when a job starts; resolves when its work is done. */
  readonly handle: (load: Load) => Promise<void> | undefined
}

export interface System {
  /** Makes the tables; called once, by one process, before anybody else opens it. */
  prepare(): Promise<void>
  /** Stores jobs by the fastest documented way, some hundreds at once. */
  enqueueMany(loads: readonly Load[]): Promise<void>
  /** Stores one. */
  enqueueOne(load: Load): Promise<void>
  /** Begins to work; answers how to stop. */
  work(settings: WorkSettings): Promise<() => Promise<void>>
  close(): Promise<void>
}

/** `place` is a URL or a path; jobs at once in a process follow from what one of them takes. */
export type OpenSystem = (place: string) => Promise<System>

/** Now, finer than ms, comparable between the processes of a machine. */
export function moment(): number {
  return performance.timeOrigin + performance.now()
}
