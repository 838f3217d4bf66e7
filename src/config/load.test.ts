import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadFile } from './load.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-config-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const write = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

describe('the configuration file', () => {
  it('may be missing', async () => {
    expect(await loadFile(folder)).toBeUndefined()
  })

  for (const [name, text] of [
    ['holdfast.config.ts', 'const port: number = 1\nexport default { server: { port } }'],
    ['holdfast.config.mts', 'export default { server: { port: 1 as number } }'],
    ['holdfast.config.mjs', 'export default { server: { port: 1 } }'],
    ['holdfast.config.js', 'export default { server: { port: 1 } }'],
    ['holdfast.config.json', '{ "server": { "port": 1 } }'],
  ] as const)
    it(`may be ${name}`, async () => {
      write('package.json', '{"type":"module"}')
      write(name, text)
      expect(await loadFile(folder)).toMatchObject({ name, directory: folder, values: { server: { port: 1 } } })
    })

  it('may be named, and may be a promise', async () => {
    write('holdfast.config.mjs', 'export default {}')
    write('other.mjs', 'export default Promise.resolve({ state: "x" })')
    expect(await loadFile(folder, 'other.mjs')).toMatchObject({ name: 'other.mjs', values: { state: 'x' } })
  })

  it('says clearly what is wrong with it', async () => {
    await expect(loadFile(folder, 'none.ts')).rejects.toThrow(
      `The configuration file ${join(folder, 'none.ts')} cannot be used: there is no such file`,
    )
    write('a.mjs', 'export default {\n  server: {')
    await expect(loadFile(folder, 'a.mjs')).rejects.toMatchObject({
      code: 'ERR_CONFIG',
      message: expect.stringContaining('a.mjs cannot be used') as string,
    })
    write('b.mjs', 'throw new Error("no database password")')
    await expect(loadFile(folder, 'b.mjs')).rejects.toThrow(/b\.mjs cannot be used: no database password$/)
    write('c.mjs', 'export const config = {}')
    await expect(loadFile(folder, 'c.mjs')).rejects.toThrow(/no default export/)
    write('d.mjs', 'export default 3')
    await expect(loadFile(folder, 'd.mjs')).rejects.toThrow(/must export an object of options/)
    write('e.json', '{ server: 1 }')
    await expect(loadFile(folder, 'e.json')).rejects.toThrow(/e\.json cannot be used: it is not JSON/)
    write('f.mjs', 'export default Promise.reject(new Error("vault is sealed"))')
    await expect(loadFile(folder, 'f.mjs')).rejects.toThrow(/f\.mjs cannot be used: vault is sealed/)
  })
})
