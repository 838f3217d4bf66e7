/** Lines over time as SVG, by hand; legible on light and on dark. */

export interface Series {
  readonly name: string
  /** One value for each of `times`; `undefined` leaves a gap. */
  readonly values: readonly (number | undefined)[]
}

export interface LineChart {
  readonly title: string
  /** Minutes since the beginning. */
  readonly times: readonly number[]
  readonly unit: string
  readonly series: readonly Series[]
}

const WIDTH = 760
const HEIGHT = 240
const LEFT = 64
const RIGHT = 150
const TOP = 40
const BOTTOM = 34

/** A linear scale from zero to a round number above the highest value. */
export function lineChart({ title, times, unit, series }: LineChart): string {
  const values = series.flatMap((line) => line.values.filter((value) => value !== undefined))
  const most = roundedUp(Math.max(...values, 0))
  const last = Math.max(times.at(-1) ?? 1, 1e-9)
  const x = (time: number): number => LEFT + (time / last) * (WIDTH - LEFT - RIGHT)
  const y = (value: number): number => HEIGHT - BOTTOM - (value / most) * (HEIGHT - TOP - BOTTOM)
  const grid = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const at = y(share * most).toFixed(1)
    return `<path class="grid" d="M${LEFT} ${at}H${WIDTH - RIGHT}"/><text class="figure" x="${LEFT - 8}" y="${Number(at) + 4}" text-anchor="end">${figure(share * most)}</text>`
  })
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<text class="figure" x="${x(share * last).toFixed(1)}" y="${HEIGHT - 12}" text-anchor="${share === 1 ? 'end' : 'middle'}">${figure(share * last)} min</text>`,
  )
  const places = apart(series.map((line) => y(line.values.findLast((value) => value !== undefined) ?? 0)))
  const lines = series.map((line, index) => {
    const label = `<text class="label l${index}" x="${WIDTH - RIGHT + 8}" y="${(places[index] as number).toFixed(1)}">${escaped(line.name)}</text>`
    return `<path class="line s${index}" d="${pathOf(line.values, times, x, y)}"/>${label}`
  })
  const told = series.map((line) => `${line.name} up to ${figure(Math.max(...line.values.map((value) => value ?? 0)))} ${unit}`)
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${escaped(`${title}: ${told.join('; ')}`)}">
  <style>
    text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #24292f }
    .title { font-weight: 600; font-size: 15px }
    .figure { fill: #57606a; font-size: 11px }
    .grid { stroke: #d0d7de; stroke-width: 1; fill: none }
    .line { fill: none; stroke-width: 1.8; stroke-linejoin: round }
    .s0 { stroke: #0f766e } .s1 { stroke: #9a6700 } .s2 { stroke: #6639ba }
    .l0 { fill: #0f766e } .l1 { fill: #9a6700 } .l2 { fill: #6639ba }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .figure { fill: #9da7b3 }
      .grid { stroke: #30363d }
      .s0 { stroke: #2dd4bf } .s1 { stroke: #e3b341 } .s2 { stroke: #b392f0 }
      .l0 { fill: #2dd4bf } .l1 { fill: #e3b341 } .l2 { fill: #b392f0 }
    }
  </style>
  <text class="title" x="12" y="24">${escaped(`${title} (${unit})`)}</text>
  ${[...grid, ...ticks, ...lines].join('\n  ')}
</svg>
`
}

function pathOf(
  values: Series['values'],
  times: readonly number[],
  x: (time: number) => number,
  y: (value: number) => number,
): string {
  let path = ''
  let broken = true
  for (const [index, value] of values.entries()) {
    if (value !== undefined) path += `${broken ? 'M' : 'L'}${x(times[index] as number).toFixed(1)} ${y(value).toFixed(1)}`
    broken = value === undefined
  }
  return path
}

/** Labels beside the ends of their lines, but never one on another. */
function apart(wanted: readonly number[]): number[] {
  const order = wanted.map((at, index) => ({ at, index })).sort((a, b) => a.at - b.at)
  const places: number[] = []
  let free = Number.NEGATIVE_INFINITY
  for (const { at, index } of order) {
    free = Math.max(at + 4, free + 16)
    places[index] = free
  }
  return places
}

function roundedUp(value: number): number {
  if (value <= 0) return 1
  const size = 10 ** Math.floor(Math.log10(value))
  return ([1, 2, 4, 5, 8, 10].find((step) => step * size >= value) ?? 10) * size
}

function figure(value: number): string {
  if (value >= 1000) return value.toLocaleString('en-US', { maximumFractionDigits: 0 })
  return String(Number(value.toPrecision(3)))
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
