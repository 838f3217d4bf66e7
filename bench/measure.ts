/**
 * Measures one contender in a process of its own, which has loaded no other library: what the engine learns of one is not held
 * against another. A bare `await` is measured between its samples, in a loop of its own, as the yardstick of that moment.
 *
 *     node --expose-gc bench/measure.ts time|memory|spin SUITE FILE [VARIANT] [--samples N] [--sample-ms N] [--ms N]
 *
 * Prints one line of JSON.
 */
import { PerformanceObserver } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { answer, type Contender, type Contenders } from './contenders/contender.ts'
import { median, medianDeviation } from './statistics.ts'
import { suites } from './suites.ts'

export interface Timing {
  /** ns per call, sample by sample. */
  readonly ns: readonly number[]
  /** The same of a bare await, taken in between. */
  readonly bareNs: readonly number[]
  /** Collections of garbage for a million calls, and the ms they took. */
  readonly collections: number
  readonly collectionMs: number
}

export interface Memory {
  /** Bytes of heap that a call leaves behind for the collector, less those of a bare await. */
  readonly bytesPerCall: number
  readonly bytesDeviation: number
  /** Bytes that a key holds, with what belongs to it outside of the heap. */
  readonly bytesPerKey?: number
  /** ns for the first call of a key. */
  readonly firstNs?: number
}

type Loop = (call: (key: string) => unknown, times: number, keys: readonly string[]) => Promise<unknown>

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    samples: { type: 'string', default: '15' },
    'sample-ms': { type: 'string', default: '12' },
    ms: { type: 'string', default: '4000' },
  },
})
const [mode = '', suiteId = '', file = '', variant = ''] = positionals
const suite = suites.find(({ id }) => id === suiteId)
if (suite === undefined) throw new Error(`there is no suite '${suiteId}'`)
const { contenders } = (await import(`./contenders/${file}.ts`)) as { contenders: Contenders }
const make = contenders[variant === '' ? suiteId : `${suiteId}/${variant}`]
if (make === undefined) throw new Error(`${file} takes no part in '${suiteId}' as '${variant}'`)

const keys = shuffled(Array.from({ length: suite.keys ?? 1 }, (_, index) => `user:${index}`))
const down = new Error('the target is down')
const contender = await make()
const bare: Contender = contender.refuses ? { call: () => Promise.reject(down), refuses: true } : { call: answer }
const loop = loopFor(contender, 'contender')
const bareLoop = loopFor(bare, 'bare')

if (mode === 'spin') await run(loop, contender, Number(values.ms))
else console.log(JSON.stringify(mode === 'time' ? await time() : await memory()))
process.exit(0)

/** A loop whose source is its own, so that its call site sees one callee alone. */
function loopFor({ refuses, plain }: Contender, name: string): Loop {
  const call = suite!.keys === undefined ? 'call("")' : 'call(keys[index++ & mask])'
  const one = plain
    ? `last = ${call}`
    : refuses
      ? `try { last = await ${call} } catch (error) { last = error }`
      : `last = await ${call}`
  // Each sample goes on where the last one ended: the first keys alone would stay in the processor's cache.
  const setUp = `let index = 0; const mask = ${2 ** Math.floor(Math.log2(keys.length)) - 1};`
  const body = `let last; for (let i = 0; i < times; i++) { ${one} } return last`
  // oxlint-disable-next-line typescript/no-implied-eval -- the loops of two contenders must not share one call site
  return new Function(`${setUp} return async function ${name}(call, times, keys) { ${body} }`)() as Loop
}

async function time(): Promise<Timing> {
  await touchKeys()
  const sampleMs = Number(values['sample-ms'])
  const times = await warmUp(loop, contender, sampleMs)
  const bareTimes = await warmUp(bareLoop, bare, sampleMs)
  const garbage = watchGarbage()
  const ns: number[] = []
  const bareNs: number[] = []
  for (let sample = 0; sample < Number(values.samples); sample++) {
    bareNs.push(await sampleOf(bareLoop, bare, bareTimes))
    garbage.begin()
    ns.push(await sampleOf(loop, contender, times))
    garbage.end()
  }
  const { count, ms } = await garbage.total()
  const million = 1_000_000 / (times * ns.length)
  return { ns, bareNs, collections: count * million, collectionMs: ms * million }
}

/** Runs until the engine has settled, and answers how many calls make a sample. */
async function warmUp(loop: Loop, { call }: Contender, sampleMs: number): Promise<number> {
  let times = 4
  let spent = 0
  for (;;) {
    const started = performance.now()
    await loop(call, times, keys)
    const ms = performance.now() - started
    spent += ms
    if (ms < sampleMs / 2) times *= 2
    else if (spent > 12 * sampleMs) return Math.max(1, Math.round((times * sampleMs) / ms))
  }
}

async function sampleOf(loop: Loop, { call }: Contender, times: number): Promise<number> {
  const started = performance.now()
  await loop(call, times, keys)
  return ((performance.now() - started) * 1e6) / times
}

async function run(loop: Loop, { call }: Contender, ms: number): Promise<void> {
  await touchKeys()
  const end = performance.now() + ms
  while (performance.now() < end) await loop(call, 500, keys)
}

async function touchKeys(): Promise<number> {
  if (suite!.keys === undefined) return 0
  const started = performance.now()
  for (const key of keys) await contender.call(key)
  return ((performance.now() - started) * 1e6) / keys.length
}

/** Keeps what was collected while a sample ran; entries come some turns of the event loop later. */
function watchGarbage() {
  const windows: [from: number, to: number][] = []
  const entries: { startTime: number; duration: number }[] = []
  const observer = new PerformanceObserver((list) => entries.push(...list.getEntries()))
  observer.observe({ entryTypes: ['gc'] })
  return {
    begin: () => windows.push([performance.now(), Number.POSITIVE_INFINITY]),
    end() {
      windows.at(-1)![1] = performance.now()
    },
    async total() {
      await new Promise((resolve) => setTimeout(resolve, 10))
      const own = entries.filter(({ startTime }) => windows.some(([from, to]) => startTime >= from && startTime <= to))
      return { count: own.length, ms: own.reduce((sum, { duration }) => sum + duration, 0) }
    },
  }
}

async function memory(): Promise<Memory> {
  const perKey = await memoryOfKeys()
  const times = await warmUp(loop, contender, 15)
  const bareTimes = await warmUp(bareLoop, bare, 15)
  const bytes = await bytesOf(loop, contender, times)
  // What is not awaited has no promise of the loop's own in it.
  const bareBytes = contender.plain ? 0 : median(await bytesOf(bareLoop, bare, bareTimes))
  return {
    bytesPerCall: Math.max(0, median(bytes) - bareBytes),
    bytesDeviation: medianDeviation(bytes),
    ...perKey,
  }
}

/** The nursery is made large enough for a run, so that nothing is collected while it is counted. */
async function bytesOf(loop: Loop, { call }: Contender, most: number): Promise<number[]> {
  const bytes: number[] = []
  // With a million keys one collection takes a second.
  const rounds = keys.length > 100_000 ? 3 : 7
  let times = Math.min(200, most)
  for (let round = 0; round < rounds; round++) {
    collect()
    const before = process.memoryUsage().heapUsed
    await loop(call, times, keys)
    const used = process.memoryUsage().heapUsed - before
    // The first round only finds out how many calls fill a part of the nursery.
    if (round === 0) times = Math.min(most, 20_000, Math.max(times, Math.floor(8e6 / Math.max(used / times, 1))))
    else bytes.push(used / times)
  }
  return bytes
}

async function memoryOfKeys(): Promise<Partial<Memory>> {
  if (suite!.keys === undefined) return {}
  const held = (): number => {
    collect()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
  const before = held()
  const firstNs = await touchKeys()
  // What was left to settle is gone after a turn of the event loop.
  await new Promise((resolve) => setTimeout(resolve, 20))
  return { bytesPerKey: (held() - before) / keys.length, firstNs }
}

function collect(): void {
  const { gc } = globalThis as { gc?: () => void }
  if (gc === undefined) throw new Error('needs --expose-gc')
  gc()
}

/** In an order that no cache can foresee, and the same in every run. */
function shuffled(list: string[]): string[] {
  let state = 12_345
  for (let index = list.length - 1; index > 0; index--) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    const other = state % (index + 1)
    ;[list[index], list[other]] = [list[other]!, list[index]!]
  }
  return list
}
