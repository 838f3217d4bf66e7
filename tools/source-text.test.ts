import { describe, expect, it } from 'vitest'
import { maskText, readImports } from './source-text.ts'

describe('maskText', () => {
  it.each([
    ["a('Date.now')", "a('        ')"],
    ['a // Date.now\nb', 'a            \nb'],
    ['a /* x\ny */ b', 'a     \n     b'],
    [`a(\`x \${now()} y\`)`, `a(\`  \${now()}  \`)`],
    [`\`\${\`\${b}x\`}y\` + c`, `\`\${\`\${b} \`} \` + c`],
    [`\`\${{ a: 1 }.a} x\` + b`, `\`\${{ a: 1 }.a}  \` + b`],
    ["const r = /['\"]/; f('x')", "const r = /    /; f(' ')"],
    ['a / b / c', 'a / b / c'],
    ["return /[/']/.test(x)", 'return /    /.test(x)'],
    ["'it\\'s' + a", "'     ' + a"],
  ])('blanks what is no code in %s', (source, masked) => {
    expect(maskText(source)).toBe(masked)
  })
})

describe('readImports', () => {
  it('finds every form, says which are types, and on what line', () => {
    const source = [
      "import a from './a.ts'",
      "import type { B } from './b.ts'",
      'import {',
      '  c,',
      "} from './c.ts'",
      "export * from './d.ts'",
      "export type { E } from './e.ts'",
      "import './f.ts'",
      "const g = await import('./g.ts')",
      "import h, { type H } from './h.ts'",
      "export { type I } from './i.ts'",
    ].join('\n')
    expect(readImports(source).map((one) => [one.specifier, one.typeOnly, one.line])).toEqual([
      ['./a.ts', false, 1],
      ['./b.ts', true, 2],
      ['./c.ts', false, 3],
      ['./d.ts', false, 6],
      ['./e.ts', true, 7],
      ['./f.ts', false, 8],
      ['./g.ts', false, 9],
      ['./h.ts', false, 10],
      ['./i.ts', false, 11],
    ])
  })

  it('is not taken in by comments, strings and look-alikes', () => {
    const source = [
      "// import a from 'a'",
      '/** @example import b from "b" */',
      `const text = "import c from 'c'"`,
      "export const from = 'd'",
      "object.import('e')",
      "export const list = ['from', 'f']",
      "export default 'g'",
    ].join('\n')
    expect(readImports(source)).toEqual([])
  })
})
