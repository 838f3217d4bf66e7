/** `holdfast migrate status`: which shape the store has. Bringing it up to date is what `up` does when it starts. */
import type { FlagValues } from '../../config/flags.ts'
import { loadConfig } from '../../config/resolve.ts'
import { EXIT } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { configPath } from '../context.ts'

export type MigrateOptions = FlagValues & { readonly config?: string; readonly json?: boolean }

/** Answers 1 when a newer Holdfast wrote the store: this one cannot open it. */
export async function migrateStatus({ io, printer }: Context, options: MigrateOptions): Promise<number> {
  const { config } = await loadConfig({ cwd: io.cwd, env: io.env, flags: options, config: configPath(io, options.config) })
  const { storeSchema } = await import('../../runtime/store-schema.ts')
  const { current, newest, pending } = await storeSchema(config.store)
  if (options.json) printer.json({ store: config.store.url, current: current ?? null, newest, pending })
  else if (current === undefined) printer.line(`${config.store.url}: there is nothing yet; npm start makes it.`)
  else {
    printer.line(`${config.store.url}: version ${current}, this Holdfast knows ${newest}.`)
    for (const { version, name } of pending) printer.line(`  ${version} ${name} is pending: the next start applies it.`)
    if (current > newest) printer.note('A newer Holdfast wrote this store: run that one.')
  }
  return current !== undefined && current > newest ? EXIT.failed : EXIT.ok
}
