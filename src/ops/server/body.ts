/**
 * Reads a request's body: bounded while it streams, of the right content type, and JSON.
 */
import { ApiError } from './api-error.ts'
import type { ApiContext } from './env.ts'

const JSON_TYPES: readonly string[] = ['application/json']
const NDJSON_TYPES: readonly string[] = [
  'application/x-ndjson',
  'application/ndjson',
  'application/jsonl',
  'application/x-jsonlines',
]

/** The media type without parameters, lower case; undefined when the header is missing. */
export function mediaType(c: ApiContext): string | undefined {
  return c.req.header('content-type')?.split(';', 1)[0]?.trim().toLowerCase()
}

/** One JSON value. @throws ApiError 400, 413, 415 */
export async function readJson(c: ApiContext, maxBytes: number): Promise<unknown> {
  demandType(c, JSON_TYPES)
  return parseJson(await readText(c, maxBytes))
}

/** Like `readJson`, but no body at all answers undefined: for calls that may go without. */
export async function readOptionalJson(c: ApiContext, maxBytes: number): Promise<unknown> {
  if (mediaType(c) !== undefined) demandType(c, JSON_TYPES)
  const text = await readText(c, maxBytes)
  if (text === '') return undefined
  demandType(c, JSON_TYPES)
  return parseJson(text)
}

/** A JSON array, or one JSON value a line. Lines that are empty are skipped. */
export async function readJsonBatch(c: ApiContext, maxBytes: number, maxItems: number): Promise<readonly unknown[]> {
  const type = demandType(c, [...JSON_TYPES, ...NDJSON_TYPES])
  const text = await readText(c, maxBytes)
  const items = JSON_TYPES.includes(type) ? parseJson(text) : parseLines(text, maxItems)
  if (!Array.isArray(items)) throw malformed('The body must be a JSON array of jobs, or one job a line as application/x-ndjson.')
  if (items.length === 0) throw malformed('The batch is empty.')
  if (items.length > maxItems)
    throw new ApiError(413, 'ERR_BATCH_TOO_LARGE', `The batch holds more than ${maxItems} jobs.`, { hint: 'Send it in parts.' })
  return items as readonly unknown[]
}

function demandType(c: ApiContext, allowed: readonly string[]): string {
  const type = mediaType(c)
  if (type !== undefined && allowed.includes(type)) return type
  throw new ApiError(415, 'ERR_CONTENT_TYPE', `Content-Type ${type === undefined ? 'is missing' : `'${type}' is not taken`}.`, {
    field: 'content-type',
    hint: `Send ${allowed.slice(0, 2).join(' or ')}.`,
  })
}

/** Counts the bytes that really come, whatever Content-Length says, and stops at the first one too many. */
async function readText(c: ApiContext, maxBytes: number): Promise<string> {
  if (Number(c.req.header('content-length') ?? 0) > maxBytes) throw tooLarge(maxBytes)
  const body = c.req.raw.body
  if (body === null) return ''
  const reader = body.getReader()
  const chunks: Uint8Array[] = []
  let size = 0
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    size += part.value.byteLength
    if (size > maxBytes) {
      reader.releaseLock()
      throw tooLarge(maxBytes)
    }
    chunks.push(part.value)
  }
  return decodeUtf8(chunks)
}

function decodeUtf8(chunks: readonly Uint8Array[]): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks))
  } catch {
    throw malformed('The body is not UTF-8.')
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw malformed(`The body is not JSON: ${(error as Error).message}`)
  }
}

function parseLines(text: string, maxItems: number): readonly unknown[] {
  const items: unknown[] = []
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue
    try {
      items.push(JSON.parse(line))
    } catch (error) {
      throw malformed(`Line ${items.length + 1} is not JSON: ${(error as Error).message}`, items.length)
    }
    if (items.length > maxItems) break
  }
  return items
}

function malformed(message: string, index?: number): ApiError {
  return new ApiError(400, 'ERR_BODY_MALFORMED', message, { index })
}

function tooLarge(maxBytes: number): ApiError {
  return new ApiError(413, 'ERR_BODY_TOO_LARGE', `The body is larger than ${maxBytes} bytes.`, {
    hint: 'Keep large content elsewhere and send a reference; send a batch in parts.',
    // What is still coming is not read: the connection ends with this answer.
    headers: { connection: 'close' },
  })
}
