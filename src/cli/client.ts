/**
 * The HTTP API as the commands use it. Whatever goes wrong becomes one line and a next step.
 */
import { CliError, EXIT } from './cli-error.ts'

export interface ClientOptions {
  /** `http://127.0.0.1:4680`, without a slash at the end. */
  readonly url: string
  readonly token?: string | undefined
  /** For one call. Default 10 s. */
  readonly timeoutMs?: number
}

/** A query's parts; undefined ones are left out. */
export type Query = Readonly<Record<string, string | number | undefined>>

interface Refusal {
  readonly code?: string
  readonly message?: string
  readonly field?: string
  readonly hint?: string
}

export class Client {
  readonly url: string
  readonly #token: string | undefined
  readonly #timeoutMs: number

  constructor({ url, token, timeoutMs = 10_000 }: ClientOptions) {
    this.url = url
    this.#token = token
    this.#timeoutMs = timeoutMs
  }

  /** @throws CliError */
  get<T>(path: string, query: Query = {}): Promise<T> {
    const pairs = Object.entries(query).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)] as [string, string]],
    )
    return this.#call('GET', pairs.length === 0 ? path : `${path}?${new URLSearchParams(pairs)}`)
  }

  /** @throws CliError */
  post<T>(path: string, body: unknown = {}): Promise<T> {
    return this.#call('POST', path, JSON.stringify(body))
  }

  async #call<T>(method: string, path: string, body?: string): Promise<T> {
    const response = await this.#send(method, path, body)
    const text = await response.text().catch(() => '')
    const answer = parse(text)
    if (answer === undefined) throw this.#stranger(response.status)
    if (!response.ok) throw this.#refused(response.status, (answer as { error?: Refusal }).error ?? {})
    return answer as T
  }

  async #send(method: string, path: string, body: string | undefined): Promise<Response> {
    const headers: Record<string, string> = { accept: 'application/json' }
    if (body !== undefined) headers['content-type'] = 'application/json'
    if (this.#token !== undefined) headers.authorization = `Bearer ${this.#token}`
    const signal = AbortSignal.timeout(this.#timeoutMs)
    return fetch(`${this.url}${path}`, {
      method,
      headers,
      signal,
      redirect: 'error',
      ...(body === undefined ? {} : { body }),
    }).catch((error: unknown) => {
      throw this.#unreachable(error)
    })
  }

  #unreachable(error: unknown): CliError {
    if ((error as Error).name === 'TimeoutError')
      return new CliError(`Holdfast at ${this.url} did not answer within ${this.#timeoutMs / 1000} s.`, {
        hint: 'Is the process stuck or the machine overloaded? See: npx holdfast doctor',
        exitCode: EXIT.unreachable,
      })
    const code = codeOf(error)
    if (code === 'ECONNREFUSED')
      return new CliError(`No Holdfast is running at ${this.url}.`, {
        hint: 'Start one with: npm start',
        exitCode: EXIT.unreachable,
      })
    return new CliError(`Holdfast at ${this.url} cannot be reached: ${code ?? messageOf(error)}.`, {
      hint: 'Say where it is with --url or HOLDFAST_URL.',
      exitCode: EXIT.unreachable,
    })
  }

  #stranger(status: number): CliError {
    return new CliError(`Something answers at ${this.url}, but it is not Holdfast (status ${status}).`, {
      hint: 'Say where Holdfast is with --url or HOLDFAST_URL.',
      exitCode: EXIT.unreachable,
    })
  }

  #refused(status: number, { code, message, hint }: Refusal): CliError {
    if (status === 401)
      return new CliError(
        this.#token === undefined ? 'This Holdfast wants a token.' : 'This Holdfast does not take this token.',
        {
          hint: 'Set HOLDFAST_TOKEN to the token that it was started with.',
        },
      )
    if (message === undefined) return this.#stranger(status)
    return new CliError(code === undefined ? message : `${message} (${code})`, { hint })
  }
}

function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

/** fetch wraps the system's error, and a name with several addresses wraps one for each. */
function codeOf(error: unknown): string | undefined {
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: unknown[] }
  if (typeof code === 'string') return code
  if (cause !== undefined && cause !== null) return codeOf(cause)
  return errors?.[0] === undefined ? undefined : codeOf(errors[0])
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
