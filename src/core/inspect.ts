/**
 * What a policy is made of, how its parts are linked, and how they stand: for people, tests and dashboards.
 */
import { describePolicy, type PolicyDescription } from './description.ts'
import { frameStart } from './frame.ts'
import type { Policy } from './policy.ts'
import { stagesOf } from './policy.ts'
import type { Stage } from './stage.ts'

/** Neighbours that run as one, or a layer of its own. */
export interface Link {
  readonly kind: 'frame' | 'layer'
  /** Names, outermost first. */
  readonly policies: readonly string[]
}

export interface Inspection {
  readonly name: string
  /** Outermost first; a policy that is no composition is its own only part. */
  readonly parts: readonly PolicyDescription[]
  /** How calls pass through: each frame or layer costs about as much as one async function. */
  readonly links: readonly Link[]
}

/**
 * The structure of any policy or composition, as plain data. Reads, and changes nothing.
 *
 * @param key whose state is meant, in keyed policies
 * @example run
 * const { parts, links } = inspect(compose(retry(), timeout('1s'), bulkhead({ limit: 10 })))
 * parts.map(({ type }) => type) // ['retry', 'timeout', 'bulkhead']
 * links // [{ kind: 'frame', policies: ['retry', 'timeout', 'bulkhead'] }]
 */
export function inspect(policy: Policy, key?: string): Inspection {
  return { name: policy.name, parts: policy.parts.map((part) => describePolicy(part, key)), links: linksOf(policy) }
}

function linksOf(policy: Policy): Link[] {
  const staged = policy.parts.flatMap((part) => stagesOf(part).map((stage) => ({ name: part.name, stage })))
  const stages: Stage[] = staged.map(({ stage }) => stage)
  const links: Link[] = []
  for (let end = stages.length; end > 0; ) {
    const layer = stages[end - 1]!.type === 'layer'
    const start = layer ? end - 1 : frameStart(stages, end)
    links.unshift({ kind: layer ? 'layer' : 'frame', policies: staged.slice(start, end).map(({ name }) => name) })
    end = start
  }
  return links
}
