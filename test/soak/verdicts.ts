/** What a soak must show: nothing lost, and nothing that grows. */
import type { Sample, SoakResult } from './soak-run.ts'

export interface Verdict {
  readonly what: string
  readonly holds: boolean
  /** The figures that it rests on. */
  readonly figures: string
}

export interface Bounds {
  /** Jobs a second, and how many finished ones are kept. */
  readonly rate: number
  readonly keep: number
}

const MIB = 1024 * 1024
const LARGEST_WAL_MIB = 64

/** Compares the last third of the samples with the middle one: the first is for filling up. */
export function verdictsOf({ samples, totals }: SoakResult, { rate, keep }: Bounds): Verdict[] {
  const third = Math.floor(samples.length / 3)
  const [middle, last] = [samples.slice(third, 2 * third), samples.slice(2 * third)]
  const { accepted, succeeded, discarded, lettersLeft, left, refusals } = totals
  // What collections leave behind is what a leak would raise; the rest is the collector's to take and to give back.
  const heap = { before: least(middle, ({ heapBytes }) => heapBytes), after: least(last, ({ heapBytes }) => heapBytes) }
  const peak = { before: most(middle, ({ rssBytes }) => rssBytes), after: most(last, ({ rssBytes }) => rssBytes) }
  const bytes = growth(middle, last, (sample) => sample.bytes)
  const rows = most(samples, (sample) => sample.jobs)
  // What is kept, what waits for its time, and what ends between two rounds of pruning.
  const rowsAllowed = keep + 30 * rate + 12_000
  const wal = most(samples, ({ walBytes }) => walBytes ?? 0) / MIB
  // A server's log is the server's.
  const hasWal = samples.some(({ walBytes }) => walBytes !== undefined)
  return [
    {
      what: 'every accepted job succeeded, or is a dead letter',
      holds: left === 0 && accepted === succeeded + discarded + lettersLeft,
      figures: `${accepted} accepted = ${succeeded} succeeded + ${discarded} given up + ${lettersLeft} dead letters; ${left} left`,
    },
    { what: 'no enqueue was refused', holds: refusals === 0, figures: `${refusals} refusals` },
    {
      what: 'memory does not grow',
      holds: heap.after < 1.15 * heap.before && peak.after < 1.25 * peak.before,
      figures: `heap at its lowest ${mib(heap.before)} → ${mib(heap.after)}, resident at its highest ${mib(peak.before)} → ${mib(peak.after)} (middle and last third)`,
    },
    {
      what: 'the store does not grow',
      holds: bytes.ratio < 1.1,
      figures: `${mib(bytes.before)} → ${mib(bytes.after)} (means of the middle and the last third), at most ${mib(most(samples, (sample) => sample.bytes))}`,
    },
    { what: 'the tables are bounded', holds: rows <= rowsAllowed, figures: `at most ${rows} jobs, ${rowsAllowed} allowed` },
    ...(hasWal
      ? [
          {
            what: `the write-ahead log stays below ${LARGEST_WAL_MIB} MiB`,
            holds: wal <= LARGEST_WAL_MIB,
            figures: `at most ${wal.toFixed(1)} MiB`,
          },
        ]
      : []),
  ]
}

function most(samples: readonly Sample[], of: (sample: Sample) => number): number {
  return Math.max(...samples.map(of))
}

function least(samples: readonly Sample[], of: (sample: Sample) => number): number {
  return Math.min(...samples.map(of))
}

function growth(before: readonly Sample[], after: readonly Sample[], of: (sample: Sample) => number) {
  const mean = (of_: readonly Sample[]): number => of_.reduce((sum, sample) => sum + of(sample), 0) / Math.max(1, of_.length)
  const [first, second] = [mean(before), mean(after)]
  return { before: first, after: second, ratio: first === 0 ? 1 : second / first }
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(bytes < 10 * MIB ? 2 : 0)} MiB`
}
