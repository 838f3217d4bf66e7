import { describe, expect, it } from 'vitest'
import { exportedNames, groupPrograms, programOf, readExamples, readFences } from './code-blocks.ts'

const page = [
  '# A page',
  '```ts',
  'const a = 1',
  '```',
  'then',
  '```ts continues no-run',
  'use(a)',
  '```',
  '```sh run',
  'ls',
  '```',
].join('\n')

describe('blocks of a page', () => {
  it('are found with their line and their marks', () => {
    expect(readFences('p.md', page)).toEqual([
      { file: 'p.md', line: 3, language: 'ts', code: 'const a = 1\n', marks: [] },
      { file: 'p.md', line: 7, language: 'ts', code: 'use(a)\n', marks: ['continues', 'no-run'] },
      { file: 'p.md', line: 10, language: 'sh', code: 'ls\n', marks: ['run'] },
    ])
  })

  it('lose the indent of a list that they stand in', () => {
    expect(readFences('p.md', '1. do\n   ```ts\n   if (a)\n     b()\n   ```\n')[0]!.code).toBe('if (a)\n  b()\n')
  })

  it('become programs whose lines are those of the page', () => {
    const [first, second] = groupPrograms(readFences('p.md', page).filter(({ language }) => language === 'ts'))
    expect(programOf(first!).split('\n')[2]).toBe('const a = 1')
    expect(programOf(second!).split('\n')[2]).toBe('const a = 1')
    expect(programOf(second!).split('\n')[6]).toBe('use(a)')
    expect(programOf(first!, "import 'x'").split('\n')[2]).toBe('const a = 1')
  })
})

describe('examples of docstrings', () => {
  it('are found between their tag and the next one, without stars and fences', () => {
    const source = [
      '/**',
      ' * Adds.',
      ' * @example run',
      ' * ```ts',
      ' * add(1, 2)',
      ' * ```',
      ' * @throws never',
      ' */',
      'export function add() {}',
    ].join('\n')
    const [example] = readExamples('a.ts', source)
    expect(example).toMatchObject({ line: 4, marks: ['run'], code: '\nadd(1, 2)\n' })
  })

  it('see the exported names of a source', () => {
    const source =
      'export const a = 1\nexport async function b() {}\nexport interface C {}\nconst d = 1\nexport abstract class E {}'
    expect(exportedNames(source)).toEqual(['a', 'b', 'C', 'E'])
  })
})
