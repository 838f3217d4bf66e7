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

/**
 * A chart with a linear scale from zero.
 *
 * @param mark a value at which a dashed line stands, such as a bare await
 */
export function barChart(title: string, bars: readonly Bar[], mark?: { readonly value: number; readonly label: string }): string {
  const height = TOP + bars.length * ROW + 12
  const most = Math.max(...bars.map(({ value }) => value))
  const space = WIDTH - LABEL - FIGURE
  const lengthOf = (value: number): number => Math.max(1.5, (value / most) * space)
  const rows = bars.map(({ label, value, text, ours }, index) => {
    const y = TOP + index * ROW
    const length = lengthOf(value)
    return [
      `<text class="label${ours ? ' ours' : ''}" x="${LABEL - 12}" y="${y + 15}" text-anchor="end">${escaped(label)}</text>`,
      `<rect class="${ours ? 'own' : 'peer'}" x="${LABEL}" y="${y + 2}" width="${length.toFixed(1)}" height="18" rx="3"/>`,
      `<text class="figure" x="${(LABEL + length + 8).toFixed(1)}" y="${y + 15}">${escaped(text)}</text>`,
    ].join('\n  ')
  })
  const line =
    mark === undefined
      ? ''
      : `\n  <line class="mark" x1="${(LABEL + (mark.value / most) * space).toFixed(1)}" x2="${(LABEL + (mark.value / most) * space).toFixed(1)}" y1="${TOP - 4}" y2="${height - 10}"><title>${escaped(mark.label)}</title></line>`
  const told = bars.map(({ label, text }) => `${label}: ${text}`).join('; ')
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(`${title}. ${told}`)}">
  <style>
    text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #24292f }
    .title { font-weight: 600; font-size: 15px }
    .ours { font-weight: 600 }
    .figure { fill: #57606a }
    .own { fill: #0f766e }
    .peer { fill: #a8b1bb }
    .mark { stroke: #57606a; stroke-dasharray: 3 3 }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .figure { fill: #9da7b3 }
      .own { fill: #2dd4bf }
      .peer { fill: #57606a }
      .mark { stroke: #9da7b3 }
    }
  </style>
  <text class="title" x="12" y="24">${escaped(title)}</text>
  ${rows.join('\n  ')}${line}
</svg>
`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
