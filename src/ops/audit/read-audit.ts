/**
 * Reads an audit back, oldest line first, older files included. Lines that are torn, as a kill leaves them, are skipped.
 */
import { createReadStream, existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { HoldfastEvent } from '../../core/events.ts'
import { auditFileName } from './file-name.ts'

export type AuditLine = HoldfastEvent | { readonly type: 'audit.dropped'; readonly at: number; readonly count: number }

export async function* readAudit(path: string): AsyncGenerator<AuditLine> {
  for (const file of filesOf(path)) {
    for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
      const line = parse(text)
      if (line !== undefined) yield line
    }
  }
}

function filesOf(path: string): readonly string[] {
  const files: string[] = []
  for (let index = 0; existsSync(auditFileName(path, index)) || index === 0; index++) files.unshift(auditFileName(path, index))
  return files.filter((file) => existsSync(file))
}

function parse(text: string): AuditLine | undefined {
  try {
    const line: unknown = JSON.parse(text)
    return typeof line === 'object' && line !== null && 'type' in line ? (line as AuditLine) : undefined
  } catch {
    return undefined
  }
}
