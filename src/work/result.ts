/** What is kept of a handler's return value. */

/** Larger results are not kept: a job's row is no place for data. */
export const RESULT_MAX_BYTES = 64 * 1024

/**
 * Answers the result as JSON would have it, undefined for none. Never throws: the job is done, and failing it because of
 * what it returned would do it again. What cannot be kept is replaced by a note that says so.
 */
export function keepResult(value: unknown): unknown {
  if (value === undefined || value === null || typeof value === 'boolean') return value
  try {
    const json = JSON.stringify(value) as string | undefined
    if (json === undefined) return notKept(`a ${typeof value} is not JSON`)
    if (Buffer.byteLength(json) > RESULT_MAX_BYTES) return notKept(`larger than ${RESULT_MAX_BYTES} bytes as JSON`)
    return JSON.parse(json) as unknown
  } catch (error) {
    return notKept(error instanceof Error ? error.message : String(error))
  }
}

function notKept(why: string): unknown {
  return { resultNotKept: why }
}
