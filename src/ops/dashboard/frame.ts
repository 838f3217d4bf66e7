/** What every page has around it. */

import { mark } from './drawing.ts'
import type { Content, Markup } from './html.ts'
import { html } from './html.ts'

export interface FrameOptions {
  readonly title: string
  readonly version: string
  /** Epoch ms: the page's script corrects its clock by it. */
  readonly now: number
  readonly main: Content
  /** Listens to events and keeps the page up to date. */
  readonly live: boolean
  /** Sections that are not always there. Default: none. */
  readonly sections?: readonly { readonly id: string; readonly name: string }[]
}

export function frame({ title, version, now, main, live, sections = [] }: FrameOptions): Markup {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="/assets/holdfast.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/holdfast.css">
<script src="/assets/holdfast.js" defer></script>
</head>
<body data-now="${now}"${live ? html` data-live-page="yes"` : ''}>
<a class="skip" href="#main">Skip to content</a>
<header class="bar">
<a class="brand" href="/">${mark}<span>Holdfast</span></a>
${
  live
    ? html`<nav aria-label="Sections"><a href="/#targets">Targets</a><a href="/#jobs">Jobs</a><a href="/#dead-letters">Dead letters</a>${sections.map(({ id, name }) => html`<a href="${`/#${id}`}">${name}</a>`)}</nav>
<p class="connection" id="connection" role="status" data-state="off"><span class="dot" aria-hidden="true"></span><span class="word">Not live</span></p>`
    : ''
}
</header>
<main id="main" tabindex="-1">${main}</main>
<footer><p>Holdfast ${version}</p><p><a href="/v1/status">Status as JSON</a> <a href="/metrics">Metrics</a> <a href="/health">Health</a></p></footer>
<p class="hidden" id="announcement" role="status" aria-live="polite"></p>
<div class="toast" id="toast" role="status" aria-live="polite"></div>
<dialog id="confirm" aria-labelledby="confirm-text"><form method="dialog"><p id="confirm-text"></p>
<menu><button value="no" autofocus>Keep it as it is</button><button value="yes" class="primary" id="confirm-yes">Yes</button></menu></form></dialog>
</body>
</html>`
}
