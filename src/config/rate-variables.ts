/**
 * `RATE_*`: one token bucket per action. `RATE_REPLY_POST=20/1h` with `RATE_REPLY_POST_BURST=3`, or
 * `RATE_REPLY_POST_CAPACITY=3` with `RATE_REPLY_POST_REFILL_PER_S=0.1`; for all processes together with
 * `RATE_REPLY_POST_SHARED=strict` or `leased`.
 */
import type { Assignment } from './layers.ts'

const NAME = /^RATE_([A-Z0-9_]+?)(_BURST|_CAPACITY|_REFILL_PER_S|_SHARED)?$/
const LIMIT_PER = /^(\d+(?:\.\d+)?)\s*\/\s*(\d[\w.]*|ms|s|m|h|d)$/

/** The assignments of every `RATE_*` among these variables. */
export function rateAssignments(variables: readonly (readonly [name: string, value: string])[]): Assignment[] {
  return variables.flatMap(([name, value]) => {
    const [, action, aspect] = NAME.exec(name) ?? []
    return action === undefined ? [] : read(name, action.toLowerCase(), aspect, value)
  })
}

function read(name: string, action: string, aspect: string | undefined, value: string): Assignment[] {
  const set = (option: readonly string[], worth: unknown, hint: string): Assignment => ({
    path: ['rates', action, ...option],
    value: worth,
    source: `env ${name}`,
    hint,
  })
  const count = Number(value)
  if (aspect === '_REFILL_PER_S') {
    const hint = `${name} takes tokens per second, such as 0.5.`
    if (!(count > 0)) return [set(['limit'], value, hint)]
    return [set(['limit'], 1, hint), set(['per'], 1000 / count, hint)]
  }
  if (aspect === '_SHARED') return [set(['shared'], value, `${name} takes strict or leased.`)]
  if (aspect !== undefined) return [set(['burst'], Number.isNaN(count) ? value : count, `${name} takes a whole number.`)]
  const hint = `${name} takes LIMIT/PER, such as 20/1h or 10/s.`
  const [, limit, per] = LIMIT_PER.exec(value) ?? []
  if (limit === undefined || per === undefined) return [set([], value, hint)]
  return [set(['limit'], Number(limit), hint), set(['per'], /^\d/.test(per) ? per : `1${per}`, hint)]
}
