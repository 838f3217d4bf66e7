import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { readReport } from './test-report.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-report-'))
afterAll(() => rmSync(folder, { recursive: true }))

it('counts tests by what became of them, and a file that did not load as a failure', () => {
  const path = join(folder, 'report.json')
  const test = (status: string, fullName = 'a b') => ({ status, fullName })
  const testResults = [
    {
      name: '/r/src/a.test.ts',
      status: 'failed',
      assertionResults: [test('passed'), test('failed'), test('pending', 'c d'), test('todo', 'e')],
    },
    { name: '/r/src/b.test.ts', status: 'failed', assertionResults: [] },
  ]
  writeFileSync(path, JSON.stringify({ testResults }))
  expect(readReport(path, '/r')).toEqual({ passed: 1, failed: 2, skipped: ['src/a.test.ts: c d', 'src/a.test.ts: e'], files: 2 })
})

it('takes a missing report for a failure', () => {
  expect(readReport(join(folder, 'none.json'), '/r')).toEqual({ passed: 0, failed: 1, skipped: [], files: 0 })
})
