import { describe, expect, it } from 'vitest'
import * as holdfast from '../../src/index.ts'
import { bundleExercise, exerciseInBrowser } from '../../tools/portable.ts'
import { missing } from '../servers/available.ts'
import { startChromium } from '../servers/chromium.ts'
import { exercise } from './exercise.ts'

const EVERYTHING = [
  ...['retry', 'timeout', 'circuit breaker', 'rate limiter', 'shared rate limiter', 'bulkhead'],
  ...['composition', 'cancellation'],
]

it('the entry works on this Node', async () => {
  expect(await exercise(holdfast)).toEqual(EVERYTHING)
})

it('the entry bundles for any platform, without Node and without packages', async () => {
  const text = await bundleExercise()
  expect(text).not.toMatch(/(?<!["'])\bfrom\s*["'](?!\.)|\brequire\(|\bnode:/)
  expect(text).not.toMatch(/\bprocess\.(?:env|hrtime|nextTick|pid)|\bBuffer\./)
})

describe.skipIf(missing('chromium'))('in a browser', () => {
  it('the entry works as a plain module', async () => {
    const browser = await startChromium()
    try {
      expect(await exerciseInBrowser(browser)).toEqual(EVERYTHING)
    } finally {
      await browser.close()
    }
  })
})
