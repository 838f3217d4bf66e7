/** What the entry weighs in a browser: whole, and each policy alone, as a bundler would ship it. */
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { root } from './project.ts'

export interface Size {
  readonly name: string
  readonly minified: number
  readonly gzipped: number
  /** The most that it may weigh gzipped, in bytes. Raise it in the change that needs it, and say why there. */
  readonly bound: number
}

const BOUNDS: readonly (readonly [name: string, code: string, bound: number])[] = [
  // With breakers and limits that processes share, which targets may ask for, and a sentence for every event in explanations.
  ['everything', "export * from './src/index.ts'", 66_000],
  ['retry', "export { retry } from './src/index.ts'", 12_500],
  ['timeout', "export { timeout } from './src/index.ts'", 8_700],
  ['circuitBreaker', "export { circuitBreaker } from './src/index.ts'", 16_000],
  ['rateLimiter', "export { rateLimiter } from './src/index.ts'", 17_000],
  ['sharedRateLimiter', "export { sharedRateLimiter } from './src/index.ts'", 17_500],
  ['bulkhead', "export { bulkhead } from './src/index.ts'", 10_200],
  ['fallback', "export { fallback } from './src/index.ts'", 9_000],
  ['hedge', "export { hedge } from './src/index.ts'", 11_500],
  ['coalesce', "export { coalesce } from './src/index.ts'", 11_000],
  ['budget', "export { budget } from './src/index.ts'", 9_200],
  ['adaptiveLimiter', "export { adaptiveLimiter } from './src/index.ts'", 13_000],
  ['throttle', "export { throttle } from './src/index.ts'", 10_500],
  ['chaos', "export { chaos } from './src/index.ts'", 9_700],
]

/** Bundles code that imports from the project, for any platform: what needs Node or a package does not get through. */
export async function bundle(code: string, minify: boolean): Promise<string> {
  const result = await build({
    stdin: { contents: code, resolveDir: root, loader: 'ts' },
    absWorkingDir: root,
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    minify,
    write: false,
    logLevel: 'silent',
    tsconfigRaw: {},
  })
  return result.outputFiles[0]!.text
}

/** Weighs the whole entry and each policy. */
export function measureSizes(): Promise<Size[]> {
  return Promise.all(
    BOUNDS.map(async ([name, code, bound]) => {
      const text = await bundle(code, true)
      return { name, minified: Buffer.byteLength(text), gzipped: gzipSync(text, { level: 9 }).length, bound }
    }),
  )
}

/** The sizes as a table, for people. */
export function sizeTable(sizes: readonly Size[]): string {
  const kb = (bytes: number): string => `${(bytes / 1000).toFixed(1)} kB`.padStart(9)
  return sizes
    .map(({ name, minified, gzipped, bound }) => {
      const verdict = gzipped > bound ? '  too heavy' : ''
      return `${name.padEnd(16)}${kb(minified)} min ${kb(gzipped)} gzip, at most ${kb(bound).trim()}${verdict}`
    })
    .join('\n')
}
