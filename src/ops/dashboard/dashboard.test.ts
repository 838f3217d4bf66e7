import { existsSync } from 'node:fs'
import type { Browser, Page } from 'playwright-core'
import { chromium } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { HoldfastError } from '../../core/errors.ts'
import { createApi } from '../server/api.ts'
import type { RunningServer } from '../server/start-server.ts'
import { startServer } from '../server/start-server.ts'
import type { OpsSource } from '../source.ts'
import type { DemoSource, DemoState } from '../testing/demo-source.ts'
import { calm, demoSource, empty, stormy } from '../testing/demo-source.ts'
import { batchSection } from './batch-section.ts'
import { html } from './html.ts'
import { agoText, countText, inText, latencyText } from './moments.ts'
import { operationSection } from './operation-section.ts'
import { scheduleSection } from './schedule-section.ts'
import { targetSection } from './target-section.ts'
import { troublesOf } from './troubles.ts'

let running: RunningServer[] = []
afterEach(async () => {
  await Promise.all(running.map((server) => server.close(200)))
  running = []
})

interface Stage {
  readonly url: string
  readonly source: DemoSource
  readonly get: (path: string) => Promise<string>
}

async function stage(state?: DemoState, overrides: Partial<OpsSource> = {}, token?: string): Promise<Stage> {
  const source = demoSource(Date.now(), overrides, state)
  const server = await startServer({ app: createApi({ source, clock: systemClock, version: '1.2.3', token }), port: 0 })
  running.push(server)
  return { url: server.url, source, get: async (path) => (await fetch(server.url + path)).text() }
}

const HOSTILE = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>`

/** Everything that comes from outside, made hostile. */
function hostile(): DemoState {
  const state = stormy(Date.now())
  const error = { name: HOSTILE, message: HOSTILE }
  state.jobs = state.jobs.map((job) => ({
    ...job,
    id: `${HOSTILE}${job.id}`,
    kind: HOSTILE,
    target: HOSTILE,
    payload: { [HOSTILE]: HOSTILE },
    result: HOSTILE,
    idempotencyKey: HOSTILE,
    worker: HOSTILE,
    heldReason: HOSTILE,
    lastError: error,
    history: [{ at: 1, event: HOSTILE, attempt: 1, reason: HOSTILE, error, worker: HOSTILE }],
  }))
  state.letters = state.letters.map((letter) => ({
    ...letter,
    id: `${HOSTILE}${letter.id}`,
    kind: HOSTILE,
    target: HOSTILE,
    error,
  }))
  state.targets = state.targets.map((target) => ({
    ...target,
    name: HOSTILE + target.name,
    heldReason: HOSTILE,
    lastError: { ...error, at: 1 },
  }))
  state.status = {
    ...state.status,
    reasons: [{ check: HOSTILE, status: 'degraded', message: HOSTILE, since: 1 }],
    store: { name: HOSTILE, description: HOSTILE, ok: false, message: HOSTILE },
    operations: state.status.operations.map((operation) => ({ ...operation, operation: HOSTILE })),
    schedules: state.status.schedules.map((one) => ({ ...one, name: HOSTILE + one.name, kind: HOSTILE, lastJob: HOSTILE })),
    batches: state.status.batches.map((one) => ({ ...one, id: HOSTILE + one.id, callback: HOSTILE, callbackKind: HOSTILE })),
  }
  return state
}

describe('html', () => {
  it('escapes what is put in, and only that', () => {
    expect(html`<b title="${`a"b`}">${'<i>'}${html`<u>${'&'}</u>`}${[1, "'"]}${undefined}${false}</b>`.toString()).toBe(
      '<b title="a&quot;b">&lt;i&gt;<u>&amp;</u>1&#39;</b>',
    )
  })
})

describe('the batches', () => {
  it('say how far they are, since when, and what follows; without one there is nothing', () => {
    const now = Date.now()
    const { status } = stormy(now)
    const text = String(batchSection(status))
    for (const part of [
      '1,880 of 5,000 ended, <span class="bad">18 dead</span>',
      'When all have ended, report follows.',
      '1 job waits for a person: retry or cancel it. Nothing follows.',
      'href="/?batch=import-2026-11#jobs"',
      '240 of 240 ended, 2 cancelled',
      '; then publish <a class="id" href="/jobs/01JD8Z6Q4T9M7W3X5A8"',
      `data-ago="${now - 21 * 60_000}"`,
    ])
      expect(text).toContain(part)
    expect(String(batchSection({ ...status, batches: [] }))).not.toContain('<section')
  })
})

describe('the schedules', () => {
  it('say when they come next, and can be paused, resumed and run', () => {
    const now = Date.now()
    const text = String(scheduleSection(stormy(now).status))
    expect(text).toContain(`data-until="${now + 10_000}"`)
    expect(text).toContain('every 30s')
    expect(text).toContain('0 3 * * * Europe/Berlin')
    expect(text).toContain('paused until resumed')
    for (const call of ['feed/pause', 'feed/run', 'report/resume']) expect(text).toContain(`data-call="/v1/schedules/${call}"`)
    expect(text).not.toContain('/v1/schedules/report/pause')
    expect(String(scheduleSection({ ...stormy(now).status, schedules: [] }))).not.toContain('<section')
  })
})

describe('words', () => {
  it('are short and exact', () => {
    expect([inText(-1), inText(12_000), inText(240_000), agoText(1000), agoText(7_200_000)]).toEqual([
      'now',
      'in 12\u00a0s',
      'in 4\u00a0min',
      'just now',
      '2\u00a0h ago',
    ])
    expect([countText(1_234_567), latencyText(1.26), latencyText(42), latencyText(1849)]).toEqual([
      '1,234,567',
      '1.3 ms',
      '42 ms',
      '1.8 s',
    ])
  })

  // R: R12
  it('tell what is wrong, since when, what is held because of it and what happens next', () => {
    const now = Date.now()
    const [first] = troublesOf({ ...stormy(now).status, targets: stormy(now).targets })
    expect(first).toMatchObject({ what: 'https://api.example.com is not answering', since: now - 23 * 60_000, held: '412 jobs' })
    expect(String(first?.next)).toContain(`data-until="${now + 12_000}"`)
    expect(troublesOf(stormy(now).status)).toContainEqual(
      expect.objectContaining({ what: '1 job is set aside', severity: 'note' }),
    )
    expect(troublesOf(calm(now).status)).toEqual([])
  })

  it('tell how many calls are in flight where there is no limit, and leave out times of what was not called', () => {
    const { status, targets } = calm(Date.now())
    const open = targets.map((target) => ({ ...target, bulkhead: { inFlight: 3, limit: 0, queued: 0 } }))
    expect(String(targetSection({ ...status, targets: open }))).toContain('<dd>3, not limited</dd>')
    const [operation] = status.operations
    const uncalled = String(operationSection({ ...status, operations: [{ ...operation!, count: 0 }] }))
    expect(uncalled).toContain('http <span class="quiet">jobs</span>')
    expect(uncalled).toContain('<td data-label="p95" class="number">–</td>')
  })

  it('lead to the sections that are there', async () => {
    const { get } = await stage()
    expect(await get('/')).toMatch(/id="dead-letter-summary">The oldest came .* Why: /s)
    expect(await get('/')).toContain('<a href="/#batches">Batches</a><a href="/#schedules">Schedules</a></nav>')
    const state = calm(Date.now())
    const { get: bare } = await stage({ ...state, status: { ...state.status, batches: [], schedules: [] } })
    expect(await bare('/')).toContain('<a href="/#dead-letters">Dead letters</a></nav>')
  })
})

describe('the page', () => {
  it('says in words that all is well', async () => {
    const { get } = await stage(calm(Date.now()))
    const page = await get('/')
    expect(page).toContain('All targets are answering</h1>')
    expect(page).toContain('3 jobs running, 12 waiting, nothing held.')
  })

  it('shows what to try when nothing has happened yet', async () => {
    const { get, url } = await stage(empty(Date.now()))
    expect(await get('/')).toContain(`curl ${url}/v1/jobs`)
  })

  it('says which target does not answer when it is one', async () => {
    const state = stormy(Date.now())
    state.targets = state.targets.slice(0, 1)
    const { get } = await stage(state)
    const page = await get('/')
    expect(page).toMatch(/https:\/\/api\.example\.com is not answering since <time/)
    expect(page).toContain('found by 2 of 3 processes')
  })

  it('filters jobs, and refuses filters that are none', async () => {
    const { get, source, url } = await stage()
    await get('/?state=dead&kind=http&target=')
    expect(source.calls).toContainEqual([
      'jobs',
      { state: 'dead', kind: 'http', target: undefined, cursor: undefined, limit: 25 },
    ])
    expect((await fetch(`${url}/?state=gone`)).status).toBe(400)
  })

  it('shows no secret of a payload, and no job that is not there', async () => {
    const { get, source, url } = await stage()
    const page = await get(`/jobs/${source.state.jobs[0]?.id}`)
    expect(page).toContain('[redacted]')
    expect(page).not.toContain('sk-live')
    expect((await fetch(`${url}/jobs/nobody`)).status).toBe(404)
  })

  it('has no markup but its own, whatever comes from outside', async () => {
    const state = hostile()
    const { get } = await stage(state)
    for (const path of ['/', `/jobs/${encodeURIComponent(state.jobs[0]?.id as string)}`]) {
      const page = await get(path)
      expect(page).toContain('&lt;script&gt;alert(1)')
      expect(page).not.toMatch(/<script>|<img/)
    }
  })

  it('goes on when the store does not', async () => {
    const status = async (): Promise<never> => {
      throw new HoldfastError('disk full', { code: 'ERR_STORE_UNAVAILABLE' })
    }
    const { get } = await stage(undefined, { status })
    expect(await get('/')).toContain('The store is not answering')
  })
})

const CHROMIUM = process.env.HOLDFAST_TEST_CHROMIUM ?? '/usr/bin/chromium'

describe.skipIf(!existsSync(CHROMIUM))('the page in a real browser', () => {
  let browser: Browser
  beforeAll(async () => {
    const args = [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ]
    browser = await chromium.launch({ executablePath: CHROMIUM, args })
  }, 30_000)
  afterAll(() => browser?.close())
  // A page that outlives its server would only report that.
  afterEach(() => Promise.all(browser.contexts().map((context) => context.close())))

  const troubles: string[] = []
  async function open(url: string, width = 1440): Promise<Page> {
    troubles.length = 0
    const page = await browser.newPage({ viewport: { width, height: 900 } })
    page.on('pageerror', (error) => troubles.push(String(error)))
    page.on('console', (message) => message.type() === 'error' && troubles.push(message.text()))
    page.on('dialog', (dialog) => troubles.push(dialog.message()))
    await page.goto(url)
    return page
  }

  it('fits on a phone and on a desk, in its own policy, without an error', async () => {
    const { url } = await stage()
    for (const width of [375, 1440]) {
      const page = await open(url, width)
      await page.waitForSelector('[data-state=live]')
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0)
      expect(troubles).toEqual([])
      await page.close()
    }
  })

  it('counts down to the next probe', async () => {
    const { url } = await stage()
    const page = await open(url)
    const rest = (): Promise<string> => page.locator('.sub time').innerText()
    const before = await rest()
    expect(before).toMatch(/^in \d+\ss$/)
    await expect.poll(rest, { timeout: 4000 }).not.toBe(before)
    await page.close()
  })

  it('follows what happens, and keeps the focus', async () => {
    const { url, source } = await stage()
    const page = await open(url)
    await page.waitForSelector('[data-state=live]')
    await page.locator('button', { hasText: 'Redrive all' }).focus()
    const well = calm(Date.now())
    source.state.targets = well.targets
    source.state.status = { ...well.status, deadLetters: source.state.status.deadLetters }
    source.bus.emit({
      type: 'circuit-breaker.changed',
      at: Date.now(),
      target: 'x',
      from: 'half-open',
      to: 'closed',
      reason: 'probe',
    })
    await expect.poll(() => page.locator('.card').count(), { timeout: 5000 }).toBe(3)
    expect(await page.evaluate('document.activeElement.id')).toBe('redrive all')
    expect(await page.locator('#announcement').innerText()).toContain('failed for good')
    await page.close()
  })

  it('asks before it isolates, and then does', async () => {
    const { url, source } = await stage()
    const page = await open(url)
    const isolate = page.getByRole('group', { name: 'Actions for database' }).getByText('Isolate')
    await isolate.click()
    await page.getByRole('button', { name: 'Keep it as it is' }).click()
    expect(source.calls.some(([name]) => name === 'isolate')).toBe(false)
    await isolate.click()
    await page.getByRole('dialog').getByText('Isolate', { exact: true }).click()
    await expect.poll(() => source.calls.some(([name, target]) => name === 'isolate' && target === 'database')).toBe(true)
    await expect.poll(() => page.locator('#toast').innerText()).toBe('Isolate: done')
    await page.close()
  })

  it('runs no script that came from outside', async () => {
    const state = hostile()
    const { url } = await stage(state)
    for (const path of ['/', `/jobs/${encodeURIComponent(state.jobs[0]?.id as string)}`]) {
      const page = await open(url + path)
      await page.waitForSelector('[data-state=live]')
      expect(await page.locator('main img, main script').count()).toBe(0)
      expect(troubles).toEqual([])
      await page.close()
    }
  })

  it('signs in by its form, and then listens and acts with the session', async () => {
    const { url, source } = await stage(undefined, {}, 'correct-horse')
    const page = await open(url)
    await page.getByLabel('Token').fill('wrong')
    await page.getByRole('button').click()
    await expect.poll(() => page.locator('#login-error').innerText()).toBe('That token is wrong.')
    await page.getByLabel('Token').fill('correct-horse')
    await page.getByRole('button').click()
    await page.waitForSelector('[data-state=live]')
    await page.getByRole('group', { name: 'Actions for peer:ab12' }).getByText('Resume').click()
    await expect.poll(() => source.calls.some(([name]) => name === 'resume')).toBe(true)
    await page.close()
  })

  it('signs in by a link', async () => {
    const { url } = await stage(undefined, {}, 'correct-horse')
    const page = await open(`${url}/?token=correct-horse`)
    await page.waitForSelector('[data-state=live]')
    expect(page.url()).toBe(`${url}/`)
    await page.close()
  })
})
