/** The dashboard's pages, its assets and its login. */
import type { Clock } from '../../core/clock.ts'
import type { DeadLetter } from '../../work/job.ts'
import { JOB_STATES } from '../../work/job.ts'
import type { JobFilter } from '../../work/store.ts'
import { redact } from '../redact.ts'
import { demandSameOrigin } from '../server/access.ts'
import { ApiError, asApiError } from '../server/api-error.ts'
import { readJson } from '../server/body.ts'
import type { ApiContext, Route } from '../server/env.ts'
import { checkObject, checkQuery, checkText, pathParam, queryOneOf, queryText } from '../server/fields.ts'
import type { Sessions } from '../server/sessions.ts'
import type { OpsSource, Status } from '../source.ts'
import { batchSection } from './batch-section.ts'
import { CLIENT_SCRIPT } from './client-script.ts'
import { deadLetterSection } from './dead-letter-section.ts'
import { FAVICON } from './drawing.ts'
import type { FrameOptions } from './frame.ts'
import { frame } from './frame.ts'
import { headlineSection, headlineText } from './headline-section.ts'
import type { Markup } from './html.ts'
import { html } from './html.ts'
import { jobPage } from './job-page.ts'
import { jobSection } from './job-section.ts'
import { loginPage, signedInPage } from './login-page.ts'
import { operationSection } from './operation-section.ts'
import { scheduleSection } from './schedule-section.ts'
import { STYLE } from './style.ts'
import { targetSection } from './target-section.ts'

export interface DashboardOptions {
  readonly source: OpsSource
  readonly clock: Clock
  readonly version: string
  /** Present when a token is set. */
  readonly sessions?: Sessions | undefined
  readonly isTrusted: (c: ApiContext) => boolean
}

const PAGE_SIZE = 25

export function dashboardRoutes(options: DashboardOptions): readonly Route[] {
  const { sessions } = options
  const page = (path: string, answer: Route['answer']): Route => ({
    method: 'GET',
    path,
    // Who lacks the token gets the login instead; who is not of this machine gets the refusal.
    access: sessions === undefined ? 'read' : 'open',
    answer: (c) => (options.isTrusted(c) ? answer(c) : askToSignIn(c, options, false)),
  })
  const asset = (name: string, type: string, content: string): Route => ({
    method: 'GET',
    path: `/assets/${name}`,
    access: 'open',
    answer: (c) => c.body(content, 200, { 'content-type': type, 'cache-control': 'no-cache' }),
  })
  return [
    { ...page('/', (c) => mainPage(c, options)), answer: (c) => firstPage(c, options) },
    page('/jobs/:id', (c) => jobAnswer(c, options)),
    asset('holdfast.css', 'text/css; charset=utf-8', STYLE),
    asset('holdfast.js', 'text/javascript; charset=utf-8', CLIENT_SCRIPT),
    asset('holdfast.svg', 'image/svg+xml', FAVICON),
    { method: 'POST', path: '/session', access: 'open', answer: (c) => signIn(c, sessions) },
  ]
}

/** `/?token=…` signs in once; the token does not stay in the address. */
function firstPage(c: ApiContext, options: DashboardOptions): Response | Promise<Response> {
  const shown = c.req.query('token')
  if (options.sessions !== undefined && shown !== undefined) {
    const cookie = options.sessions.open(shown, isSecure(c))
    if (cookie === undefined) return askToSignIn(c, options, true)
    return c.html(signedInPage().toString(), 200, { 'set-cookie': cookie })
  }
  return options.isTrusted(c) ? mainPage(c, options) : askToSignIn(c, options, false)
}

async function signIn(c: ApiContext, sessions: Sessions | undefined): Promise<Response> {
  demandSameOrigin(c)
  const where = { code: 'ERR_BODY' }
  const body = checkObject(await readJson(c, 4096), ['token'], where)
  const cookie = sessions?.open(checkText(body.token, 'token', 1000, where), isSecure(c))
  if (cookie === undefined) throw new ApiError(401, 'ERR_UNAUTHORIZED', 'That token is wrong.')
  return c.json({ ok: true }, 200, { 'set-cookie': cookie })
}

function isSecure(c: ApiContext): boolean {
  return c.req.url.startsWith('https:') || c.req.header('x-forwarded-proto') === 'https'
}

function askToSignIn(c: ApiContext, { version, clock }: DashboardOptions, wrong: boolean): Response {
  return answerPage(c, { title: 'Sign in · Holdfast', version, now: clock.wallNow(), main: loginPage(wrong), live: false }, 401)
}

async function mainPage(c: ApiContext, options: DashboardOptions): Promise<Response> {
  const filter = readFilter(c)
  try {
    return await renderMain(c, options, filter)
  } catch (error) {
    if (asApiError(error).status !== 503) throw error
    return answerPage(c, { ...frameOf(options), title: 'No answer · Holdfast', main: blind(asApiError(error).message) }, 503)
  }
}

async function renderMain(c: ApiContext, options: DashboardOptions, filter: JobFilter): Promise<Response> {
  const { source, sessions } = options
  const found = await Promise.all([source.status(), source.jobs(filter), openLetters(source), source.deadLetterStats()])
  const [status, page, letters, stats] = redact(found) as typeof found
  const { now } = status
  const total = status.deadLetters.pending + status.deadLetters.exhausted
  const targets = status.targets.map(({ name }) => name)
  const main = [
    headlineSection(status),
    targetSection(status),
    jobSection({ page, filter, targets, now, origin: new URL(c.req.url).origin, needsToken: sessions !== undefined }),
    deadLetterSection({ letters, total, stats, now }),
    batchSection(status),
    scheduleSection(status),
    operationSection(status),
  ]
  return answerPage(c, {
    ...frameOf(options),
    now,
    title: `${headlineText(status)} · Holdfast`,
    main,
    sections: sectionsOf(status),
  })
}

function sectionsOf({ batches, schedules }: Status): FrameOptions['sections'] {
  return [
    ...(batches.length > 0 ? [{ id: 'batches', name: 'Batches' }] : []),
    ...(schedules.length > 0 ? [{ id: 'schedules', name: 'Schedules' }] : []),
  ]
}

async function openLetters(source: OpsSource): Promise<readonly DeadLetter[]> {
  const pages = await Promise.all(
    (['exhausted', 'pending'] as const).map((status) => source.deadLetters({ status, limit: PAGE_SIZE })),
  )
  return pages.flatMap(({ items }) => items).slice(0, PAGE_SIZE)
}

function readFilter(c: ApiContext): JobFilter {
  const query = checkQuery(c, ['state', 'kind', 'target', 'batch', 'cursor'])
  return {
    state: queryOneOf(query.state, 'state', JOB_STATES),
    kind: queryText(query.kind, 'kind'),
    target: queryText(query.target, 'target'),
    batch: queryText(query.batch, 'batch'),
    cursor: queryText(query.cursor, 'cursor'),
    limit: PAGE_SIZE,
  }
}

async function jobAnswer(c: ApiContext, options: DashboardOptions): Promise<Response> {
  const raw = await options.source.job(pathParam(c, 'id'))
  if (raw === undefined) return answerPage(c, { ...frameOf(options), title: 'No such job · Holdfast', main: noSuchJob() }, 404)
  const job = redact(raw) as typeof raw
  const now = options.clock.wallNow()
  return answerPage(c, { ...frameOf(options), now, title: `${job.kind} ${job.state} · Holdfast`, main: jobPage(job, now) })
}

function frameOf({ version, clock }: DashboardOptions): { version: string; now: number; live: boolean } {
  return { version, now: clock.wallNow(), live: true }
}

function noSuchJob(): Markup {
  return html`<article class="job"><h1>There is no such job</h1><p>It may have been pruned: finished jobs are kept for a while only. <a href="/#jobs">All jobs</a></p></article>`
}

function blind(message: string): Markup {
  return html`<section class="hero unhealthy" id="headline" data-live><div class="hero-text"><p class="overall">Unhealthy</p><h1>The store is not answering</h1><p class="sub">${message} This page looks again by itself.</p></div></section>`
}

function answerPage(c: ApiContext, options: FrameOptions, status: 200 | 401 | 404 | 503 = 200): Response {
  return c.html(frame(options).toString(), status)
}
