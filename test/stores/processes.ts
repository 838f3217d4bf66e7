/** Processes of a test, whose lines it reads, and which do not outlive it. */
import { spawn } from 'node:child_process'

export interface Running {
  readonly lines: string[]
  /** Resolves once so many lines were said. */
  said(count: number): Promise<void>
  readonly ended: Promise<number | null>
  kill(): void
}

const children = new Set<ReturnType<typeof spawn>>()

export function start(script: string, ...args: string[]): Running {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.add(child)
  const lines: string[] = []
  const waiting: (() => void)[] = []
  let rest = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop() as string
    lines.push(...parts)
    for (const wake of waiting) wake()
  })
  const ended = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)))
  return {
    lines,
    said: (count) =>
      new Promise((resolve, reject) => {
        const look = () => lines.length >= count && resolve()
        waiting.push(look)
        look()
        void ended.then(() => reject(new Error(`ended after ${lines.length} lines`)))
      }),
    ended,
    kill: () => void child.kill('SIGKILL'),
  }
}

export function killAll(): void {
  for (const child of children) child.kill('SIGKILL')
  children.clear()
}
