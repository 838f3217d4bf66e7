/**
 * What tests get for `vitest` while they judge mutants: its own `expect` and `vi`, and a runner that keeps everything loaded, so
 * that one mutant after the other can be tried in milliseconds.
 */
export { assertType, chai, expect, expectTypeOf, vi } from 'vitest'
export { afterEach, beforeEach, describe, it, test } from './kept-tests.ts'
