import { expect, it } from 'vitest'
import { run } from '../../tools/project.ts'

const sentence = 'every code block of the docs, and every example of a docstring, is type-checked, and run where it says so'

it(sentence, { timeout: 240_000 }, async () => {
  const { code, output } = await run('node', ['tools/check-docs.ts'])
  expect(code, output).toBe(0)
})
