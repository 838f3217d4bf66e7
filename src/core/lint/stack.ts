/**
 * A description as one plain stack of policies, as a call of one operation meets them: what looks ahead needs no switch.
 */
import type { PlainRecord, PolicyDescription } from '../description.ts'

export interface StackEntry {
  readonly description: PolicyDescription
  /** Where it stands, for people: `parts[1].choices.goto`. */
  readonly path: string
}

/** Outermost first. */
export type Stack = readonly StackEntry[]

/** The operations that policies tell apart, and `undefined` for all others. */
export function operationsOf(parts: readonly PolicyDescription[]): readonly (string | undefined)[] {
  return [undefined, ...new Set(parts.flatMap(namesIn))]
}

function namesIn({ options, parts, choices }: PolicyDescription): string[] {
  return [
    ...Object.keys((options.byOperation ?? {}) as PlainRecord),
    ...(parts ?? []).flatMap(namesIn),
    ...Object.entries(choices ?? {}).flatMap(([name, choice]) => [name, ...namesIn(choice)]),
  ]
}

/** What a call of this operation goes through. A policy that can be switched off is taken as on. */
export function stackOf(parts: readonly PolicyDescription[], operation: string | undefined, path = 'parts'): Stack {
  return parts.flatMap((part, index) => entriesOf(part, operation, `${path}[${index}]`))
}

function entriesOf(part: PolicyDescription, operation: string | undefined, path: string): Stack {
  if (part.options.enabled === false) return []
  if (part.parts !== undefined) return stackOf(part.parts, operation, `${path}.parts`)
  if (part.choices !== undefined) {
    const name = isNamed(part.choices, operation) ? operation : 'default'
    const choice = part.choices[name]
    return choice === undefined ? [] : entriesOf(choice, operation, `${path}.choices.${name}`)
  }
  return [{ description: ownOptions(part, operation), path }]
}

/** The options that hold for the operation, where a policy has some of its own for it. */
function ownOptions(part: PolicyDescription, operation: string | undefined): PolicyDescription {
  const { byOperation, ...common } = part.options
  if (byOperation === undefined) return part
  const all = byOperation as Readonly<Record<string, PlainRecord>>
  const own = isNamed(all, operation) ? all[operation] : {}
  return { ...part, options: { ...common, ...own } }
}

function isNamed(choices: object, operation: string | undefined): operation is string {
  return Object.hasOwn(choices, operation as string)
}
