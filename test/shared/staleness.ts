/** How old what a process knows of another may be, between two real processes. */
import { join } from 'node:path'
import { type Running, start } from '../stores/processes.ts'

export const SCRIPT = join(import.meta.dirname, 'target-process.ts')

/** How long after one process opened each of so many targets the other held it, in ms, sorted. */
export async function staleness(place: string, targets: number): Promise<readonly number[]> {
  const listener = start(SCRIPT, place, 'listener', String(targets))
  await listener.said(1)
  const opener = start(SCRIPT, place, 'opener', String(targets))
  await Promise.all([opener.said(targets), listener.said(1 + targets)])
  const openedAt = timesOf(opener)
  const heldAt = timesOf(listener)
  return [...openedAt].map(([name, at]) => (heldAt.get(name) ?? Number.NaN) - at).sort((a, b) => a - b)
}

function timesOf({ lines }: Running): ReadonlyMap<string, number> {
  const opened = lines.map((line) => line.split(' ')).filter(([, state]) => state === 'open')
  return new Map(opened.map(([name = '', , at]) => [name, Number(at)]))
}
