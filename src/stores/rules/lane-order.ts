import type { ReadyLane } from '../../work/store.ts'

/** Lanes as they are answered: highest priority first, then the one that has waited longest. */
export function inLaneOrder(lanes: ReadyLane[]): ReadyLane[] {
  return lanes.sort(
    (a, b) => b.priority - a.priority || a.runAt - b.runAt || compareText(a.kind, b.kind) || compareText(a.target, b.target),
  )
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
