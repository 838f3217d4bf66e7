/** What is mutated, and who judges it. */
import { filesOf } from './instrument.ts'

/** `core/` whole, and of each policy what decides, for one process and for several: its machine and the files that it asks. */
export const sources: readonly string[] = filesOf(
  ['src/policies/*/*.ts', 'src/policies/*/shared/*.ts', 'src/core/**/*.ts'],
  (file) => file.endsWith('.test.ts') || file.endsWith('/index.ts') || isDoor(file),
)

/** `x/x.ts` and `x/shared/shared-x.ts` are what a user sees of a policy, `options.ts` what is read of the user: none decides. */
function isDoor(file: string): boolean {
  const [, folder, name] = /^src\/policies\/([^/]+)\/(?:shared\/)?(?:shared-)?(.+)\.ts$/.exec(file) ?? []
  return folder !== undefined && (name === folder || name === 'options')
}

/** Quick tests of the rooms that are mutated, and of how their parts work together. */
export const judges: readonly string[] = filesOf(
  ['src/core/**/*.test.ts', 'src/policies/**/*.test.ts', 'test/composition/*.test.ts', 'test/cancellation/*.test.ts'],
  // Minutes of simulated hours, real processes, pages of the documentation: no judges of single lines.
  (file) => ['simulation', 'pairs', 'presets', 'errors-page'].some((name) => file.endsWith(`/${name}.test.ts`)),
)
