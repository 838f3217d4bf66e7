import { defineConfig } from 'vitest/config'

/** The tests that judge mutants: quick ones, of the rooms that are mutated, and of how their parts work together. */
export default defineConfig({
  test: {
    include: [
      'src/core/**/*.test.ts',
      'src/policies/**/*.test.ts',
      'test/cancellation/**/*.test.ts',
      'test/composition/**/*.test.ts',
    ],
    // Real time, child processes or minutes of work: no judge of single lines.
    exclude: [
      '**/pairs.test.ts',
      '**/presets.test.ts',
      '**/errors-page.test.ts',
      '**/limits.test.ts',
      '**/simulation.test.ts',
      '**/lint*.test.ts',
    ],
    pool: 'threads',
    testTimeout: 10_000,
  },
})
