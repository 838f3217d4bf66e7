import { afterEach, describe, expect, it } from 'vitest'
import { seededRandom } from '../../core/random.ts'
import { VirtualClock } from '../../testing/virtual-clock.ts'
import type { DemoSource } from '../testing/demo-source.ts'
import { demoSource } from '../testing/demo-source.ts'
import type { Metrics, MetricsOptions } from './metrics.ts'
import { createMetrics } from './metrics.ts'
import { OperationBook } from './operation-book.ts'

let open: Metrics[] = []
afterEach(() => {
  for (const metrics of open) metrics.close()
  open = []
})

function stage(options: Partial<MetricsOptions> = {}): { source: DemoSource; metrics: Metrics } {
  const source = demoSource(Date.now())
  const metrics = createMetrics({ source, process: false, ...options })
  open.push(metrics)
  return { source, metrics }
}

const error = { name: 'TypeError', message: 'refused' }

describe('metrics', () => {
  // R: X10, R12, U9
  it('count retries by operation and target, and measure calls', async () => {
    const { source, metrics } = stage()
    const where = { at: 1, operation: 'goto', target: 'web' }
    source.bus.emit({ ...where, type: 'retry.scheduled', attempt: 1, elapsedMs: 1, delayMs: 2, error })
    source.bus.emit({ ...where, type: 'retry.scheduled', attempt: 2, elapsedMs: 1, delayMs: 2, error })
    source.bus.emit({ ...where, type: 'execution.succeeded', durationMs: 42, attempts: 3 })
    const text = await metrics.text()
    expect(text).toContain('holdfast_retries_total{operation="goto",target="web"} 2')
    expect(text).toContain('holdfast_call_duration_ms_bucket{le="50",operation="goto",target="web",outcome="success"} 1')
    expect(text).toContain('holdfast_call_duration_ms_sum{operation="goto",target="web",outcome="success"} 42')
  })

  it('count batches that were sent and that ended', async () => {
    const { source, metrics } = stage()
    source.bus.emit({ type: 'batch.enqueued', at: 1, batch: 'b', total: 2 })
    source.bus.emit({ type: 'batch.ended', at: 1, batch: 'b', total: 2, succeeded: 2, dead: 0, cancelled: 0 })
    expect(await metrics.text()).toMatch(/batch_events_total\{event="enqueued"\} 1\n.*batch_events_total\{event="ended"\} 1/)
  })

  // R: X10, R11
  it('show breakers, jobs, held work and dead letters as they are when scraped', async () => {
    const { source, metrics } = stage()
    const first = await metrics.text()
    for (const line of [
      'holdfast_circuit_state{target="https://api.example.com"} 2',
      'holdfast_circuit_state{target="ai_service"} 1',
      'holdfast_circuit_state{target="database"} 0',
      'holdfast_jobs{state="running"} 8',
      'holdfast_jobs_held 454',
      'holdfast_dead_letters{status="exhausted"} 2',
      'holdfast_health 1',
      'holdfast_store_up{store="sqlite"} 1',
      'holdfast_shared_state_up{store="sqlite"} 1',
      'holdfast_processes 3',
      'holdfast_circuit_opened_by{target="https://api.example.com"} 2',
    ])
      expect(first).toContain(line)
    source.state.targets = []
    expect(await metrics.text()).not.toContain('holdfast_circuit_state{')
  })

  it('count rejections by policy, and jobs by event', async () => {
    const { source, metrics } = stage()
    source.bus.emit({ type: 'circuit-breaker.rejected', at: 1, target: 't' })
    source.bus.emit({ type: 'rate-limiter.rejected', at: 1, target: 't', retryAfterMs: 5 })
    source.bus.emit({ type: 'job.succeeded', at: 1, kind: 'http', attempt: 1, durationMs: 12 })
    source.bus.emit({ type: 'job.dead', at: 1, kind: 'http', attempt: 3, cause: 'attempts', error })
    const text = await metrics.text()
    expect(text).toContain('holdfast_rejections_total{policy="circuit-breaker",target="t"} 1')
    expect(text).toContain('holdfast_rejections_total{policy="rate-limiter",target="t"} 1')
    expect(text).toContain('holdfast_job_events_total{event="dead",kind="http"} 1')
    expect(text).toContain('holdfast_job_duration_ms_count{kind="http"} 1')
  })

  // T: 31
  it('fold names beyond the cap into one series, but never a declared one', async () => {
    const { source, metrics } = stage({ maxNames: 10, declared: { targets: ['database'] } })
    for (let i = 0; i < 5000; i++)
      source.bus.emit({
        type: 'execution.succeeded',
        at: 1,
        operation: `op-${i}`,
        target: `https://${i}.example`,
        durationMs: 1,
        attempts: 1,
      })
    source.bus.emit({ type: 'circuit-breaker.rejected', at: 1, target: 'database' })
    const text = await metrics.text()
    expect(text).toContain('holdfast_call_duration_ms_count{operation="other",target="other",outcome="success"} 4990')
    expect(text).toContain('holdfast_rejections_total{policy="circuit-breaker",target="database"} 1')
    expect(text.split('\n').length).toBeLessThan(500)
  })

  it('show the worst breaker of those that are folded together', async () => {
    const { metrics } = stage({ maxNames: 0 })
    expect(await metrics.text()).toContain('holdfast_circuit_state{target="other"} 2')
  })

  it('include the process when asked', async () => {
    const { metrics } = stage({ process: true })
    expect(await metrics.text()).toContain('process_cpu_seconds_total')
  })
})

describe('the book of operations', () => {
  // R: X11
  it('keeps count, average, quantiles, retries and failures per operation', () => {
    const clock = new VirtualClock()
    const book = new OperationBook(clock)
    const random = seededRandom(1)
    for (let i = 0; i < 100; i++)
      book.listen({ type: 'execution.succeeded', at: 1, operation: 'goto', durationMs: 100 + random(), attempts: 1 })
    book.listen({ type: 'execution.failed', at: 1, operation: 'goto', durationMs: 100, attempts: 3, error })
    book.listen({ type: 'retry.scheduled', at: 1, operation: 'goto', attempt: 1, elapsedMs: 1, delayMs: 1, error })
    const [goto] = book.operations()
    expect(goto).toMatchObject({ operation: 'goto', count: 101, retries: 1, failures: 1, minMs: 100 })
    expect(goto?.p95Ms).toBeGreaterThan(95)
  })

  // T: 31
  it('keeps no more operations than its cap', () => {
    const book = new OperationBook(new VirtualClock(), 5)
    for (let i = 0; i < 1000; i++) book.record(`op-${i}`, 1)
    expect(book.operations()).toHaveLength(6)
    expect(book.operations().find(({ operation }) => operation === 'other')?.count).toBe(995)
  })
})
