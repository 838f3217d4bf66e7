/** Finds the line of a published package that shows why it fails, so that what the table cites is there. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { here } from '../peers.ts'
import type { Evidence } from './library.ts'

/** `lib/file.js:12`. @throws Error when the text is not there any more: then the verdict has to be looked at again. */
export function findEvidence(library: string, evidence: Evidence | undefined): string | undefined {
  if (evidence === undefined) return undefined
  const lines = readFileSync(join(here, 'node_modules', library, evidence.file), 'utf8').split('\n')
  const index = lines.findIndex((line) => line.includes(evidence.text))
  if (index < 0) throw new Error(`${library}/${evidence.file} has no line with '${evidence.text}'`)
  return `${evidence.file}:${index + 1}`
}
