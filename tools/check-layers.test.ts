import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { checkLayers } from './check-layers.ts'

const trees: string[] = []
afterEach(() => {
  for (const tree of trees.splice(0)) rmSync(tree, { recursive: true, force: true })
})

function tree(files: Record<string, string>, dependencies: Record<string, string> = {}): string {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-layers-'))
  trees.push(root)
  writeFileSync(join(root, 'package.json'), JSON.stringify({ dependencies }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, 'src', path)), { recursive: true })
    writeFileSync(join(root, 'src', path), text)
  }
  return root
}

const check = (files: Record<string, string>, dependencies?: Record<string, string>): string[] =>
  checkLayers(tree(files, dependencies)).map(({ file, line, rule, message }) => `${file}:${line} ${rule}: ${message}`)

describe('the layer check', () => {
  it('is content with a house whose imports point down', () => {
    expect(
      check(
        {
          'core/a.ts': 'export const a = 1',
          'policies/retry/retry.ts':
            "import { a } from '../../core/a.ts'\nimport { m } from './machine.ts'\nexport const r = a + m",
          'policies/retry/machine.ts': 'export const m = 1',
          'policies/shared.ts': 'export const s = 1',
          'policies/timeout/timeout.ts': "import { s } from '../shared.ts'\nexport const t = s",
          'policies/index.ts': "export * from './retry/retry.ts'\nexport * from './timeout/timeout.ts'",
          'index.ts': "export * from './core/a.ts'\nexport * from './policies/index.ts'",
          'work/w.ts':
            "import { randomUUID } from 'node:crypto'\nimport { a } from '../core/a.ts'\nexport const w = [a, randomUUID]",
          'ops/o.ts': "import type { w } from '../work/w.ts'\nimport { Hono } from 'hono'\nexport const o: typeof w | Hono = []",
          'stores/sqlite/s.ts': "import { w } from '../../work/w.ts'\nexport const s = w",
          'stores/memory/m.ts': "import { rule } from '../rules/r.ts'\nexport const m = rule",
          'stores/rules/r.ts': 'export const rule = 1',
          'runtime/r.ts': "import { s } from '../stores/sqlite/s.ts'\nexport const r = s",
          'ops/testing/demo.ts':
            "import { fc } from 'fast-check'\nimport { r } from '../../runtime/r.ts'\nexport const d = [fc, r]",
          'core/a.test.ts': "import { expect } from 'vitest'\nimport { r } from '../runtime/r.ts'\nexpect(r).toBe(Date.now())",
        },
        { hono: '4' },
      ),
    ).toEqual([])
  })

  it.each([
    [
      'core importing upwards',
      { 'core/a.ts': "\nimport '../work/w.ts'", 'work/w.ts': '' },
      /src\/core\/a\.ts:2 layer: core imports work.*core may import nothing/,
    ],
    [
      'work importing a policy',
      { 'work/w.ts': "import '../policies/x.ts'" },
      /work\.?.* layer: work imports policies.*Declare a port/,
    ],
    ['an adapter importing work', { 'adapters/http/h.ts': "import '../../work/w.ts'" }, /layer: adapters imports work/],
    ['ops importing policies', { 'ops/o.ts': "import type { X } from '../policies/x.ts'" }, /layer: ops imports policies/],
    ['ops importing code of work', { 'ops/o.ts': "import { x } from '../work/x.ts'" }, /layer: .*write 'import type'/],
    ['a policy importing another', { 'policies/a/a.ts': "import '../b/b.ts'" }, /apart: policies\/a imports policies\/b/],
    ['a store importing another', { 'stores/a/a.ts': "import '../b/b.ts'" }, /apart: stores\/a imports stores\/b/],
    [
      'what stores share importing a store',
      { 'stores/rules/r.ts': "import '../b/b.ts'" },
      /apart: stores\/rules imports stores\/b/,
    ],
    [
      'code for tests that is shipped',
      { 'ops/o.ts': "import './testing/demo.ts'" },
      /test-only: .*'\.\/testing\/demo\.ts', which is for tests/,
    ],
    ['a re-export upwards', { 'core/a.ts': "export * from '../ops/o.ts'" }, /layer: core imports ops/],
    ['a dynamic import upwards', { 'core/a.ts': "const x = await import('../ops/o.ts')" }, /layer: core imports ops/],
    ['an import out of src', { 'runtime/r.ts': "import '../../tools/x.ts'" }, /layer: .*outside src/],
    ['a room nobody declared', { 'misc/m.ts': "import './n.ts'" }, /room: .*'misc' is not in tools\/layers\.ts/],
    ['node in core', { 'core/a.ts': "import 'node:fs'" }, /node: imports 'node:fs': core also runs where/],
    ['a builtin without its prefix', { 'ops/o.ts': "import 'fs'" }, /node: .*write 'node:fs'/],
    ['a package in work', { 'work/w.ts': "import 'zod'" }, /package: .*'zod': work has no dependency/],
    [
      'an undeclared package',
      { 'adapters/a/a.ts': "import '@scope/pkg/sub'" },
      /package: imports '@scope\/pkg', which package\.json declares neither/,
    ],
    ['a test runner in testing', { 'testing/t.ts': "import { it } from 'vitest'" }, /test-runner: .*'vitest'/],
    ['the runner of Node in testing', { 'testing/t.ts': "import { it } from 'node:test'" }, /test-runner: .*'node:test'/],
    [
      'a cycle',
      { 'core/a.ts': "import './b.ts'", 'core/b.ts': "\nimport './c.ts'", 'core/c.ts': "import './a.ts'" },
      /core\/a\.ts:1 cycle: .*core\/a\.ts → core\/b\.ts → core\/c\.ts → core\/a\.ts/,
    ],
    [
      'a cycle of types',
      { 'core/a.ts': "import type { B } from './b.ts'", 'core/b.ts': "import type { A } from './a.ts'" },
      /cycle: /,
    ],
    ['a file that imports itself', { 'core/a.ts': "import './a.ts'" }, /cycle: .*core\/a\.ts → core\/a\.ts/],
    [
      'the system clock',
      { 'work/w.ts': 'const a = 1\nconst b = Date.now()' },
      /src\/work\/w\.ts:2 clock: 'Date\.now' reads time/,
    ],
    ['a timer', { 'ops/o.ts': 'setTimeout(go, 1)' }, /clock: 'setTimeout'.*take a Clock/],
    ['a timer of the global object', { 'ops/o.ts': 'globalThis.setInterval(go, 1)' }, /clock: 'setInterval'/],
    ['a date of now', { 'ops/o.ts': 'const d = new Date()' }, /clock: 'new Date\(\)'/],
    ['chance', { 'policies/a/a.ts': 'Math.random()' }, /clock: 'Math\.random'/],
  ])('finds %s, and says where and what to do', (_, files, message) => {
    expect(check(files).join('\n')).toMatch(message)
    expect(check(files)).toHaveLength(1)
  })

  it('follows the entry to a builtin or a package, and shows the way there', () => {
    const found = check({
      'index.ts': "export * from './core/a.ts'",
      'core/a.ts': "export * from './b.ts'",
      'core/b.ts': "import 'node:os'",
    })
    expect(found.join('\n')).toMatch(
      /src\/core\/b\.ts:1 entry: imports 'node:os'.*src\/index\.ts → src\/core\/a\.ts → src\/core\/b\.ts/,
    )
  })

  it('reads code, not comments, strings or dates that are given', () => {
    expect(
      check({
        'core/a.ts':
          "// Date.now()\nexport const a = 'setTimeout(x)'\nexport const d = (at: number) => new Date(at)\nclock.setTimeout(1)",
        'core/clock.ts': 'export const now = () => Date.now()',
        'core/random.ts': 'export const random = () => Math.random()',
      }),
    ).toEqual([])
  })
})

describe('this project', () => {
  it('keeps its own house', () => {
    expect(checkLayers(join(import.meta.dirname, '..'))).toEqual([])
  })
})
