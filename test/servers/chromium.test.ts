import { describe, expect, it } from 'vitest'
import { missing } from './available.ts'
import { startChromium } from './chromium.ts'

describe.skipIf(missing('chromium'))('Chromium for tests', () => {
  it('starts, shows a page, and ends', async () => {
    const browser = await startChromium()
    const page = await browser.newPage()
    await page.setContent('<title>Holdfast</title>')
    expect(await page.title()).toBe('Holdfast')
    await browser.close()
    expect(browser.isConnected()).toBe(false)
  })
})
