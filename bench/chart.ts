/** Bars as SVG, by hand: one per contender, with its figure beside it; legible on light and on dark. */

export interface Bar {
  readonly label: string
  readonly value: number
  /** What is written beside the bar. */
  readonly text: string
  readonly ours: boolean
}

const WIDTH = 760
const LABEL = 210
const FIGURE = 150
const ROW = 30
const TOP = 44

/** One bar that is so many times longer than all others is cut, so that the others can be told apart. */
const CUT_FROM = 20

/** A chart with a linear scale from zero. */
export function barChart(title: string, bars: readonly Bar[]): string {
  const height = TOP + bars.length * ROW + 12
  const [longest = 0, next = longest] = bars.map(({ value }) => value).toSorted((a, b) => b - a)
  const most = longest > CUT_FROM * next ? 1.6 * next : longest
  const space = WIDTH - LABEL - FIGURE
  const rows = bars.map(({ label, value, text, ours }, index) => {
    const y = TOP + index * ROW
    const length = Math.min(space, Math.max(1.5, (value / most) * space))
    const cut = value > most ? `<path class="cut" d="M${LABEL + space - 60} ${y + 22}l8 -22h8l-8 22z"/>` : ''
    return [
      `<text class="label${ours ? ' ours' : ''}" x="${LABEL - 12}" y="${y + 15}" text-anchor="end">${escaped(label)}</text>`,
      `<rect class="${ours ? 'own' : 'peer'}" x="${LABEL}" y="${y + 2}" width="${length.toFixed(1)}" height="18" rx="3"/>${cut}`,
      `<text class="figure" x="${(LABEL + length + 8).toFixed(1)}" y="${y + 15}">${escaped(text)}</text>`,
    ].join('\n  ')
  })
  const told = bars.map(({ label, text }) => `${label}: ${text}`).join('; ')
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(`${title}. ${told}`)}">
  <style>
    text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #24292f }
    .title { font-weight: 600; font-size: 15px }
    .ours { font-weight: 600 }
    .figure { fill: #57606a }
    .own { fill: #0f766e }
    .peer { fill: #a8b1bb }
    .cut { fill: #ffffff }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .figure { fill: #9da7b3 }
      .own { fill: #2dd4bf }
      .peer { fill: #57606a }
      .cut { fill: #0d1117 }
    }
  </style>
  <text class="title" x="12" y="24">${escaped(title)}</text>
  ${rows.join('\n  ')}
</svg>
`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
