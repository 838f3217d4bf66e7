/**
 * A rejection of the next turn: the caller listens by then. Node keeps books of a promise that is rejected while nobody
 * listens, which cost about 1.4 µs against 0.35 µs for this; throwing looks up where it happened, and costs as well.
 */
export function rejectSoon(error: unknown): Promise<never> {
  return new Promise((_, reject) => queueMicrotask(() => reject(error)))
}
