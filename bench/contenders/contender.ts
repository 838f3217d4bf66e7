/** What is measured: one call, made again and again. */
export interface Contender {
  /** Made once more whenever the last one has settled. `key` in the keyed suites. */
  readonly call: (key: string) => unknown
  /** Every call is refused, which is what is measured. */
  readonly refuses?: boolean
  /** Answers without a promise, and is not awaited. */
  readonly plain?: boolean
}

/** By the id of the suite. Made in a process of its own that loads no other library. */
export type Contenders = Readonly<Record<string, () => Contender | Promise<Contender>>>

/** What every contender calls: an asynchronous function that has nothing to wait for. */
export const answer = async (): Promise<number> => 42

/** The same, reading the signal that it is given, as `fetch(url, { signal })` does. */
export const reading = async ({ signal }: { readonly signal?: AbortSignal | undefined }): Promise<number> =>
  signal?.aborted ? 0 : 42

/** A caller's own signal that lives as long as the process, such as that of a server that may be stopped. */
export const longLived: AbortSignal = new AbortController().signal

export const HOUR = 3_600_000
/** A rate that is never reached. */
export const PLENTY = 1_000_000_000
