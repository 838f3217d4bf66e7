import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { ERROR_CODES } from './errors.ts'

it('docs/errors.md tells cause and remedy of every code, with the number of its family, and of no other', () => {
  const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
  const rows = [...page.matchAll(/^\| `(ERR_\w+)` \| (\d+) \| (.+) \| (.+) \|$/gm)]
  expect(Object.fromEntries(rows.map(([, code, family]) => [code, Number(family)]))).toEqual(ERROR_CODES)
  for (const [, code, , cause, remedy] of rows) expect(cause!.length > 20 && remedy!.length > 10, code).toBe(true)
  for (const [name] of page.matchAll(/ERR_\w+/g)) expect(Object.keys(ERROR_CODES)).toContain(name)
  const headings = [...page.matchAll(/^## .*, (\d)xxx$/gm)].map(([, family]) => family)
  expect(headings).toEqual(
    [...new Set(Object.values(ERROR_CODES).map((code) => String(code)[0]))].toSorted((a, b) => Number(a) - Number(b)),
  )
})
