/**
 * Finds and reads the configuration file. TypeScript is imported as it is: Node strips the types.
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { HoldfastError } from '../core/errors.ts'
import { isTree } from './layers.ts'

/** Looked for in this order; the first one counts. */
export const FILE_NAMES = ['ts', 'mts', 'js', 'mjs', 'json'].map((ending) => `holdfast.config.${ending}`)

export interface ConfigFile {
  /** Absolute. */
  readonly path: string
  /** Its folder: relative paths inside count from here. */
  readonly directory: string
  /** Its name, for the source of its values. */
  readonly name: string
  readonly values: Record<string, unknown>
}

/**
 * Reads the file at `wanted`, or the first `holdfast.config.*` in `cwd`; undefined when there is none.
 *
 * @throws HoldfastError with `ERR_CONFIG` and one clear message when the file is missing, broken or holds something else
 */
export async function loadFile(cwd: string, wanted?: string): Promise<ConfigFile | undefined> {
  const path = wanted === undefined ? findFile(cwd) : resolve(cwd, wanted)
  if (path === undefined) return undefined
  if (!existsSync(path)) throw broken(path, 'there is no such file')
  const values = path.endsWith('.json') ? await readJson(path) : await importModule(path)
  if (!isTree(values)) throw broken(path, 'it must export an object of options', 'Write: export default defineConfig({ … })')
  return { path, directory: dirname(path), name: basename(path), values }
}

function findFile(cwd: string): string | undefined {
  return FILE_NAMES.map((name) => resolve(cwd, name)).find((path) => existsSync(path))
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    throw broken(path, `it is not JSON: ${messageOf(error)}`)
  }
}

async function importModule(path: string): Promise<unknown> {
  const module = await import(pathToFileURL(path).href).catch((error: unknown) => {
    throw broken(path, messageOf(error), undefined, error)
  })
  const exported = module as { default?: unknown }
  if (exported.default === undefined) throw broken(path, 'it has no default export', 'Write: export default defineConfig({ … })')
  // A promise is fine: a file may have to ask somebody for its values.
  return Promise.resolve(exported.default).catch((error: unknown) => {
    throw broken(path, messageOf(error), undefined, error)
  })
}

function broken(path: string, why: string, hint?: string, cause?: unknown): HoldfastError {
  const message = `The configuration file ${path} cannot be used: ${why}${hint === undefined ? '' : `\n  ${hint}`}`
  return new HoldfastError(message, { code: 'ERR_CONFIG', cause, details: { file: path } })
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // A syntax error's first stack line is FILE:LINE, which the message lacks.
  const place = error instanceof SyntaxError ? /:(\d+)\n/.exec(error.stack ?? '')?.[1] : undefined
  const [first = ''] = error.message.split('\n')
  return place === undefined ? first : `line ${place}: ${first}`
}
