import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import manifest from './package.json' with { type: 'json' }

/** Tests import `holdfast` and `holdfast/…` as a user does, and get the sources: no build comes before a test. */
const alias = Object.entries(manifest.exports)
  .filter(([, target]) => typeof target === 'object')
  .map(([subpath, target]) => ({
    find: new RegExp(`^${subpath.replace('.', manifest.name)}$`),
    replacement: fileURLToPath(new URL((target as { '@holdfast/source': string })['@holdfast/source'], import.meta.url)),
  }))

/** What takes longest comes first, so that nothing long is left for the end. */
const LONG = [
  'recovery/delivery',
  'package/docs',
  'stores/model/',
  'leaks/',
  'stores/postgres',
  'recovery/',
  'dashboard',
  'rabbitmq',
]

const placeOf = (index: number): number => (index === -1 ? LONG.length : index)

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => placeOf(LONG.findIndex((part) => moduleId.includes(part)))
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b))
  }
}

// One more than cores: much of what is real is waited for.
const shared = { pool: 'forks' as const, testTimeout: 20_000, hookTimeout: 60_000, maxWorkers: 3 }

export default defineConfig({
  resolve: { alias },
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      // To load the sources anew for each file took most of their time. What they share is what modules keep: no test counts on it.
      { extends: true, test: { ...shared, name: 'unit', isolate: false, include: ['src/**/*.test.ts', 'tools/**/*.test.ts'] } },
      // Real processes, sockets and servers: slower, and each file may start a server of its own.
      { extends: true, test: { ...shared, name: 'whole', include: ['test/**/*.test.ts'], testTimeout: 60_000 } },
    ],
  },
})
