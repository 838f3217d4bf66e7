import { describe, expect, it } from 'vitest'
import { createRedactor, redact, redactText } from './redact.ts'

describe('redact', () => {
  it('masks what is under a secret name, at any depth, and copies the rest', () => {
    const value = { url: 'https://a.example/', headers: [{ Authorization: 'x', 'X-Api-Key': 'y', accept: 'z' }], dbPassword: 1 }
    expect(redact(value)).toEqual({
      url: 'https://a.example/',
      headers: [{ Authorization: '[redacted]', 'X-Api-Key': '[redacted]', accept: 'z' }],
      dbPassword: '[redacted]',
    })
    expect(value.headers[0]?.Authorization).toBe('x')
  })

  it.each([
    ['postgres://user:hunter2@db.example/x', 'postgres://user:[redacted]@db.example/x'],
    ['amqp://user:p@ss@mq:5672', 'amqp://user:[redacted]@mq:5672'],
    ['redis://:hunter2@cache', 'redis://:[redacted]@cache'],
    ['GET https://a.example/?q=1&access_token=abc#top', 'GET https://a.example/?q=1&access_token=[redacted]#top'],
    ['sent Bearer abcdef.ghi-jkl', 'sent Bearer [redacted]'],
    ['{"api_key": "sk-12345"}', '{"api_key": "[redacted]"}'],
    ['https://a.example/path?page=2', 'https://a.example/path?page=2'],
    ['the token bucket is empty', 'the token bucket is empty'],
  ])('turns %s into %s', (text, shown) => {
    expect(redactText(text)).toBe(shown)
  })

  it('takes more names', () => {
    const own = createRedactor({ names: ['Member-Id'], mask: '***' })
    expect(own({ member_id: 7, name: 'n' })).toEqual({ member_id: '***', name: 'n' })
  })

  // W: 22
  it('survives hostile values: deep, named __proto__, not JSON', () => {
    let deep: unknown = 1
    for (let i = 0; i < 100_000; i++) deep = [deep]
    expect(JSON.stringify(redact(deep))).toContain('[deeper]')
    const polluted = redact(JSON.parse('{"__proto__":{"admin":true}}')) as Record<string, unknown>
    expect(Object.hasOwn(polluted, '__proto__')).toBe(true)
    expect(({} as Record<string, unknown>).admin).toBeUndefined()
    expect(JSON.stringify(redact({ big: 1n, call: () => 1 }))).toBe('{"big":"1"}')
  })

  it('takes linear time on text made to be slow', () => {
    for (const unit of ['a.', '?token', 'http://', 'Bearer ', 'password ', '&a-']) {
      const started = performance.now()
      redactText(unit.repeat(200_000 / unit.length))
      expect([unit, performance.now() - started < 1500]).toEqual([unit, true])
    }
  })
})
