/** Asks for the token. */
import type { Markup } from './html.ts'
import { html } from './html.ts'

export function loginPage(wrong: boolean): Markup {
  return html`<section class="login" aria-labelledby="login-title"><h1 id="login-title">Sign in</h1>
<form id="login"><label for="token">Token</label><input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button type="submit" class="primary">Show the dashboard</button><p id="login-error" role="alert">${wrong ? 'That token is wrong.' : ''}</p></form>
<p class="quiet">It is the value of <code>HOLDFAST_TOKEN</code> that this server was started with.</p>
<noscript><p>Signing in needs JavaScript. Programs send <code>Authorization: Bearer TOKEN</code>.</p></noscript></section>`
}

/**
 * Goes on to the dashboard by itself. Not a redirect: after a link from elsewhere a redirect would still count as coming
 * from there, and a strict cookie would not be sent.
 */
export function signedInPage(): Markup {
  return html`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Signed in</title><meta http-equiv="refresh" content="0;url=/"></head><body><p>Signed in. <a href="/">Go on to the dashboard</a></p></body></html>`
}
