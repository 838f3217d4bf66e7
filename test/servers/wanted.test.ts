import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it, vi } from 'vitest'
import { howToHave, isAvailable, missing, ownServer } from './available.ts'
import { prepareServers } from './install.ts'
import { wantedServers } from './wanted.ts'

const root = mkdtempSync(join(tmpdir(), 'holdfast-wanted-'))
afterEach(() => vi.unstubAllEnvs())

it('wants the servers that tests import, and no others', () => {
  mkdirSync(join(root, 'test'))
  writeFileSync(join(root, 'test/a.test.ts'), "import { startRedis } from './servers/redis.ts'\nimport { Redis } from 'ioredis'")
  writeFileSync(join(root, 'test/b.test.ts'), "// import { startKafka } from './servers/kafka.ts'")
  expect(wantedServers(root)).toEqual(['redis'])
  rmSync(root, { recursive: true })
})

it('takes a server of the developer for installed', () => {
  vi.stubEnv('HOLDFAST_TEST_KAFKA', 'broker:9092')
  expect(isAvailable('kafka')).toBe(true)
  expect(ownServer('kafka')).toBe('broker:9092')
  expect(prepareServers(['kafka'], () => {})).toEqual([{ name: 'kafka' }])
})

it('says what is missing and how to have it, when it may not install', () => {
  vi.stubEnv('PATH', '')
  vi.stubEnv('HOLDFAST_TEST_CHROMIUM', '/nowhere')
  vi.stubEnv('HOLDFAST_TEST_INSTALL', '0')
  const said: string[] = []
  const [chromium] = prepareServers(['chromium'], (line) => said.push(line))
  expect(chromium!.lack).toBe(`${howToHave('chromium')} (HOLDFAST_TEST_INSTALL=0 forbids to install it)`)
  expect(chromium!.lack).toContain('apt-get install chromium')
  expect(said).toEqual([])
})

it('skips where a program is missing, but never in CI', () => {
  vi.stubEnv('HOLDFAST_TEST_CHROMIUM', '/nowhere')
  vi.stubEnv('CI', '')
  expect(missing('chromium')).toBe(true)
  vi.stubEnv('CI', 'true')
  expect(missing('chromium')).toBe(false)
})
