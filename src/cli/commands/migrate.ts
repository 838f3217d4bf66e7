/**
 * `holdfast migrate`: the shape of the store, brought up to date (`up` does the same when it starts), and the way from one
 * store to another.
 */
import type { StoreSettings } from '../../config/config.ts'
import type { FlagValues } from '../../config/flags.ts'
import { loadConfig } from '../../config/resolve.ts'
import { CliError, EXIT } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { configPath } from '../context.ts'
import { ProgressBar } from '../progress.ts'

export type MigrateOptions = FlagValues & { readonly config?: string; readonly json?: boolean }
export type MoveOptions = MigrateOptions & { readonly from?: string; readonly to?: string }

/** Answers 1 when a newer Holdfast wrote the store: this one cannot open it. */
export async function migrateStatus(context: Context, options: MigrateOptions): Promise<number> {
  const { printer } = context
  const store = await storeIn(context, options)
  const { storeSchema } = await import('../../runtime/store-schema.ts')
  const { current, newest, pending } = await storeSchema(store)
  if (options.json) printer.json({ store: store.url, current: current ?? null, newest, pending })
  else if (current === undefined) printer.line(`${store.url}: there is nothing yet; npm start makes it.`)
  else {
    printer.line(`${store.url}: version ${current}, this Holdfast knows ${newest}.`)
    for (const { version, name } of pending) printer.line(`  ${version} ${name} is pending: holdfast migrate applies it.`)
    if (current > newest) printer.note('A newer Holdfast wrote this store: run that one.')
  }
  return current !== undefined && current > newest ? EXIT.failed : EXIT.ok
}

/** Applies what is pending; with `--from` and `--to` moves everything from one store to another. */
export async function migrate(context: Context, options: MoveOptions): Promise<number> {
  if (options.from !== undefined || options.to !== undefined) return move(context, options)
  const { printer } = context
  const store = await storeIn(context, options)
  const { storeSchema } = await import('../../runtime/store-schema.ts')
  const { storeOf } = await import('../../runtime/store.ts')
  const { pending } = await storeSchema(store)
  const opened = storeOf(store, context.io.clock)
  await opened.open()
  await opened.close()
  const { current, newest } = await storeSchema(store)
  if (options.json) printer.json({ store: store.url, current: current ?? null, newest, applied: pending })
  else {
    for (const { version, name } of pending) printer.line(`  ${version} ${name}: applied.`)
    printer.line(`${store.url}: ${pending.length === 0 ? 'up to date' : 'now'} at version ${current ?? newest}.`)
  }
  return EXIT.ok
}

async function move(context: Context, options: MoveOptions): Promise<number> {
  const { io, printer } = context
  if (options.from === undefined || options.to === undefined)
    throw new CliError(`--${options.from === undefined ? 'from' : 'to'} is missing: a move needs both.`, {
      hint: 'Like: holdfast migrate --from sqlite:var/holdfast.db --to postgres://user@host/database',
      exitCode: EXIT.usage,
    })
  const from = await storeIn(context, { ...options, store: options.from })
  const to = await storeIn(context, { ...options, store: options.to })
  const { moveStore } = await import('../../runtime/move-store.ts')
  const bar = new ProgressBar(io)
  try {
    const report = await moveStore({
      from,
      to,
      onProgress: ({ phase, table, done, total }) =>
        bar.show(total === 0 ? 1 : done / total, `${phase} ${table.replace('_', ' ')}`),
    })
    bar.end()
    if (options.json) printer.json(report)
    else {
      printer.line(
        `Moved from ${report.from} to ${report.to}${report.resumed ? ', going on with a move that was broken off' : ''}:`,
      )
      printer.table(
        [{ title: 'what' }, { title: 'rows', align: 'right' }, { title: 'checksum, same on both sides' }],
        report.tables.map(({ table, rows, checksum }) => [table.replace('_', ' '), rows, checksum.slice(0, 16)]),
      )
      printer.note(
        `Next: set HOLDFAST_STORE to the new store. The old one is as it was: keep it as a backup, start nothing on it.`,
      )
    }
    return EXIT.ok
  } finally {
    bar.end()
  }
}

async function storeIn({ io }: Context, options: MigrateOptions): Promise<StoreSettings> {
  const { config } = await loadConfig({ cwd: io.cwd, env: io.env, flags: options, config: configPath(io, options.config) })
  return config.store
}
