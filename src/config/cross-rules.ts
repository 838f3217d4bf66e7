/**
 * Rules that look at more than one option, or at what this version can do. They read the merged tree as it is, right or
 * wrong, so that their findings stand beside the schema's in one message.
 */
import { ms } from './implied.ts'
import type { Assignment, Path, Provenance } from './layers.ts'
import { isTree, pathKey, valueAt } from './layers.ts'
import { isLoopback } from './loopback.ts'
import type { Problem } from './problems.ts'
import { problem } from './problems.ts'

type Report = (path: readonly PropertyKey[], rule: string, hint?: string) => void
type Rule = (read: (...path: string[]) => unknown, report: Report, assigned: (path: Path) => Assignment | undefined) => void

const exposure: Rule = (read, report) => {
  const host = read('server', 'host')
  if (typeof host !== 'string' || host === '' || isLoopback(host) || read('server', 'token') !== undefined) return
  report(
    ['server', 'host'],
    'must be a loopback address unless a token is set',
    'Set HOLDFAST_TOKEN to a long random text (openssl rand -hex 24), or listen on 127.0.0.1.',
  )
}

const store: Rule = (read, report) => {
  const url = read('store', 'url')
  if (typeof url !== 'string' || url === '') return
  if (/^postgres(ql)?:/.test(url)) {
    if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url))
      report(
        ['store', 'url'],
        "must be 'postgres://user:password@host:port/database'",
        'In a user or password, write %40 for @, %2F for / and %3A for a colon.',
      )
  } else if (url.startsWith('sqlite:')) {
    if (url.slice('sqlite:'.length).trim() === '')
      report(['store', 'url'], "needs a path after 'sqlite:'", "Write 'sqlite:./var/holdfast.db'.")
  } else if (url !== 'memory:') report(['store', 'url'], "must be 'sqlite:PATH', 'postgres://…' or 'memory:'", storeHint(url))
}

const ofPostgres: Rule = (read, report) => {
  const url = read('store', 'url')
  for (const name of ['schema', 'poolSize'])
    if (read('store', name) !== undefined && typeof url === 'string' && !/^postgres(ql)?:/.test(url))
      report(['store', name], 'is for a PostgreSQL store', `Leave it out, or set store.url to 'postgres://…'.`)
}

const schedules: Rule = (read, report) => {
  const list = read('schedules')
  if (!Array.isArray(list)) return
  const seen = new Set<unknown>()
  for (const [index, schedule] of list.entries()) {
    const name = isTree(schedule) ? schedule.name : undefined
    if (name !== undefined && seen.has(name)) report(['schedules', index, 'name'], 'is used twice')
    seen.add(name)
  }
}

function storeHint(url: string): string {
  return /^[./]|\.db$/.test(url) ? `Did you mean 'sqlite:${url}'?` : "Write 'sqlite:./var/holdfast.db'."
}

const state: Rule = (read, report) => {
  const place = read('state')
  if (typeof place !== 'string' || place === '' || place === 'local') return
  if (!/^rediss?:\/\//.test(place) || !URL.canParse(place))
    report(
      ['state'],
      "must be 'redis://…', 'rediss://…' or 'local'",
      'Leave it out to share by the store; in a user or password, write %40 for @ and %2F for /.',
    )
}

const allowed: Rule = (read, report) => {
  const list = read('http', 'allow')
  if (!Array.isArray(list)) return
  for (const [index, entry] of list.entries())
    if (typeof entry === 'string' && !/^(\*\.)?[A-Za-z0-9_.:[\]-]+(\/\d{1,3})?$/.test(entry))
      report(
        ['http', 'allow', index],
        "must be 'public', 'loopback', 'private', a host name, an address or a network",
        entry.includes('://') ? 'Leave out the scheme and the path: api.example.com.' : undefined,
      )
}

const kinds: Rule = (read, report) => {
  const list = read('kinds')
  if (!Array.isArray(list)) return
  const seen = new Set(['http'])
  for (const [index, kind] of list.entries()) {
    const name = isTree(kind) ? kind.name : undefined
    if (typeof name !== 'string') continue
    if (seen.has(name)) report(['kinds', index, 'name'], name === 'http' ? 'is the name of a built-in kind' : 'is used twice')
    seen.add(name)
  }
}

const order =
  (path: readonly string[], low: string, high: string): Rule =>
  (read, report, assigned) => {
    // What was taken over is reported where it was set.
    if ([low, high].every((name) => assigned([...path, name])?.inherited === true)) return
    const [from, to] = [ms(read(...path, low)), ms(read(...path, high))]
    if (from !== undefined && to !== undefined && from > to) report([...path, high], `must not be below '${low}'`)
  }

const breakers: Rule = (read, report, assigned) => {
  const general = read('breaker')
  if (isTree(general)) {
    const own = Object.entries(general).filter(([name]) => assigned(['breaker', name])?.source !== 'default')
    checkBreaker(['breaker'], Object.fromEntries(own), general, report)
  }
  const targets = read('targets')
  if (!isTree(targets)) return
  for (const [name, target] of Object.entries(targets))
    if (isTree(target)) checkBreaker(['targets', name, 'breaker'], target.breaker, isTree(general) ? general : {}, report)
}

function checkBreaker(path: readonly string[], own: unknown, general: Record<string, unknown>, report: Report): void {
  if (!isTree(own)) return
  const all = { ...general, ...own }
  const isSlow = all.slowAfter !== undefined && all.slowAfter !== false
  if (all.failures === false && all.failureRate === false && !isSlow)
    report(
      [...path, own.failures === undefined ? 'failureRate' : 'failures'],
      "and 'failureRate' are both false: nothing would open it",
      'Write breaker: false to have none.',
    )
  for (const name of ['window', 'minimumCalls'])
    if (own[name] !== undefined && own.failureRate === false && !isSlow)
      report([...path, name], 'does nothing when failureRate is false')
  if (own.slowRate !== undefined && !isSlow)
    report([...path, 'slowRate'], "needs 'slowAfter'", "Say how long a slow call takes: slowAfter: '2s'.")
  if (own.rampFrom !== undefined && (all.ramp === undefined || all.ramp === false))
    report([...path, 'rampFrom'], "needs 'ramp'", "Say how long the ramp takes: ramp: '30s'.")
  const [from, to] = [ms(own.openFor), ms(own.openForMax)]
  if (from !== undefined && to !== undefined && from > to) report([...path, 'openForMax'], "must not be below 'openFor'")
}

const operations: Rule = (read, report) => {
  const profiles = read('timeouts', 'profiles')
  const mapped = read('timeouts', 'operations')
  if (!isTree(mapped)) return
  const names = isTree(profiles) ? Object.keys(profiles) : []
  for (const [operation, limit] of Object.entries(mapped)) {
    if (typeof limit !== 'string' && typeof limit !== 'number') continue
    if (names.includes(String(limit)) || (ms(limit) ?? 0) > 0) continue
    report(
      ['timeouts', 'operations', operation],
      'must be the name of a profile, or a duration above 0',
      `Profiles: ${names.join(', ')}. Durations: '20s'.`,
    )
  }
}

const RULES: readonly Rule[] = [
  exposure,
  store,
  ofPostgres,
  state,
  allowed,
  kinds,
  schedules,
  order(['retry'], 'initial', 'max'),
  order(['http', 'backoff'], 'initial', 'max'),
  breakers,
  operations,
]

/** What the rules find in a merged tree. */
export function crossProblems(tree: unknown, sources: Provenance): Problem[] {
  const found: Problem[] = []
  for (const rule of RULES)
    rule(
      (...path) => valueAt(tree, path),
      (path, text, hint) => found.push(problem(path, text, tree, sources, hint)),
      (path) => sources.get(pathKey(path)),
    )
  return found
}
