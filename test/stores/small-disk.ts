/**
 * A disk of two megabytes for tests of what happens when it is full or read-only. Needs root and `mount`; elsewhere there is
 * none, and the tests that want one are skipped, by name.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface SmallDisk {
  readonly path: string
  setReadOnly(readOnly: boolean): void
  remove(): void
}

export function smallDisk(): SmallDisk | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined
  const path = mkdtempSync(join(tmpdir(), 'holdfast-disk-'))
  const run = (program: string, ...args: string[]) => void execFileSync(program, [...args, path], { stdio: 'ignore' })
  try {
    run('mount', '-t', 'tmpfs', '-o', 'size=2m', 'holdfast-test')
  } catch {
    rmSync(path, { recursive: true, force: true })
    return undefined
  }
  return {
    path,
    setReadOnly: (readOnly) => run('mount', '-o', `remount,${readOnly ? 'ro' : 'rw'}`),
    remove() {
      run('umount', '--lazy')
      rmSync(path, { recursive: true, force: true })
    },
  }
}

/** Whether this machine lets a test make one. */
export function hasSmallDisk(): boolean {
  const disk = smallDisk()
  disk?.remove()
  return disk !== undefined
}
