/** The kinds of work that a process knows: the built-in `http`, and the installation's own. */

import { type HttpKind, httpKind } from '../adapters/http/http-kind.ts'
import type { HoldfastConfig } from '../config/config.ts'
import { timeoutOf } from '../config/timeouts.ts'
import type { Clock } from '../core/clock.ts'
import { defineKind, type JobContext, type Kind, type KindOptions } from '../work/kind.ts'

export interface Kinds {
  readonly all: readonly Kind[]
  readonly http: HttpKind
  /** Whether jobs may aim at it, as far as that can be known before there is one: an origin, or what a kind always aims at. */
  readonly mayAimAt: (target: string) => boolean
}

/** The longest time that a payload may ask for, and a moment to tell it from the worker's own limit. */
const LONGEST_HTTP_MS = 305_000

/** @throws OptionError naming the kind and the option */
export function kindsOf(config: HoldfastConfig, clock: Clock): Kinds {
  const { allow, timeout, maxAttempts, backoff, maxBody, retention } = config.http
  const http = httpKind({ allow, timeout, maxBodyBytes: maxBody, clock })
  const builtIn = defineKind({
    name: http.name,
    target: (payload) => http.target(payload),
    validate: (payload) => void http.validate(payload),
    handler: (payload, context) => sendJob(http, payload, context),
    maxAttempts,
    backoff,
    timeout: LONGEST_HTTP_MS,
    lease: config.worker.lease,
    maxLostLeases: config.worker.maxLostLeases,
    ...(retention && { retention: retention as NonNullable<KindOptions['retention']> }),
  })
  const { lease, maxLostLeases } = config.worker
  const own = config.kinds.map((kind) =>
    isDefined(kind)
      ? kind
      : defineKind({ lease, maxLostLeases, ...timeoutFor(kind.name, config), ...kind } as unknown as KindOptions),
  )
  const fixed = new Set(own.map(fixedTarget))
  return { all: [builtIn, ...own], http, mayAimAt: (target) => fixed.has(target) || isOrigin(target) }
}

/** Who takes no payload reads no target off it. */
function fixedTarget({ targetOf }: Kind): string | undefined {
  if (targetOf.length > 0) return undefined
  try {
    return targetOf(undefined)
  } catch {
    return undefined
  }
}

function isOrigin(target: string): boolean {
  return /^https?:/.test(target) && URL.parse(target)?.origin === target
}

/** The options, or what `defineKind` made of them: then it has said everything. */
function isDefined(kind: object): kind is Kind {
  return typeof (kind as Partial<Kind>).targetOf === 'function'
}

/** A kind that is named like an operation has the operation's timeout, unless it says its own. */
function timeoutFor(kind: string, config: HoldfastConfig): { readonly timeout?: number } {
  return Object.hasOwn(config.timeouts.operations, kind) ? { timeout: timeoutOf(config, kind) } : {}
}

function sendJob(http: HttpKind, payload: unknown, context: JobContext): Promise<unknown> {
  const { idempotencyKey, traceparent, signal, attempt, deadline } = context
  return http.send(payload, { idempotencyKey, traceparent, signal, attempt, deadline })
}
