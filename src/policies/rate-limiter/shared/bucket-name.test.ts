import { expect, it } from 'vitest'
import { askersPrefix, bucketName } from './bucket-name.ts'

it('a limit, its keys and those who ask for it have names of their own, whatever is in them', () => {
  expect([bucketName('api', undefined), bucketName('api', ''), bucketName('api', 'ada/#=')]).toEqual([
    'limit/3/api',
    'limit/3/api/=',
    'limit/3/api/=ada/#=',
  ])
  expect([bucketName('a/=b', undefined), bucketName('a', 'b'), askersPrefix('api')]).toEqual([
    'limit/4/a/=b',
    'limit/1/a/=b',
    'limit-askers/3/api/',
  ])
})

it('a key that a store would not take is named by its hash and its length, by all releases the same', () => {
  const named = (key: string) => bucketName('api', key).slice('limit/3/api/'.length)
  const long = 'x'.repeat(250)
  expect(named(long)).toBe(`=${long}`)
  expect([named(`${long}x`), named('a\0b'), named('\ud800')]).toEqual(['#9zffypwi2g.251', '#wmao3leoz1.3', '#2fvo90yxn7p.1'])
  const many = Array.from({ length: 50 }, (_, index) => named(`${long}${index}`))
  expect([new Set(many).size, many.every((name) => /^#[0-9a-z]{5,11}\.25\d$/.test(name))]).toEqual([50, true])
})
