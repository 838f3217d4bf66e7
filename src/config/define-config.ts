import type { UserConfig } from './user-config.ts'

/**
 * Gives `holdfast.config.ts` its types; returns what it got. Nothing is checked here: that happens once, with the
 * environment and the flags, when the process starts.
 *
 * @example
 * export default defineConfig({ worker: { concurrency: 10 } })
 */
export function defineConfig<const C extends UserConfig>(config: C): C {
  return config
}
