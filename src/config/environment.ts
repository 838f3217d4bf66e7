/**
 * Every environment variable that Holdfast reads. Units are those of the variable's own tradition: plain seconds for the
 * `*_DELAY`, `*_TIMEOUT` and `*_S` ones. An empty variable counts as not set.
 */

import { showValue } from '../core/errors.ts'
import { nearest } from '../core/validate.ts'
import type { Assignment, Path } from './layers.ts'
import { pathKey } from './layers.ts'
import type { Problem } from './problems.ts'
import { rateAssignments } from './rate-variables.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export interface Variable {
  readonly name: string
  readonly path: Path
  /** What it takes, for people. */
  readonly unit: string
  /** Its value as the option's; what it cannot read it passes on, for the schema to refuse. */
  readonly read: (text: string) => unknown
}

const text = (value: string): unknown => value
const number = (value: string): unknown => (/^[+-]?\d+(\.\d+)?$/.test(value) ? Number(value) : value)
const seconds = (value: string): unknown => (/^\d+(\.\d+)?$/.test(value) ? `${Number(value)}s` : value)
const flag = (value: string): unknown => FLAGS[value.toLowerCase()] ?? value
const FLAGS: Readonly<Record<string, boolean>> = {
  true: true,
  1: true,
  yes: true,
  on: true,
  false: false,
  0: false,
  no: false,
  off: false,
}
const jitter = (value: string): unknown => {
  const on = flag(value)
  return typeof on === 'boolean' ? (on ? 'full' : 'none') : value
}

const TEXT = { unit: 'text', read: text }
const NUMBER = { unit: 'a number', read: number }
const SECONDS = { unit: 'seconds', read: seconds }
const FLAG = { unit: 'true or false', read: flag }

const variable = (name: string, path: string, kind: Omit<Variable, 'name' | 'path'>): Variable => ({
  name,
  path: path.split('.'),
  ...kind,
})

/** Those with a fixed name; `RATE_*` and `HOLDFAST_TIMEOUT_*` are read by their pattern. */
export const VARIABLES: readonly Variable[] = [
  variable('HOLDFAST_HOST', 'server.host', TEXT),
  variable('HOLDFAST_PORT', 'server.port', NUMBER),
  variable('HOLDFAST_TOKEN', 'server.token', TEXT),
  variable('HOLDFAST_STORE', 'store.url', { unit: "'sqlite:PATH', 'postgres://…' or 'memory:'", read: text }),
  variable('HOLDFAST_STORE_SCHEMA', 'store.schema', TEXT),
  variable('HOLDFAST_STORE_POOL_SIZE', 'store.poolSize', NUMBER),
  variable('HOLDFAST_STATE', 'state', { unit: "'redis://…' or 'local'", read: text }),
  variable('HOLDFAST_CONCURRENCY', 'worker.concurrency', NUMBER),
  variable('HOLDFAST_LOG_LEVEL', 'log.level', TEXT),
  variable('HOLDFAST_LOG_FORMAT', 'log.format', TEXT),
  variable('RETRY_MAX_ATTEMPTS', 'retry.maxAttempts', NUMBER),
  variable('RETRY_BASE_DELAY', 'retry.initial', SECONDS),
  variable('RETRY_MAX_DELAY', 'retry.max', SECONDS),
  variable('RETRY_EXPONENTIAL_BASE', 'retry.factor', NUMBER),
  variable('RETRY_JITTER', 'retry.jitter', { unit: "true (full) or false, or a jitter's name", read: jitter }),
  variable('CB_FAIL_THRESHOLD', 'breaker.failures', NUMBER),
  variable('CB_COOLDOWN_S', 'breaker.openFor', SECONDS),
  variable('CIRCUIT_BREAKER_FAILURE_THRESHOLD', 'breaker.failures', NUMBER),
  variable('CIRCUIT_BREAKER_SUCCESS_THRESHOLD', 'breaker.successes', NUMBER),
  variable('CIRCUIT_BREAKER_TIMEOUT', 'breaker.openFor', SECONDS),
  variable('CIRCUIT_BREAKER_HALF_OPEN_MAX_CALLS', 'breaker.halfOpenCalls', NUMBER),
  variable('RESILIENCE_ENABLED', 'resilience.enabled', FLAG),
  variable('RESILIENCE_RETRY_ENABLED', 'resilience.retryEnabled', FLAG),
  variable('RESILIENCE_CIRCUIT_BREAKER_ENABLED', 'resilience.breakerEnabled', FLAG),
]

/** Read by the command line itself, or by tests; not settings of the process. */
const ELSEWHERE = /^HOLDFAST_(URL|CONFIG|TEST_.*)$/
const TIMEOUT = /^HOLDFAST_TIMEOUT_([A-Z0-9_]+)$/

export interface EnvironmentLayer {
  readonly assignments: readonly Assignment[]
  readonly problems: readonly Problem[]
}

/**
 * Reads the environment. `profiles` are the timeout profiles that exist: `HOLDFAST_TIMEOUT_SHORT` sets a profile, and
 * `HOLDFAST_TIMEOUT_GOTO` an operation.
 */
export function readEnvironment(env: Environment, profiles: readonly string[]): EnvironmentLayer {
  const set = Object.entries(env).flatMap(([name, value]) =>
    value === undefined || value.trim() === '' ? [] : [[name, value.trim()] as const],
  )
  const fixed = VARIABLES.flatMap((known) => {
    const found = set.find(([name]) => name === known.name)
    return found === undefined ? [] : [assign(known.name, known.path, known.read(found[1]), `${known.name} takes ${known.unit}.`)]
  })
  const timeouts = set.flatMap(([name, value]) => timeoutAssignment(name, value, profiles))
  return {
    assignments: [...fixed, ...timeouts, ...rateAssignments(set)],
    problems: [...contradictions(fixed, env), ...misspelt(set.map(([name]) => name))],
  }
}

function assign(name: string, path: Path, value: unknown, hint: string): Assignment {
  return { path, value, source: `env ${name}`, hint }
}

function timeoutAssignment(name: string, value: string, profiles: readonly string[]): Assignment[] {
  const subject = TIMEOUT.exec(name)?.[1]?.toLowerCase()
  if (subject === undefined) return []
  const path = profiles.includes(subject) ? ['timeouts', 'profiles', subject] : ['timeouts', 'operations', subject]
  return [assign(name, path, seconds(value), `${name} takes seconds, or a profile's name for an operation.`)]
}

/** Two names for one option are fine, two values are not. */
function contradictions(assignments: readonly Assignment[], env: Environment): Problem[] {
  const first = new Map<string, Assignment>()
  return assignments.flatMap((later) => {
    const earlier = first.get(pathKey(later.path))
    first.set(pathKey(later.path), later)
    if (earlier === undefined || earlier.value === later.value) return []
    const other = earlier.source.slice('env '.length)
    return [
      {
        path: later.path.join('.'),
        rule: `is set twice: ${other} says ${showValue(env[other])}`,
        value: showValue(env[later.source.slice('env '.length)]),
        source: later.source,
        hint: 'Both are names of the same option: set one of them.',
      },
    ]
  })
}

/** A name that nearly is one of ours is a slip; anything else belongs to somebody else. */
function misspelt(names: readonly string[]): Problem[] {
  const known = VARIABLES.map(({ name }) => name).filter((name) => name.startsWith('HOLDFAST_'))
  return names.flatMap((name) => {
    if (!name.startsWith('HOLDFAST_') || known.includes(name) || ELSEWHERE.test(name) || TIMEOUT.test(name)) return []
    const near = nearest(name, known)
    return near === undefined
      ? []
      : [
          {
            path: name,
            rule: 'is not a variable of Holdfast',
            value: 'a value',
            source: `env ${name}`,
            hint: `Did you mean ${near}?`,
          },
        ]
  })
}
