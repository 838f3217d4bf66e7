/** A judge as its parent sees it: a process that answers, falls silent or dies. */
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { projectEnvironment } from '../project.ts'
import type { Order } from './judge.ts'

const SILENCE_MS = 8_000

export class JudgeProcess {
  readonly #child: ChildProcess

  constructor() {
    this.#child = fork(join(import.meta.dirname, 'judge.ts'), {
      env: projectEnvironment(),
      execArgv: ['--max-old-space-size=1500'],
      // What tests print while a mutant is active is of no use to anybody.
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      serialization: 'advanced',
    })
  }

  /** The answer, or `silent` when none came: the process is then gone. */
  ask<A>(order: Order, patienceMs: number = SILENCE_MS): Promise<A | 'silent'> {
    return new Promise((resolve) => {
      let watch: NodeJS.Timeout
      const end = (answer: A | 'silent'): void => {
        clearTimeout(watch)
        this.#child.off('message', hear).off('exit', gone)
        if (answer === 'silent') this.stop()
        resolve(answer)
      }
      const wait = (): void => {
        clearTimeout(watch)
        watch = setTimeout(() => end('silent'), patienceMs)
      }
      const gone = (): void => end('silent')
      const hear = (message: unknown): void => ((message as { kind?: string }).kind === 'breath' ? wait() : end(message as A))
      this.#child.on('message', hear).on('exit', gone)
      wait()
      this.#child.send(order, (error) => error === null || end('silent'))
    })
  }

  stop(): void {
    this.#child.kill('SIGKILL')
  }
}
