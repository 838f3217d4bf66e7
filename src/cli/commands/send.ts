/** `holdfast send`: enqueues one job. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Enqueued } from '../../work/job.ts'
import { CliError, EXIT } from '../cli-error.ts'
import type { Context, TalkOptions } from '../context.ts'
import { connect } from '../context.ts'
import type { Io } from '../io.ts'
import { readMoment } from '../moment.ts'

export interface SendOptions extends TalkOptions {
  readonly key?: string
  readonly runAt?: string
  readonly priority?: number
  readonly maxAttempts?: number
}

export async function send(context: Context, kind: string, json: string, options: SendOptions): Promise<undefined> {
  const { io, printer } = context
  const request = {
    kind,
    payload: parse(await readPayload(io, json)),
    idempotencyKey: options.key,
    runAt: options.runAt === undefined ? undefined : readMoment(options.runAt, '--run-at', io.clock),
    priority: options.priority,
    maxAttempts: options.maxAttempts,
  }
  const client = await connect(context, options)
  const job = await client.post<Enqueued>('/v1/jobs', request)
  if (options.json) return printer.json(job) as undefined
  printer.line(job.duplicate ? `${job.id} was sent before with this key, and is ${job.state}.` : `${job.id} is ${job.state}.`)
  if (io.isTTY) printer.line(printer.tone(`Follow it with: npx holdfast jobs show ${job.id}`, 'dim'))
}

async function readPayload(io: Io, json: string): Promise<string> {
  if (json === '-') return readAll(io.stdin)
  if (!json.startsWith('@')) return json
  return readFile(resolve(io.cwd, json.slice(1)), 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CliError(`The file ${json.slice(1)} cannot be read: ${error.code}.`, { exitCode: EXIT.usage })
  })
}

async function readAll(stream: AsyncIterable<Uint8Array | string>): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of stream) parts.push(Buffer.from(part))
  return Buffer.concat(parts).toString('utf8')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new CliError(`The payload is not JSON: ${(error as Error).message}`, {
      hint: `Quote it for the shell: '{"url":"https://example.com"}', or use @FILE or -.`,
      exitCode: EXIT.usage,
    })
  }
}
