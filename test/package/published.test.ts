import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { root, run } from '../../tools/project.ts'

/** A user's project, inside ours, so that the package's dependencies are found, with the package as it is published. */
const consumer = join(root, '.cache', `consumer-${process.pid}`)
const installed = join(consumer, 'node_modules/holdfast')
const subpaths = Object.entries(manifest.exports)
  .filter(([, target]) => typeof target === 'object')
  .map(([subpath]) => subpath.replace('.', 'holdfast'))

beforeAll(async () => {
  mkdirSync(installed, { recursive: true })
  // Without a manifest of its own it would be part of our package, and `holdfast` would mean our own dist/.
  writeFileSync(join(consumer, 'package.json'), '{ "type": "module" }')
  cpSync(join(root, 'package.json'), join(installed, 'package.json'))
  const { code, output } = await run('node', ['tools/build.ts', join(installed, 'dist')])
  expect(code, output).toBe(0)
})
afterAll(() => rmSync(consumer, { recursive: true, force: true }))

describe('the package as published', () => {
  it.each(subpaths)('%s loads, and exports something', async (subpath) => {
    const script = join(consumer, 'load.mjs')
    writeFileSync(script, `console.log(Object.keys(await import(process.argv[2])).length)`)
    const { code, output } = await run('node', [script, subpath])
    expect(code, output).toBe(0)
    expect(Number(output.trim().split('\n').at(-1))).toBeGreaterThan(0)
  })

  it('has an entry whose types need neither Node nor skipLibCheck', async () => {
    writeFileSync(
      join(consumer, 'use.ts'),
      "import { compose, retry, timeout } from 'holdfast'\nexport const answer: Promise<number> = compose(retry(), timeout('1s')).execute(() => 42)\n",
    )
    const compilerOptions = {
      module: 'nodenext',
      target: 'es2022',
      lib: ['es2022', 'esnext.disposable', 'dom'],
      types: [],
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
    }
    writeFileSync(join(consumer, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['use.ts'] }))
    const { code, output } = await run('tsc', ['-p', consumer])
    expect(code, output).toBe(0)
  })
})
