/** A browser for tests of the dashboard and of what runs in browsers. */
import { type Browser, chromium } from 'playwright-core'
import { programPath } from './available.ts'

const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Starts Chromium without a window. The caller closes it; it also ends with this process. */
export function startChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: programPath('chromium'), headless: true, args: QUIET })
}
