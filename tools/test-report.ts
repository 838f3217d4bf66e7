/** Reads what vitest's JSON reporter wrote. */
import { existsSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'

export interface TestReport {
  readonly passed: number
  /** Tests that failed, and files that could not be loaded. */
  readonly failed: number
  /** Full names of tests that did not run, with their file. */
  readonly skipped: readonly string[]
  readonly files: number
}

interface Written {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
  }[]
}

/** Counts a report. A report that is not there counts as one failure: the runner itself did not come to its end. */
export function readReport(path: string, root: string): TestReport {
  if (!existsSync(path)) return { passed: 0, failed: 1, skipped: [], files: 0 }
  const { testResults } = JSON.parse(readFileSync(path, 'utf8')) as Written
  const tests = testResults.flatMap((file) => file.assertionResults.map((test) => ({ ...test, file: relative(root, file.name) })))
  const failedTests = tests.filter(({ status }) => status === 'failed').length
  const failedFiles = testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed'),
  ).length
  return {
    passed: tests.filter(({ status }) => status === 'passed').length,
    failed: failedTests + failedFiles,
    skipped: tests
      .filter(({ status }) => status !== 'passed' && status !== 'failed')
      .map(({ file, fullName }) => `${file}: ${fullName}`),
    files: testResults.length,
  }
}
