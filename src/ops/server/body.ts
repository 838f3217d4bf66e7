/**
 * Reads a request's body: bounded while it streams, of the right content type, and JSON.
 */
import type { IncomingMessage } from 'node:http'
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

export interface JsonBatch {
  readonly items: readonly unknown[]
  /** What was said of all of them: the other fields of the object that `jobs` came in. */
  readonly about?: Readonly<Record<string, unknown>>
}

/** A JSON array, the same as `jobs` of an object, or one JSON value a line. Lines that are empty are skipped. */
export async function readJsonBatch(c: ApiContext, maxBytes: number, maxItems: number): Promise<JsonBatch> {
  const type = demandType(c, [...JSON_TYPES, ...NDJSON_TYPES])
  const text = await readText(c, maxBytes)
  const { jobs: items, about } = JSON_TYPES.includes(type) ? apart(parseJson(text)) : { jobs: parseLines(text, maxItems) }
  if (!Array.isArray(items))
    throw malformed(
      'The body must be a JSON array of jobs, an object with such `jobs`, or one job a line as application/x-ndjson.',
    )
  if (items.length === 0) throw malformed('The batch is empty.')
  if (items.length > maxItems)
    throw new ApiError(413, 'ERR_BATCH_TOO_LARGE', `The batch holds more than ${maxItems} jobs.`, {
      field: 'body',
      rule: `must be at most ${maxItems} jobs`,
      hint: 'Send it in parts.',
    })
  return { items: items as readonly unknown[], ...(about && { about }) }
}

function apart(body: unknown): { readonly jobs: unknown; readonly about?: Readonly<Record<string, unknown>> } {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return { jobs: body }
  const { jobs, ...about } = body as Record<string, unknown>
  return { jobs, about }
}

function demandType(c: ApiContext, allowed: readonly string[]): string {
  const type = mediaType(c)
  if (type !== undefined && allowed.includes(type)) return type
  throw new ApiError(415, 'ERR_CONTENT_TYPE', `Content-Type ${type === undefined ? 'is missing' : `'${type}' is not taken`}.`, {
    field: 'content-type',
    rule: `must be ${allowed.slice(0, 2).join(' or ')}`,
    hint: `Send ${allowed.slice(0, 2).join(' or ')}.`,
  })
}

/**
 * Counts the bytes that really come, whatever Content-Length says, and stops at the first one too many. The connection stays:
 * a sender reads the answer only when it could send its body, so the server swallows the rest, for a while and up to a bound.
 */
async function readText(c: ApiContext, maxBytes: number): Promise<string> {
  if (Number(c.req.header('content-length') ?? 0) > maxBytes) throw tooLarge(maxBytes)
  const incoming = c.env?.incoming
  return decodeUtf8(incoming === undefined ? await readStream(c.req.raw.body, maxBytes) : await readIncoming(incoming, maxBytes))
}

/** Node's own stream, read without the detour over a web stream, which costs more than the rest of a request. */
function readIncoming(incoming: IncomingMessage, maxBytes: number): Promise<readonly Uint8Array[]> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = []
    let size = 0
    const take = (chunk: Uint8Array): void => {
      size += chunk.byteLength
      if (size <= maxBytes) chunks.push(chunk)
      else stop(() => reject(tooLarge(maxBytes)))
    }
    const end = (): void => stop(() => resolve(chunks))
    const cut = (): void => stop(() => reject(malformed('The body ended early.')))
    const stop = (settle: () => void): void => {
      incoming.pause().off('data', take).off('end', end).off('close', cut)
      settle()
    }
    // The error itself says no more than `close`, which always follows; unheard, it would end the process.
    incoming.on('error', () => {})
    incoming.on('data', take).on('end', end).on('close', cut)
    if (incoming.destroyed) cut()
  })
}

async function readStream(body: ReadableStream<Uint8Array> | null, maxBytes: number): Promise<readonly Uint8Array[]> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.byteLength
    if (size > maxBytes) throw tooLarge(maxBytes)
    chunks.push(chunk)
  }
  return chunks
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
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    try {
      items.push(JSON.parse(line))
    } catch (error) {
      throw malformed(`Line ${i + 1} is not JSON: ${(error as Error).message}`, items.length)
    }
    if (items.length > maxItems) break
  }
  return items
}

function malformed(message: string, index?: number): ApiError {
  return new ApiError(400, 'ERR_BODY_MALFORMED', message, {
    field: 'body',
    rule: 'must be JSON in UTF-8, in the form that this path takes',
    hint: 'Such as {"kind":"http","payload":{"url":"https://example.com/"}}; a batch is an array of these, or one a line.',
    index,
  })
}

function tooLarge(maxBytes: number): ApiError {
  return new ApiError(413, 'ERR_BODY_TOO_LARGE', `The body is larger than ${maxBytes} bytes.`, {
    field: 'body',
    rule: `must be at most ${maxBytes} bytes`,
    hint: 'Keep large content elsewhere and send a reference; send a batch in parts.',
  })
}
