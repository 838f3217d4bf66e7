import { describe, expect, it } from 'vitest'
import { OptionError } from '../../core/errors.ts'
import { AllowList } from './allow-list.ts'
import { ForbiddenAddressError } from './http-errors.ts'

const check = (rules: readonly string[], url: string): void => new AllowList(rules).checkUrl(new URL(url), 'payload.url')

describe('AllowList', () => {
  it.each<[rules: string[], url: string]>([
    [['public'], 'http://example.com/'],
    [['loopback'], 'http://127.0.0.1:9000/'],
    [['loopback'], 'http://[::1]:9000/'],
    [['loopback'], 'http://[::ffff:127.0.0.1]/'],
    [['loopback'], 'http://localhost:9000/'],
    [['loopback'], 'http://LOCALHOST./'],
    [['loopback'], 'http://app.localhost/'],
    [['private'], 'http://10.1.2.3/'],
    [['private'], 'http://[fd12::1]/'],
    [['10.1.0.0/16'], 'http://10.1.2.3/'],
    [['10.1.2.3'], 'http://10.1.2.3:81/'],
    [['::ffff:10.1.0.0/112'], 'http://10.1.2.3/'],
    [['169.254.169.254'], 'http://169.254.169.254/'],
    [['fd12::/16'], 'http://[fd12::1]/'],
    [['localhost'], 'http://localhost:1234/'],
    [['hooks.internal'], 'https://hooks.internal/x'],
    [['hooks.internal'], 'https://HOOKS.internal./x'],
    [['hooks.internal:443'], 'https://hooks.internal/x'],
    [['hooks.internal:8443'], 'https://hooks.internal:8443/x'],
    [['127.0.0.1:9000'], 'http://127.0.0.1:9000/'],
    [['[::1]:9000'], 'http://[::1]:9000/'],
    [['*.example.com'], 'https://a.b.example.com/'],
    [['bücher.example'], 'https://xn--bcher-kva.example/'],
    [['public', 'loopback'], 'http://localhost/'],
  ])('with %j lets %s through', (rules, url) => {
    expect(() => check(rules, url)).not.toThrow()
  })

  it.each<[rules: string[], url: string]>([
    [['public'], 'http://127.0.0.1/'],
    [['public'], 'http://localhost/'],
    [['public'], 'http://localhost./'],
    [['public'], 'http://x.localhost/'],
    [['public'], 'http://localhost.localdomain/'],
    [['public'], 'http://ip6-localhost/'],
    [['public'], 'http://10.1.2.3/'],
    [['public'], 'http://169.254.169.254/latest/meta-data'],
    [['public', 'private', 'loopback'], 'http://169.254.169.254/'],
    [['public', 'private', 'loopback'], 'http://[fd00:ec2::254]/'],
    [['loopback'], 'http://10.1.2.3/'],
    [['loopback'], 'http://8.8.8.8/'],
    [['10.1.0.0/16'], 'http://10.2.2.3/'],
    [['10.1.0.0/16'], 'http://[::1]/'],
    [['hooks.internal'], 'https://other.internal/'],
    [['hooks.internal'], 'https://evil-hooks.internal/'],
    [['hooks.internal'], 'https://hooks.internal.evil.com/'],
    [['hooks.internal:8443'], 'https://hooks.internal/'],
    [['127.0.0.1:9000'], 'http://127.0.0.1:9001/'],
    [['*.example.com'], 'https://example.com/'],
    [['*.example.com'], 'https://badexample.com/'],
    [[], 'https://example.com/'],
    [['0.0.0.0/0'], 'http://127.0.0.1:0/'],
  ])('with %j refuses %s', (rules, url) => {
    expect(() => check(rules, url)).toThrow(ForbiddenAddressError)
  })

  it('vouches by name for internal addresses, never for reserved ones', () => {
    const allow = new AllowList(['hooks.internal', '*.example.com'])
    expect(allow.admits('10.1.2.3', 'hooks.internal', 443)).toBe(true)
    expect(allow.admits('127.0.0.1', 'hooks.internal', 443)).toBe(true)
    expect(allow.admits('8.8.8.8', 'a.example.com', 443)).toBe(true)
    expect(allow.admits('169.254.169.254', 'hooks.internal', 443)).toBe(false)
    expect(allow.admits('::ffff:169.254.169.254', 'a.example.com', 443)).toBe(false)
    expect(allow.admits('not an address', 'hooks.internal', 443)).toBe(false)
  })

  it.each<[entry: unknown, hint: RegExp]>([
    ['*', /name the scopes/],
    ['publik', /'public'/],
    ['10.0.0.1/8', /lowest address/],
    ['10.0.0.0/40', /lowest address/],
    ['http://example.com', /A rule is/],
    ['example.com/path', /A rule is/],
    ['user@example.com', /A rule is/],
    ['a..b', /A rule is/],
    ['*.', /A rule is/],
    ['a.*.com', /A rule is/],
    ['', /A rule is/],
    ['0x7f.1', /A rule is/],
    ['[::1', /lowest address/],
    [7, /A rule is/],
  ])('refuses the rule %j with a hint', (entry, hint) => {
    let error: unknown
    try {
      new AllowList([entry as string], 'http.allow')
    } catch (caught) {
      error = caught
    }
    expect(error).toBeInstanceOf(OptionError)
    expect((error as OptionError).option).toBe('http.allow[0]')
    expect((error as OptionError).hint).toMatch(hint)
  })

  it('refuses ports that are none and lists that are none', () => {
    expect(() => new AllowList(['example.com:0'])).toThrow(/port from 1 to 65535/)
    expect(() => new AllowList(['example.com:65536'])).toThrow(/port from 1 to 65535/)
    expect(() => new AllowList('public' as never)).toThrow(OptionError)
  })

  it('says which field, which kind of address, and what to do', () => {
    expect(() => check(['public'], 'http://0xA9FEA9FE/')).toThrow(
      expect.objectContaining({
        code: 'ERR_ADDRESS_FORBIDDEN',
        retryable: false,
        path: 'payload.url',
        message: expect.stringContaining('169.254.169.254 (link-local address)') as string,
        hint: expect.stringContaining("'allow'") as string,
      }),
    )
  })
})
