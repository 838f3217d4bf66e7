/** A file system of a few megabytes that can be filled and made read-only: needs root and Linux. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** Why there can be none here; undefined when there can. */
export function lackOfDisks(): string | undefined {
  if (process.platform !== 'linux') return `a small disk needs tmpfs, which ${process.platform} does not have`
  if (process.getuid?.() !== 0) return 'a small disk needs root to mount one'
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-mount-'))
  try {
    mount('-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder)
    execFileSync('umount', [folder], { stdio: 'pipe' })
    return undefined
  } catch (error) {
    return `a small disk cannot be mounted here: ${(error as Error).message.split('\n').at(-1)}`
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export class SmallDisk {
  readonly folder: string

  /** Mounts it in a new folder; gone when the test ends. */
  constructor(folder: string, kibibytes: number) {
    this.folder = folder
    mkdirSync(folder)
    mount('-t', 'tmpfs', '-o', `size=${kibibytes}k`, 'tmpfs', folder)
    onTestFinished(() => void execFileSync('umount', ['--lazy', folder], { stdio: 'pipe' }))
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.folder)
    return bavail * bsize
  }

  /** Not a byte is left. */
  fill(): void {
    writeFileSync(join(this.folder, 'filler'), Buffer.alloc(this.freeBytes))
  }

  free(): void {
    rmSync(join(this.folder, 'filler'))
  }

  /** False when Linux refuses because files are open for writing. */
  makeReadOnly(): boolean {
    try {
      mount('-o', 'remount,ro', this.folder)
      return true
    } catch (error) {
      if (/busy/.test(String((error as { stderr?: unknown }).stderr))) return false
      throw error
    }
  }

  makeWritable(): void {
    mount('-o', 'remount,rw', this.folder)
  }
}

function mount(...args: readonly string[]): void {
  execFileSync('mount', args, { stdio: 'pipe' })
}
