/**
 * From defaults, file, environment and flags to one checked configuration in which every value knows its source.
 */
import { resolve as resolvePath } from 'node:path'
import type { HoldfastConfig, StateSettings, StoreSettings } from './config.ts'
import { crossProblems } from './cross-rules.ts'
import { DEFAULTS } from './defaults.ts'
import type { Environment } from './environment.ts'
import { readEnvironment } from './environment.ts'
import type { FlagValues } from './flags.ts'
import { readFlags } from './flags.ts'
import { applyImplied } from './implied.ts'
import type { Path, Provenance } from './layers.ts'
import { flatten, isTree, Layers, pathKey, valueAt } from './layers.ts'
import type { ConfigFile } from './load.ts'
import { loadFile } from './load.ts'
import type { Problem } from './problems.ts'
import { configError, problemsOf } from './problems.ts'
import { hidePasswords } from './redact.ts'
import type { Checked } from './schema.ts'
import { schema } from './schema.ts'

export interface Inputs {
  /** The folder that paths of flags, environment and defaults count from. */
  readonly cwd: string
  readonly env: Environment
  readonly flags?: FlagValues | undefined
  readonly file?: ConfigFile | undefined
}

/** A configuration and the story of its values. */
export interface ResolvedConfig {
  readonly config: HoldfastConfig
  readonly provenance: Provenance
  /** The file it was read from, absolute; undefined when there is none. */
  readonly file: string | undefined
}

/**
 * Finds the file, reads everything, checks it.
 *
 * @param options `config` is the path of a file to use instead of the one in `cwd`
 * @throws HoldfastError with `ERR_CONFIG`; its message lists every problem, and `details.problems` holds them as data
 */
export async function loadConfig(
  options: Omit<Inputs, 'file'> & { readonly config?: string | undefined },
): Promise<ResolvedConfig> {
  return resolveConfig({ ...options, file: await loadFile(options.cwd, options.config) })
}

/**
 * The same without touching the disk.
 *
 * @throws HoldfastError with `ERR_CONFIG`
 */
export function resolveConfig({ cwd, env, flags = {}, file }: Inputs): ResolvedConfig {
  const layers = new Layers().apply(flatten(DEFAULTS as Record<string, unknown>, 'default'))
  if (file !== undefined) layers.apply(flatten(unfoldStore(file.values), `file ${file.name}`))
  const profiles = profileNames(layers.tree)
  const environment = readEnvironment(env, profiles)
  layers.apply(environment.assignments).apply(readFlags(flags, profiles))
  applyImplied(layers)
  const checked = check(layers, environment.problems)
  return { config: settle(checked, layers.sources, cwd, file), provenance: layers.sources, file: file?.path }
}

function check(layers: Layers, found: readonly Problem[]): Checked {
  const parsed = schema.safeParse(layers.tree)
  const problems = [
    ...found,
    ...problemsOf(parsed.error?.issues ?? [], layers.tree, layers.sources),
    ...crossProblems(layers.tree, layers.sources),
  ]
  if (!parsed.success || problems.length > 0) throw configError(problems)
  return parsed.data
}

/** `store: 'memory:'` is short for `store: { url: 'memory:' }`. */
function unfoldStore(values: Record<string, unknown>): Record<string, unknown> {
  return typeof values.store === 'string' ? { ...values, store: { url: values.store } } : values
}

function profileNames(tree: unknown): string[] {
  const profiles = valueAt(tree, ['timeouts', 'profiles'])
  return isTree(profiles) ? Object.keys(profiles) : []
}

function settle(checked: Checked, sources: Provenance, cwd: string, file: ConfigFile | undefined): HoldfastConfig {
  const place = (path: Path, value: string): string =>
    resolvePath(sources.get(pathKey(path))?.source.startsWith('file ') ? (file?.directory ?? cwd) : cwd, value)
  const { audit, store, state, ...rest } = checked
  return deepFreeze({
    ...rest,
    store: storeSettings(store, (path) => place(['store', 'url'], path)),
    state: stateSettings(state),
    audit: audit === false ? false : { ...audit, path: place(['audit', 'path'], audit.path) },
  })
}

function storeSettings({ url, durability, schema, poolSize }: Checked['store'], place: (path: string) => string): StoreSettings {
  if (url === 'memory:') return { kind: 'memory', url, durability }
  if (/^postgres(ql)?:/.test(url))
    return { kind: 'postgres', url: hidePasswords(url), connection: () => url, durability, schema, poolSize }
  return { kind: 'sqlite', url, durability, path: place(url.slice('sqlite:'.length)) }
}

function stateSettings(place: string | undefined): StateSettings {
  if (place === undefined) return { kind: 'store' }
  return place === 'local' ? { kind: 'local' } : { kind: 'redis', url: hidePasswords(place), connection: () => place }
}

/** Options only: kinds are the user's own objects and stay as they are. */
function deepFreeze<T extends object>(tree: T): T {
  for (const value of Object.values(tree)) if (isTree(value)) deepFreeze(value)
  return Object.freeze(tree)
}
