/**
 * A disk of a few megabytes for tests of what happens when it is full or read-only. Needs root and `mount`; elsewhere there is
 * none, and the tests that want one are skipped, by name.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface SmallDisk {
  readonly path: string
  /** Not a byte is left, until `free`. */
  fill(): void
  free(): void
  setReadOnly(readOnly: boolean): void
  remove(): void
}

export function smallDisk(megabytes = 2): SmallDisk | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined
  const path = mkdtempSync(join(tmpdir(), 'holdfast-disk-'))
  const filler = join(path, 'filler')
  const run = (program: string, ...args: string[]) => void execFileSync(program, [...args, path], { stdio: 'ignore' })
  try {
    run('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m`, 'holdfast-test')
  } catch {
    rmSync(path, { recursive: true, force: true })
    return undefined
  }
  return {
    path,
    fill() {
      const { bavail, bsize } = statfsSync(path)
      // Others may take some of it meanwhile: what fits is written.
      try {
        writeFileSync(filler, Buffer.alloc(bavail * bsize))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      }
    },
    free: () => rmSync(filler, { force: true }),
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
