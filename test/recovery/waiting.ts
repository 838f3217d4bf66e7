/** Waiting in real time, for tests on real processes. */

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Asks again and again until the answer is one that is wanted, and returns it. Rejects with the last answer when time is up. */
export async function eventually<T>(ask: () => Promise<T> | T, wanted: (answer: T) => boolean, ms = 10_000): Promise<T> {
  const end = Date.now() + ms
  for (;;) {
    const answer = await ask()
    if (wanted(answer)) return answer
    if (Date.now() > end) throw new Error(`not reached within ${ms} ms; last: ${JSON.stringify(answer)?.slice(0, 1000)}`)
    await pause(50)
  }
}
