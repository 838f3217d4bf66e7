/**
 * The flags of `holdfast up` and `holdfast config dump` that set an option. Secrets have none: every user of the machine can
 * read a command line.
 */
import type { Assignment, Path } from './layers.ts'

export interface Flag {
  /** As commander writes it. */
  readonly flag: string
  /** The name under which the command line hands it over. */
  readonly key: string
  readonly path: Path
  readonly description: string
  readonly read: (text: string) => unknown
}

const text = (value: string): unknown => value
const number = (value: string): unknown => (/^[+-]?\d+(\.\d+)?$/.test(value) ? Number(value) : value)

export const FLAGS: readonly Flag[] = [
  { flag: '--host <host>', key: 'host', path: ['server', 'host'], description: 'where to listen', read: text },
  { flag: '--port <port>', key: 'port', path: ['server', 'port'], description: 'port, 0 for a free one', read: number },
  {
    flag: '--store <url>',
    key: 'store',
    path: ['store', 'url'],
    description: 'sqlite:PATH, postgres://… or memory:',
    read: text,
  },
  { flag: '--concurrency <n>', key: 'concurrency', path: ['worker', 'concurrency'], description: 'jobs at a time', read: number },
  {
    flag: '--log-level <level>',
    key: 'logLevel',
    path: ['log', 'level'],
    description: 'debug, info, warn, error or silent',
    read: text,
  },
  { flag: '--log-format <format>', key: 'logFormat', path: ['log', 'format'], description: 'text or json', read: text },
]

/** Flag values as the command line hands them over; `timeout` holds `NAME=DURATION` texts. */
export type FlagValues = Readonly<Record<string, unknown>> & { readonly timeout?: readonly string[] }

/** The flags that were given, as assignments. `profiles` as in `readEnvironment`. */
export function readFlags(values: FlagValues, profiles: readonly string[]): Assignment[] {
  const fixed = FLAGS.flatMap(({ key, flag, path, read }) => {
    const value = values[key]
    return typeof value === 'string' ? [{ path, value: read(value), source: `flag ${flag.split(' ')[0]}` }] : []
  })
  const timeouts = (values.timeout ?? []).map((pair): Assignment => {
    const [name = '', limit = ''] = pair.split(/=(.*)/s)
    return {
      path: ['timeouts', profiles.includes(name) ? 'profiles' : 'operations', name],
      value: limit,
      source: 'flag --timeout',
      hint: '--timeout takes NAME=DURATION, such as short=5s, or OPERATION=PROFILE, such as goto=long.',
    }
  })
  return [...fixed, ...timeouts]
}
