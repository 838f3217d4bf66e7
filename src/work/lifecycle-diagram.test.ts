import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { LIFECYCLE } from './lifecycle.ts'

const ARROW = /^\s*(\[\*\]|[a-z]+) --> ([a-z]+): ([a-z-]+)$/gm

it('the diagram in docs/work/lifecycle.md has exactly the transitions of the code', () => {
  const page = readFileSync(new URL('../../docs/work/lifecycle.md', import.meta.url), 'utf8')
  const drawn = [...page.matchAll(ARROW)].map(([, from, to, name]) => `${name}: ${from === '[*]' ? 'new' : from} > ${to}`)
  const coded = Object.entries(LIFECYCLE).flatMap(([name, { from, to }]) => from.map((state) => `${name}: ${state} > ${to}`))
  expect(drawn.toSorted()).toEqual(coded.toSorted())
})
