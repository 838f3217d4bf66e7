/** A thin bar: how much of something. Decoration only, the number stands beside it. */
import type { Markup } from './html.ts'
import { constantMarkup } from './html.ts'

export function meter(value: number, limit: number): Markup {
  const width = limit <= 0 ? 0 : Math.round(Math.min(1, Math.max(0, value / limit)) * 100)
  return constantMarkup(
    `<svg class="meter" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="4"/><rect class="fill" width="${width}" height="4"/></svg>`,
  )
}
