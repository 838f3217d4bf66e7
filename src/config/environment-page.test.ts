import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { VARIABLES } from './environment.ts'

const ROW = /^\| `([A-Z_]+)` \| `([\w.]+)` \| (.+) \|$/gm

// R: X13, U6
it('docs/configuration.md has exactly the variables that are read', () => {
  const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
  const written = [...page.matchAll(ROW)].map(([, name, path, unit]) => [name, path, unit])
  expect(written).toEqual(VARIABLES.map(({ name, path, unit }) => [name, path.join('.'), unit]))
})
