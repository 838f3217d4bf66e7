import { transformSync } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { circuitBreaker, retry } from '../policies/index.ts'
import type { HoldfastEvent } from './events.ts'
import type { Policy } from './policy.ts'
import { resilient } from './resilient.ts'

/** As a compiler of the standard decorators makes it; Node itself cannot run their syntax. */
const source = `
  var Fixture = class Mailer {
    sent = []
    #from = 'us'
    @decorate async send(to, text) {
      this.sent.push([this.#from, to, text])
      if (this.sent.length < this.failuresBefore) throw new Error('busy')
      return this.sent.length
    }
    @decorate static async ping() { return 'pong' }
    failuresBefore = 0
  }
`

interface Mailer {
  readonly sent: readonly unknown[]
  failuresBefore: number
  send(to: string, text: string): Promise<number>
}
interface MailerClass {
  new (): Mailer
  ping(): Promise<string>
}

function mailer(policy: Policy, operation?: string): MailerClass {
  const { code } = transformSync(source, { target: 'es2022', loader: 'js' })
  // oxlint-disable-next-line typescript/no-implied-eval -- the compiled fixture
  return new Function('decorate', `${code}; return Fixture`)(resilient(policy, operation)) as MailerClass
}

const quick = { maxAttempts: 3, backoff: () => 0 }

describe('a method under a policy', () => {
  it('runs under it, with its own this, arguments and result', async () => {
    const Mailer = mailer(retry(quick))
    const one = new Mailer()
    one.failuresBefore = 3
    expect(await one.send('them', 'hello')).toBe(3)
    expect(one.sent).toEqual(Array.from({ length: 3 }, () => ['us', 'them', 'hello']))
    expect(await Mailer.ping()).toBe('pong')
  })

  it('is named after the method, or as it was told', async () => {
    const names = async (operation?: string) => {
      const policy = retry({ ...quick, maxAttempts: 1 })
      const events: HoldfastEvent[] = []
      policy.observe((event) => events.push(event))
      const one = new (mailer(policy, operation))()
      one.failuresBefore = 9
      await one.send('them', 'hello').catch(() => {})
      return events.map((event) => event.operation)
    }
    expect(await names()).toEqual(['send'])
    expect(await names('mail')).toEqual(['mail'])
  })

  it('shares the policy between instances: what one learns the other obeys', async () => {
    const Mailer = mailer(circuitBreaker({ trip: { consecutive: 1 } }))
    const [one, two] = [new Mailer(), new Mailer()]
    one.failuresBefore = 9
    await expect(one.send('a', 'b')).rejects.toThrow('busy')
    await expect(two.send('a', 'b')).rejects.toMatchObject({ code: 'ERR_CIRCUIT_OPEN' })
    expect(two.sent).toEqual([])
  })

  it('is a method, by a standard decorator', () => {
    const decorate = resilient(retry()) as unknown as (target: unknown, context: unknown) => void
    expect(() => decorate({}, 'send')).toThrow(/must decorate a method/)
    expect(() => decorate(undefined, { kind: 'field', name: 'send' })).toThrow(/must decorate a method.*"field"/)
    expect(() => resilient(retry(), '')).toThrow('resilient.operation')
    let error: unknown
    try {
      decorate(undefined, undefined)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toMatchObject({
      message: "'resilient' must decorate a method, as a standard decorator: got undefined",
      hint: "Switch off `experimentalDecorators`; for functions that are no methods there is the policy's `wrap`.",
    })
  })
})
