/** Starts the processes of a measurement, lets them begin together, and adds up what they tell. */
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import type { Message, Task } from './process.ts'
import type { Entry } from './systems.ts'

export interface Member {
  readonly ready: Promise<void>
  readonly messages: (listener: (message: Message) => void) => void
  readonly ended: Promise<void>
  go(): void
  stop(): void
}

export function start(role: 'prepare' | 'send' | 'work', entry: Entry, place: string, task: Task = {}): Member {
  const child: ChildProcess = fork(join(import.meta.dirname, 'process.ts'), [role, entry.id, place, JSON.stringify(task)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const listeners: ((message: Message) => void)[] = []
  child.on('message', (message: Message) => {
    for (const listener of listeners) listener(message)
  })
  const ready = new Promise<void>((resolve, reject) => {
    listeners.push((message) => (message.type === 'ready' || message.type === 'done') && resolve())
    child.once('exit', (code) => reject(new Error(`${entry.id}: a process to ${role} ended early with ${code}`)))
  })
  ready.catch(() => {})
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  // A worker may wait for its next poll before it ends; what it would say no more matters.
  const kill = (): void => void setTimeout(() => child.kill('SIGKILL'), 3000).unref()
  return {
    ready,
    ended,
    messages: (listener) => listeners.push(listener),
    go: () => child.connected && child.send('go'),
    stop: () => {
      if (child.connected) child.send('stop')
      kill()
    },
  }
}

export async function prepare(entry: Entry, place: string): Promise<void> {
  await start('prepare', entry, place).ended
}

/** Answers how long it took, in ms. */
export async function send(entry: Entry, place: string, task: Task): Promise<number> {
  const sender = start('send', entry, place, task)
  const sent = sentBy(sender)
  await sender.ready
  sender.go()
  const ms = await sent
  await sender.ended
  return ms
}

export function sentBy(sender: Member): Promise<number> {
  return new Promise((resolve, reject) => {
    sender.messages((message) => message.type === 'sent' && resolve(message.ms))
    void sender.ended.then(() => reject(new Error('a sender ended before it had sent everything')))
  })
}

export interface Worked {
  /** From the start of the first job after the warm-up to the start of the last one. */
  readonly ms: number
  readonly count: number
  /** How long each job waited from being sent to its start, when asked for. */
  readonly latencies: readonly number[]
}

export interface Working extends Task {
  readonly processes: number
  /** Jobs to wait for, those of the warm-up included. */
  readonly count: number
  /** Runs once the workers have begun. */
  readonly meanwhile?: () => Promise<unknown>
  readonly limitMs?: number
}

/** Lets so many processes work until `count` jobs have started. Undefined when that took longer than the limit. */
export async function work(entry: Entry, place: string, working: Working): Promise<Worked | undefined> {
  const { processes, count, meanwhile, limitMs = 120_000, ...task } = working
  const crew = Array.from({ length: processes }, () => start('work', entry, place, task))
  await Promise.all(crew.map(({ ready }) => ready))
  const latest = new Map<Member, Extract<Message, { type: 'worked' }>>()
  const latencies: number[] = []
  const done = (): number => [...latest.values()].reduce((sum, one) => sum + one.count, 0)
  const all = new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), limitMs)
    for (const member of crew)
      member.messages((message) => {
        if (message.type !== 'worked') return
        latest.set(member, message)
        latencies.push(...message.latencies)
        if (done() < count) return
        clearTimeout(timer)
        resolve(true)
      })
  })
  for (const member of crew) member.go()
  await meanwhile?.()
  const finished = await all
  for (const member of crew) member.stop()
  await Promise.all(crew.map(({ ended }) => ended))
  if (!finished) return undefined
  const counted = [...latest.values()].filter(({ first }) => first > 0)
  const warmUp = task.warmUp ?? 0
  const ms = Math.max(...counted.map(({ last }) => last)) - Math.min(...counted.map(({ first }) => first))
  return { ms, count: counted.reduce((sum, one) => sum + one.count - warmUp, 0), latencies }
}
