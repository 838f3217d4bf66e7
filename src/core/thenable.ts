/** What `await` would wait for. May throw, when reading `then` does. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return false
  return typeof (value as { then?: unknown }).then === 'function'
}

/** The promise of a value that `await` would wait for; undefined for any other. A thenable that runs when it is read is read once. */
export function pendingOf(value: unknown): Promise<unknown> | undefined {
  // Stryker disable next-line ConditionalExpression: a short cut, `Promise.resolve` gives a promise back as it is
  if (value instanceof Promise) return value
  return isThenable(value) ? Promise.resolve(value) : undefined
}
