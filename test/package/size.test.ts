import { expect, it } from 'vitest'
import { measureSizes, sizeTable } from '../../tools/sizes.ts'

it('the entry, and each policy alone, weighs no more than its bound', async () => {
  const sizes = await measureSizes()
  console.log(sizeTable(sizes))
  expect(sizes.filter(({ gzipped, bound }) => gzipped > bound)).toEqual([])
  const whole = sizes.find(({ name }) => name === 'everything')!
  for (const size of sizes) if (size !== whole) expect(size.gzipped, `${size.name} alone is lighter`).toBeLessThan(whole.gzipped)
})
