/**
 * The page's script, served as it is. It keeps times going, fetches the page anew when something happens and swaps the parts
 * that changed, and sends what buttons ask for. The server's markup is the only source of what is shown.
 */
export const CLIENT_SCRIPT = `'use strict'
{
  const body = document.body
  let skew = Number(body.dataset.now) - Date.now()
  const now = () => Date.now() + skew
  const byId = (id) => document.getElementById(id)

  const span = (ms) => {
    const seconds = Math.max(1, Math.ceil(ms / 1000))
    if (seconds < 100) return seconds + ' s'
    if (seconds < 5400) return Math.round(seconds / 60) + ' min'
    if (seconds < 129600) return Math.round(seconds / 3600) + ' h'
    return Math.round(seconds / 86400) + ' d'
  }
  const clockTime = (at) => {
    const date = new Date(at)
    const time = date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
    return date.toDateString() === new Date(now()).toDateString() ? time : date.toLocaleDateString() + ' ' + time
  }
  const put = (element, text) => { if (element.textContent !== text) element.textContent = text }
  const tick = () => {
    for (const element of document.querySelectorAll('time[data-until]')) {
      const rest = Number(element.dataset.until) - now()
      put(element, rest <= 0 ? 'now' : 'in ' + span(rest))
    }
    for (const element of document.querySelectorAll('time[data-ago]')) {
      const passed = now() - Number(element.dataset.ago)
      put(element, passed < 5000 ? 'just now' : span(passed) + ' ago')
    }
    for (const element of document.querySelectorAll('time[data-at]')) put(element, clockTime(Number(element.dataset.at)))
  }

  // What is compared is the server's own markup, not the live one, in which the clock has already moved.
  const served = new Map()
  const remember = (root) => { for (const part of root.querySelectorAll('[data-live][id]')) served.set(part.id, part.innerHTML) }
  const swap = (fresh) => {
    const focused = document.activeElement?.id
    for (const part of fresh.querySelectorAll('[data-live][id]')) {
      const shown = byId(part.id)
      if (!shown || served.get(part.id) === part.innerHTML) continue
      served.set(part.id, part.innerHTML)
      shown.innerHTML = part.innerHTML
      shown.className = part.className
    }
    if (focused && document.activeElement?.id !== focused) byId(focused)?.focus({ preventScroll: true })
    // Said to screen readers when, and only when, the sentence on how things stand changes.
    if (document.title !== fresh.title) put(byId('announcement'), fresh.title)
    document.title = fresh.title
  }

  let timer
  let fetching = false
  let last = 0
  const refresh = async () => {
    timer = undefined
    if (fetching) return refreshSoon()
    fetching = true
    try {
      const response = await fetch(location.href, { headers: { accept: 'text/html' } })
      if (response.status === 401) return location.reload()
      const fresh = new DOMParser().parseFromString(await response.text(), 'text/html')
      if (fresh.body.dataset.now) skew = Number(fresh.body.dataset.now) - Date.now()
      if (!byId('confirm').open) swap(fresh)
      tick()
    } catch {} finally {
      fetching = false
      last = Date.now()
    }
  }
  const refreshSoon = () => {
    if (document.hidden) return
    timer ??= setTimeout(refresh, Math.max(100, last + 1000 - Date.now()))
  }

  const connect = () => {
    const sign = byId('connection')
    const say = (state, word) => { sign.dataset.state = state; put(sign.querySelector('.word'), word) }
    const events = new EventSource('/v1/events')
    events.addEventListener('hello', () => { say('live', 'Live'); refreshSoon() })
    events.addEventListener('lost', refreshSoon)
    events.addEventListener('message', refreshSoon)
    events.addEventListener('error', () => {
      say('off', 'Reconnecting')
      if (events.readyState === EventSource.CLOSED) { setTimeout(connect, 5000) }
    })
    addEventListener('pagehide', () => events.close(), { once: true })
  }

  const toast = (text, bad) => {
    const element = byId('toast')
    element.className = bad ? 'toast bad' : 'toast'
    element.textContent = text
    clearTimeout(toast.timer)
    toast.timer = setTimeout(() => { element.textContent = '' }, bad ? 10000 : 4000)
  }
  const confirmed = (button) => new Promise((resolve) => {
    if (!button.dataset.confirm) return resolve(true)
    const dialog = byId('confirm')
    byId('confirm-text').textContent = button.dataset.confirm
    byId('confirm-yes').textContent = button.textContent
    dialog.returnValue = 'no'
    dialog.addEventListener('close', () => { resolve(dialog.returnValue === 'yes'); byId(button.id)?.focus() }, { once: true })
    dialog.showModal()
  })
  const send = (path, json) => fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: json })
  const doneText = async (response, label) => {
    const answer = await response.json().catch(() => ({}))
    if (!response.ok) return answer.error?.message ?? 'It did not work: ' + response.status
    return typeof answer.count === 'number' ? label + ': ' + answer.count + (answer.count === 1 ? ' job' : ' jobs') : label + ': done'
  }
  document.addEventListener('click', async (click) => {
    const button = click.target.closest?.('button[data-call]')
    if (!button || !(await confirmed(button))) return
    button.disabled = true
    try {
      const response = await send(button.dataset.call, button.dataset.body ?? '{}')
      toast(await doneText(response, button.textContent), !response.ok)
    } catch { toast('The server does not answer.', true) }
    button.disabled = false
    await refresh()
  })
  byId('login')?.addEventListener('submit', async (submit) => {
    submit.preventDefault()
    const response = await send('/session', JSON.stringify({ token: byId('token').value }))
    if (response.ok) location.replace('/')
    else byId('login-error').textContent = await doneText(response, '')
  })

  remember(document)
  tick()
  setInterval(tick, 1000)
  if (body.dataset.livePage) {
    connect()
    setInterval(refreshSoon, 10000)
    document.addEventListener('visibilitychange', refreshSoon)
  }
}
`
