/** `holdfast config dump`: every value, and where it came from. */
import { dumpConfig } from '../../config/dump.ts'
import type { FlagValues } from '../../config/flags.ts'
import { loadConfig } from '../../config/resolve.ts'
import type { Context } from '../context.ts'
import { configPath } from '../context.ts'

export type DumpOptions = FlagValues & { readonly config?: string; readonly json?: boolean }

export async function dump({ io, printer }: Context, options: DumpOptions): Promise<undefined> {
  const resolved = await loadConfig({ cwd: io.cwd, env: io.env, flags: options, config: configPath(io, options.config) })
  const rows = dumpConfig(resolved)
  if (options.json) return printer.json({ file: resolved.file ?? null, values: rows }) as undefined
  printer.table(
    [{ title: 'OPTION' }, { title: 'VALUE' }, { title: 'SOURCE' }],
    rows.map(({ path, value, source }) => [
      path,
      typeof value === 'string' ? value : JSON.stringify(value),
      source === 'default' ? { text: source, tone: 'dim' } : source,
    ]),
  )
}
