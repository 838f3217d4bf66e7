import { spawn } from 'node:child_process'
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { HoldfastEvent } from '../../core/events.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import { auditLog } from './audit-log.ts'
import type { AuditLine } from './read-audit.ts'
import { readAudit } from './read-audit.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-audit-'))
  path = join(folder, 'log', 'audit.jsonl')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const event = (attempt: number, message = 'refused'): HoldfastEvent => ({
  type: 'retry.scheduled',
  at: attempt,
  operation: 'goto',
  attempt,
  elapsedMs: 12,
  delayMs: 200,
  error: { name: 'TypeError', message },
})

async function read(): Promise<AuditLine[]> {
  const lines: AuditLine[] = []
  for await (const line of readAudit(path)) lines.push(line)
  return lines
}

describe('the audit', () => {
  // R: X4, X6, U5
  it('has a line for every retry: operation, attempt, elapsed, next delay, error class', async () => {
    const audit = auditLog({ path })
    audit.listen(event(1))
    audit.listen({ type: 'circuit-breaker.changed', at: 2, target: 't', from: 'closed', to: 'open', reason: '5 failures' })
    await audit.close()
    expect(await read()).toEqual([
      event(1),
      { type: 'circuit-breaker.changed', at: 2, target: 't', from: 'closed', to: 'open', reason: '5 failures' },
    ])
  })

  it('is for its owner alone, and holds no secret', async () => {
    const audit = auditLog({ path })
    audit.listen(event(1, 'GET https://user:hunter2@a.example/?token=abc failed'))
    await audit.close()
    expect(statSync(path).mode & 0o777).toBe(0o600)
    const text = readFileSync(path, 'utf8')
    expect(text).toContain('user:[redacted]@a.example/?token=[redacted]')
    expect(text).not.toMatch(/hunter2|abc/)
  })

  // W: 16
  // R: X10
  it('rotates by size with whole lines in order, and keeps so many files', async () => {
    const audit = auditLog({ path, maxBytes: 4096, maxFiles: 3 })
    for (let i = 1; i <= 400; i++) {
      audit.listen(event(i))
      if (i % 10 === 0) await audit.flush()
    }
    await audit.close()
    expect(readdirSync(join(folder, 'log')).sort()).toEqual(['audit.jsonl', 'audit.jsonl.1', 'audit.jsonl.2'])
    const lines = await read()
    const attempts = lines.map((line) => line.at)
    expect(attempts).toEqual(Array.from(attempts, (_, i) => 400 - attempts.length + 1 + i))
    expect(attempts.length).toBeGreaterThan(30)
    for (const name of readdirSync(join(folder, 'log'))) expect(statSync(join(folder, 'log', name)).size).toBeLessThan(8192)
  })

  // W: 16
  it('skips a torn last line when read, and goes on after it on a line of its own', async () => {
    const first = auditLog({ path })
    first.listen(event(1))
    await first.close()
    appendFileSync(path, '{"type":"retry.sch')
    expect(await read()).toEqual([event(1)])
    const second = auditLog({ path })
    second.listen(event(2))
    await second.close()
    expect(await read()).toEqual([event(1), event(2)])
  })

  // W: 16
  it('loses nothing when the process ends by an uncaught error', async () => {
    const program = `
      import { auditLog } from ${JSON.stringify(new URL('./audit-log.ts', import.meta.url).href)}
      const audit = auditLog({ path: ${JSON.stringify(path)} })
      for (let at = 1; at <= 500; at++) audit.listen({ type: 'target.released', at })
      throw new Error('the end')
    `
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'ignore' })
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(1)
    const seen = new Set((await read()).map(({ at }) => at))
    expect(seen.size).toBe(500)
  })

  it('keeps lines while the disk refuses, reports once, and writes them when it takes them again', async () => {
    const clock = new VirtualClock()
    const errors: string[] = []
    const audit = auditLog({ path, clock, onError: (error) => errors.push(error.message) })
    // A file where the folder was: nothing can be opened below it.
    rmSync(join(folder, 'log'), { recursive: true })
    writeFileSync(join(folder, 'log'), '')
    audit.listen(event(1))
    await expect.poll(() => errors.length).toBe(1)
    audit.listen(event(2))
    rmSync(join(folder, 'log'))
    await clock.advance(5000)
    await audit.flush()
    await audit.close()
    expect(await read()).toEqual([event(1), event(2)])
    expect(errors).toHaveLength(1)
  })

  it('drops what exceeds its memory, and says how much', async () => {
    const audit = auditLog({ path, maxBytes: 100_000_000 })
    const message = 'x'.repeat(1_000_000)
    for (let i = 1; i <= 20; i++) audit.listen(event(i, message))
    expect(audit.dropped).toBeGreaterThan(5)
    await audit.flush()
    audit.listen(event(99))
    await audit.close()
    const lines = await read()
    expect(lines.at(-2)).toMatchObject({ type: 'audit.dropped', count: audit.dropped })
    expect(lines.at(-1)).toEqual(event(99))
  })

  it('refuses options that it does not know or cannot keep', () => {
    expect(() => auditLog({ path, maxByte: 1 } as never)).toThrow(/Did you mean|is not an option/)
    expect(() => auditLog({ path: '' })).toThrow(/non-empty/)
    expect(() => auditLog({ path, maxFiles: 1 })).toThrow(/audit.maxFiles/)
  })
})
