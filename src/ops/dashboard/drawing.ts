/** The page's one drawing: kelp on its rock, and a sea that is as calm as the system. Decoration only. */
import type { Health } from '../source.ts'
import type { Markup } from './html.ts'
import { constantMarkup } from './html.ts'

const WIDTH = 1440
const SEA: Readonly<Record<Health, { readonly height: number; readonly length: number }>> = {
  healthy: { height: 5, length: 360 },
  degraded: { height: 13, length: 240 },
  unhealthy: { height: 24, length: 160 },
}

/** One line of waves, filled to the bottom. */
function wave(level: number, height: number, length: number, shift: number): string {
  let path = `M${-length + shift} ${level}`
  for (let x = -length + shift; x < WIDTH + length; x += length)
    path += `q${length / 4} ${-height} ${length / 2} 0t${length / 2} 0`
  return `${path}V200H${-length}Z`
}

/** Three stems that rise from the bottom of the sea, at the right. */
const KELP_FOREST = `<svg class="forest" viewBox="0 0 220 260" aria-hidden="true" focusable="false">${[
  stem(58, 62, 9),
  stem(118, 8, 12),
  stem(170, 88, 8),
].join('')}</svg>`

function stem(x: number, top: number, leaves: number): string {
  const step = (250 - top) / (leaves + 1)
  let path = `<path class="stalk" d="M${x} 262C${x - 26} ${190 + top / 4} ${x + 26} ${120 + top / 2} ${x} ${top}"/>`
  for (let i = 1; i <= leaves; i++) {
    const y = 250 - i * step
    // Where the stalk's curve is at this height, near enough for a leaf to touch it.
    const lean = x + Math.sin(((y - top) / (256 - top)) * Math.PI * 2) * 7.5
    const side = i % 2 === 0 ? 1 : -1
    const size = 10 + 20 * Math.sin((i / (leaves + 1)) * Math.PI)
    path += `<path d="M${r(lean)} ${r(y)}q${r(side * size * 0.4)} ${r(-size * 0.75)} ${r(side * size)} ${r(-size * 0.6)}q${r(-side * size * 0.25)} ${r(size * 0.7)} ${r(-side * size)} ${r(size * 0.6)}z"/>`
  }
  return path
}

function r(value: number): number {
  return Math.round(value * 10) / 10
}

export function sea(health: Health): Markup {
  const { height, length } = SEA[health]
  return constantMarkup(
    `<svg class="sea" viewBox="0 0 ${WIDTH} 150" preserveAspectRatio="none" aria-hidden="true" focusable="false">` +
      `<path class="far" d="${wave(42, height * 0.7, length * 1.3, 60)}"/>` +
      `<path class="mid" d="${wave(58, height, length, 0)}"/>` +
      `<path class="near" d="${wave(80, height * 0.6, length * 0.8, 110)}"/></svg>${KELP_FOREST}`,
  )
}

const KELP_PATHS =
  '<path class="rock" d="M6 60c4-9 11-13 20-13 5 0 8 2 12 2 9 0 15 4 20 11z"/>' +
  '<path class="root" d="M32 49c-4 1-9 4-12 8M32 49c-1 3-3 6-3 10M32 49c2 3 4 6 5 10M32 49c5 1 9 4 12 8"/>' +
  '<path class="stem" d="M32 50c-3-10 4-14 1-24s-1-15 3-22"/>' +
  '<path class="leaf" d="M33 38c-8 1-14-3-17-9 8-1 14 2 17 9zM34 28c7 0 12-4 15-10-8 0-13 3-15 10zM32 20c-6-1-10-5-11-11 7 1 10 5 11 11z"/>'

/** The mark in the header. */
export const mark: Markup = constantMarkup(
  `<svg class="mark" viewBox="0 0 64 64" aria-hidden="true" focusable="false">${KELP_PATHS}</svg>`,
)

/** The same for the browser's tab, with its colours inside. */
export const FAVICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><style>.rock{fill:#5b6b6a}.root,.stem{fill:none;stroke:#0e6660;' +
  'stroke-width:3.5;stroke-linecap:round}.leaf{fill:#1b8a7d}@media(prefers-color-scheme:dark){.root,.stem{stroke:#6fd0c2}' +
  `.leaf{fill:#4fb8aa}.rock{fill:#8a9b99}}</style>${KELP_PATHS}</svg>`

const SHAPES = {
  ok: '<circle cx="8" cy="8" r="5.5"/>',
  down: '<rect x="2.5" y="2.5" width="11" height="11" rx="1.5"/>',
  probing:
    '<circle cx="8" cy="8" r="5.2" fill="none" stroke="currentColor" stroke-width="2"/><path d="M8 2.8a5.2 5.2 0 0 1 0 10.4z"/>',
  paused: '<path d="M3.5 2.5h3v11h-3zM9.5 2.5h3v11h-3z"/>',
  isolated: '<path d="m4 2 4 4 4-4 2 2-4 4 4 4-2 2-4-4-4 4-2-2 4-4-4-4z"/>',
  waiting: '<path d="M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zm0 2.2a3.8 3.8 0 1 1 0 7.6 3.8 3.8 0 0 1 0-7.6z"/>',
  running: '<path d="M4 2.5v11l9-5.5z"/>',
  dead: '<path d="M8 1.5 15 14H1zM7.2 6v4h1.6V6zm0 5v1.6h1.6V11z" fill-rule="evenodd"/>',
  done: '<path d="m6.4 12.6-4-4 1.7-1.7 2.3 2.3 5.5-5.5 1.7 1.7z"/>',
  none: '<path d="M3 7h10v2H3z"/>',
} as const

export type Shape = keyof typeof SHAPES

/** A sign with a shape of its own, so that nothing is told by colour alone. Words always stand beside it. */
export function sign(shape: Shape): Markup {
  return constantMarkup(`<svg class="sign" viewBox="0 0 16 16" aria-hidden="true" focusable="false">${SHAPES[shape]}</svg>`)
}
